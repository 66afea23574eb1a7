/**
 * A box for which each turn of its loop is half a year, to be killed: it writes, has everything delivered
 * and signed, and lets retention remove what is old enough. Says aloud, once it is on disk, the place and
 * id of one entry a turn, in which turn that was, and how many entries were removed.
 */
import { createRetention } from '../../gateway/ledger/retention.ts'
import { openTestLedger } from './cloud-ledger.ts'

const HALF_A_YEAR_MS = 182 * 86_400_000
/** Two segments a turn. */
const ENTRIES = 600

async function main(dataDir: string, firstTurn: number): Promise<void> {
  let turn = firstTurn
  const clock = { now: () => turn * HALF_A_YEAR_MS }
  const { store, ledger } = openTestLedger(dataDir, clock)
  const retention = createRetention({ store, clock, ledger })
  for (; ; turn++) {
    const askId = `${process.pid}-${turn}`
    const draft = { kind: 'test', atMs: clock.now(), body: { turn }, personal: { heard: askId } }
    const { index } = await store.commit(() => {
      for (let i = 0; i < ENTRIES; i++) {
        ledger.append({ ...draft, lane: i % 5 === 0 ? 'telemetry' : 'session' })
      }
      const askKey = { deviceId: 'd-0', askId }
      return ledger.append({ ...draft, lane: 'critical', dataClass: 'C1', askKey })
    })
    for (const { lane, accepted } of ledger.balance()) await ledger.acknowledge(lane, accepted)
    await ledger.checkpoint()
    const { entriesRemoved } = await retention.run()
    process.stdout.write(`${index} ${askId} ${turn} ${entriesRemoved}\n`)
  }
}

const [dataDir = '', firstTurn] = process.argv.slice(2)
await main(dataDir, Number(firstTurn))
