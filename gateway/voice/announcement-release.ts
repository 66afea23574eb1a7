/** Announcements that come down from the cloud core: said once per device, known by the release's name. */
import type { ReleaseTarget } from '@kefu-edge/cloud-sync/install-release'
import { Value } from '@sinclair/typebox/value'
import { Announcement } from './announcement.ts'

export function createAnnouncementTarget(
  announce: (announcement: Announcement) => Promise<unknown>,
): ReleaseTarget {
  const staged = new Map<string, Announcement>()
  return {
    async stage({ name }, content) {
      try {
        const said: unknown = JSON.parse(Buffer.from(content).toString('utf8'))
        if (!Value.Check(Announcement, said))
          return { kind: 'failed', reason: 'not an announcement' }
        staged.set(name, said)
        return { kind: 'passed' }
      } catch {
        return { kind: 'failed', reason: 'not JSON' }
      }
    },
    /** The announcer knows the id, so a second call after a power cut says nothing twice. */
    async activate({ name, serial }) {
      const said = staged.get(name)
      if (!said) return
      await announce({ ...said, id: said.id ?? `${name}.${serial}`.slice(0, 64) })
      staged.delete(name)
    },
    test: async () => ({ kind: 'passed' }),
    // What was said was said.
    rollback: async () => {},
  }
}
