/** A gateway reduced to ledger and pusher, to be killed: appends for as long as it lives, pushes meanwhile. */

import { loadIdentity } from '@kefu-edge/cloud-sync/identity'
import { LANES } from '../../gateway/ledger/port.ts'
import { openPusher } from '../support/pusher.ts'
import { openTestLedger } from './cloud-ledger.ts'

const [dataDir = '', url = '', most = '0'] = process.argv.slice(2)

async function main(): Promise<void> {
  const { store, ledger } = openTestLedger(dataDir)
  const { pusher } = openPusher({
    source: ledger,
    identity: loadIdentity(ledger.gatewayId, `${dataDir}/gateway.key`),
    core: { url },
    limits: { pollMs: 10, maxBatchEntries: 40, backoff: { baseMs: 5, capMs: 50 } },
  })
  pusher.start()
  for (let n = 0; n < Number(most); n += 1) {
    const lane = LANES[n % 3] ?? 'audit'
    await store.commit(() => {
      for (let i = 0; i < 5; i += 1) {
        ledger.append({ lane, kind: 'test', atMs: Date.now(), body: { n, i } })
      }
    })
    // What was said aloud must survive the kill.
    process.stdout.write(`${JSON.stringify(ledger.balance().map((one) => one.accepted))}\n`)
  }
  await new Promise(() => setInterval(() => {}, 1000))
}

await main()
