/** Announcements that come down from the cloud core: said once per device, known by the release. */
import type { ReleaseTarget } from '@kefu-edge/cloud-sync/install-release'
import { type ReleaseManifest, sha256Hex } from '@kefu-edge/cloud-sync/protocol/release'
import { GatewayError } from '../errors.ts'
import { Announcement } from '../voice/announcement.ts'
import type { Told } from '../voice/house-voice.ts'
import { createOnceTarget } from './once-target.ts'

/** With a serial and the digest an id stays within its 64 characters. */
const NAME_CHARS = 30
const DIGEST_CHARS = 12

/** Refuses with `device.unknown` where nobody here can be told, with `release.not-said` where nobody takes it. */
export const createAnnouncementTarget = (
  announce: (announcement: Announcement) => Promise<readonly Told[]>,
): ReleaseTarget =>
  createOnceTarget({
    schema: Announcement,
    async run(said, manifest) {
      const told = await announce({ ...said, id: said.id ?? idOf(manifest) })
      // Its own id is that of no other release: who has taken it did so before a power cut.
      const isDone = ({ outcome }: Told) =>
        outcome === 'queued' || (outcome === 'duplicate' && said.id === undefined)
      if (!told.some(isDone)) throw notSaid(told)
    },
  })

/** A core that was put back gives name and serial out again, for something else. */
function idOf({ name, serial, sha256 }: ReleaseManifest): string {
  const digest = sha256Hex(Buffer.from(`${name} ${serial} ${sha256}`)).slice(0, DIGEST_CHARS)
  return `${name.slice(0, NAME_CHARS)}.${serial}.${digest}`
}

const NOBODY: ReadonlySet<Told['outcome']> = new Set(['disabled', 'unknown', 'empty'])

function notSaid(told: readonly Told[]): GatewayError {
  const detail = told
    .map((one) => `${'group' in one ? one.group : one.deviceId}: ${one.outcome}`)
    .join(', ')
  const isNobodyHere = told.every(({ outcome }) => NOBODY.has(outcome))
  return new GatewayError(isNobodyHere ? 'device.unknown' : 'release.not-said', { detail })
}
