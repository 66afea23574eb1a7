/** A broker in a process of its own, to be killed: `kill.test.ts` starts it with a folder. */
import { createMqttBroker } from '../../../../gateway/channels/mqtt/broker.ts'
import { openStore } from '../../../../gateway/storage/store.ts'

const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: console.error }
const store = openStore({ path: `${process.argv[2]}/kefu.db`, synchronous: 'FULL' })
const broker = createMqttBroker({
  store,
  clock: { nowMs: () => Date.now() },
  logger: silent,
  limits: { maxMessagesPerSecond: 0 },
  authenticate: ({ clientId }) => ({ ok: true, principal: { id: clientId } }),
  authorize: () => ({ ok: true }),
  isDeviceMessageTopic: () => false,
  onDeviceMessage: () => ({ reasonCode: 0 }),
})
const port = await broker.listen({ host: '127.0.0.1', port: 0 })
process.stdout.write(`port ${port}\n`)
