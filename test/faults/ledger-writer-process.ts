/** A writer to be killed: says an index aloud only after its commit resolved, as a channel answers a device. */
import { openTestLedger } from './cloud-ledger.ts'

const [dataDir = '', group = '4'] = process.argv.slice(2)

async function main(): Promise<void> {
  const { store, ledger } = openTestLedger(dataDir)
  for (let n = 0; ; n++) {
    const waits: Promise<void>[] = []
    for (let i = 0; i < Number(group); i++) {
      const wait = store.commit(() =>
        ledger.append({
          lane: i % 3 === 0 ? 'critical' : 'session',
          kind: 'test',
          atMs: n,
          subject: { id: `P-${n % 50}`, kind: 'patient' },
          body: { n, i },
          personal: { heard: `question ${n}-${i}` },
          askKey: { deviceId: `d-${i}`, askId: `${process.pid}-${n}` },
        }),
      )
      waits.push(
        wait.then(({ index }) => void process.stdout.write(`${index} ${process.pid}-${n} ${i}\n`)),
      )
    }
    await Promise.all(waits)
    if (n % 25 === 24) await ledger.checkpoint()
  }
}

await main()
