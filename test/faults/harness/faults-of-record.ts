/** What happens to the record on purpose, while programs die: a person is erased, the box goes on from a backup. */
import { join } from 'node:path'
import { between, type Fault, type Scene } from './fault.ts'
import { pause, runGateway, until } from './program.ts'
import { withRecord } from './record.ts'
import { adminCall, type Site } from './site.ts'

/** A gateway that starts again takes an administrator's word within this. */
const OPERATION_TIMEOUT_MS = 30_000

export const recordFaults: readonly Fault[] = [
  {
    name: 'erase-and-kill',
    what: 'persons are erased while the gateway is killed: who was told so stays erased',
    mayRefuse: (code) => code === 'answer.erased',
    async inject(scene) {
      const { site, random, bit } = scene
      const broken: string[] = []
      let told = 0
      for (const { id } of site.devices.slice(0, between(random, 1, 4))) {
        const person = { id: `P-${id}`, kind: 'patient', reason: 'asked' }
        const erasing = adminCall(site, 'subject.erase', person).then(
          () => true,
          () => false,
        )
        await pause(between(random, 0, 40))
        bit(await site.killGateway())
        await site.startGateway()
        if (await erasing) told += 1
        if (erasures(site) < told) broken.push(`stuck: ${person.id} was told as erased, and is not`)
        const asked = askedBy(scene, person.id)
        const isErased = await until(OPERATION_TIMEOUT_MS, () =>
          adminCall(site, 'subject.erase', person).then(
            () => true,
            () => undefined,
          ),
        )
        if (isErased) {
          told += 1
          scene.erased.set(person.id, asked)
        } else broken.push(`stuck: ${person.id} cannot be erased`)
      }
      return broken
    },
  },
  {
    name: 'restore',
    what: 'a backup under load, later a kill -9, and the box goes on from the backup',
    isRestoring: true,
    async inject(scene) {
      const { site, random, bit } = scene
      const file = join(site.folder, 'site.kefu-backup')
      const known = new Set(scene.load.acknowledged.keys())
      const backup = await runGateway(['backup', file, '--data', site.gatewayDir])
      if (backup.code !== 0) return [`stuck: no backup: ${backup.lastWords}`]
      await pause(between(random, 50, 600))
      await site.killGateway()
      const restored = await runGateway(['restore', file, '--data', site.gatewayDir, '--force'])
      if (restored.code !== 0) return [`stuck: not restored: ${restored.lastWords}`]
      bit(forgetLost(scene, known))
      await site.startGateway()
      return []
    },
  },
]

/** What was acknowledged to a person so far. */
const askedBy = ({ load }: Scene, id: string): ReadonlySet<string> =>
  new Set(
    [...load.acknowledged].flatMap(([key, { kind, body }]) =>
      kind === 'ask' && (body as { subject?: { id: string } }).subject?.id === id ? [key] : [],
    ),
  )

/** Entries that tell of an erasure; verify holds each against its keys. */
const erasures = (site: Site): number =>
  withRecord(
    site,
    (store) =>
      store
        .prepare<{ n: number }>(
          `SELECT count(*) AS n FROM ledger_entry WHERE instr(bytes, CAST('subject.erased' AS BLOB)) > 0`,
        )
        .get()?.n ?? 0,
  )

/** What was acknowledged after the backup began may have gone with the disk; how much that is. */
function forgetLost({ load }: Scene, known: ReadonlySet<string>): number {
  const later = [...load.acknowledged.keys()].filter((key) => !known.has(key))
  load.forgive(later)
  return later.length
}
