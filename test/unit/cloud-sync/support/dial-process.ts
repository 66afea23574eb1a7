/** PORT TIME_MS: asks a core that is not pinned, judged by the system clock and by this time; prints both results. */
import { generateKeyPairSync } from 'node:crypto'
import { rawPublicKey } from '@kefu-edge/cloud-sync/identity'
import { createLink } from '@kefu-edge/cloud-sync/link'
import { systemClock } from '@kefu-edge/cloud-sync/ports'

const [port, timeMs] = process.argv.slice(2).map(Number)
const { privateKey } = generateKeyPairSync('ed25519')
const identity = { gatewayId: 'gw-1', privateKey, publicKey: rawPublicKey(privateKey) }
const results = []
for (const nowMs of [Date.now(), Number(timeMs)]) {
  const link = createLink({
    url: `https://127.0.0.1:${port}`,
    identity,
    clock: systemClock,
    certificateTime: () => ({ nowMs, isKnown: true }),
  })
  results.push(await link.request({ method: 'GET', path: '/' }))
  link.close()
}
process.stdout.write(JSON.stringify(results))
