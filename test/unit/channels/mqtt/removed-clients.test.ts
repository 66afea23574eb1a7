/** Clients whose device is removed: nothing that was promised to others goes with them. */
import { setTimeout as delay } from 'node:timers/promises'
import mqtt from 'mqtt'
import { expect, it, onTestFinished } from 'vitest'
import { ClientRows } from '../../../../gateway/channels/mqtt/sessions/client-rows.ts'
import { RESTART_GRACE_MS } from '../../../../gateway/channels/mqtt/sessions/wills.ts'
import { brokerOfTest, startBroker, type TestBroker } from './broker-support.ts'

const AN_HOUR = { sessionExpiryInterval: 3600 }
const KEPT = { clean: false, protocolVersion: 5, properties: AN_HOUR } as const

async function join({ port }: TestBroker, clientId: string, options: mqtt.IClientOptions = KEPT) {
  const url = `mqtt://127.0.0.1:${port}`
  const client = await mqtt.connectAsync(url, { clientId, reconnectPeriod: 0, ...options })
  onTestFinished(() => void client.end(true))
  return client
}

/** A client that is back, and hears from its first moment. */
function back({ port }: TestBroker, clientId: string, last: string): Promise<string[]> {
  const client = mqtt.connect(`mqtt://127.0.0.1:${port}`, { clientId, reconnectPeriod: 0, ...KEPT })
  onTestFinished(() => void client.end(true))
  return hearUntil(client, last)
}

async function restarted(running: TestBroker): Promise<TestBroker> {
  const again = await running.restart()
  onTestFinished(() => again.close())
  return again
}

/** What the operation `device.remove` does: rows first, and once they are on disk what is in memory. */
async function remove(
  { store, broker }: TestBroker,
  clientId: string,
  meanwhile?: Promise<unknown>,
) {
  const rows = new ClientRows(store)
  const removed = store.commit(() => rows.remove(clientId, `${clientId}:`))
  await meanwhile
  await removed
  broker.forget((id) => id === clientId, 'the device was removed')
}

/** What a client has heard once it hears `last`. */
function hearUntil(client: mqtt.MqttClient, last: string): Promise<string[]> {
  const heard: string[] = []
  return new Promise((resolve) =>
    client.on('message', (_, payload) => {
      heard.push(`${payload}`)
      if (heard[heard.length - 1] === last) resolve(heard)
    }),
  )
}

it.each(['connected', 'away since before a restart'])(
  'a client that connects while one that is %s is removed keeps its session and what is acknowledged for it',
  async (how) => {
    let running = await startBroker()
    onTestFinished(() => running.close())
    await join(running, 'first')
    await join(running, 'old')
    if (how !== 'connected') running = await running.restart()
    const joined = join(running, 'young')
    await remove(running, 'old', joined)
    const young = await joined
    await young.subscribeAsync('t', { qos: 1 })
    await young.endAsync()
    await (await join(running, 'writer', {})).publishAsync('t', 'kept', { qos: 1 })
    expect(await back(await restarted(running), 'young', 'kept')).toEqual(['kept'])
  },
)

/** `gone` is away, more than a slice waits for it by a group, and `nurse` is in the group by now. */
async function leaveShared(
  running: TestBroker,
  messages: readonly string[],
  options?: mqtt.IClientOptions,
) {
  const gone = await join(running, 'gone')
  await gone.subscribeAsync('$share/ward/t', { qos: 1 })
  await gone.endAsync()
  const writer = await join(running, 'writer', {})
  await Promise.all(messages.map((text) => writer.publishAsync('t', text, { qos: 1 })))
  const nurse = await join(running, 'nurse', options)
  await nurse.subscribeAsync('$share/ward/t', { qos: 1 })
  return nurse
}

const MESSAGES = Array.from({ length: 250 }, (_, n) => `m${n}`)

it('what a group gave to a client that is removed goes to the other members, once', async () => {
  const running = await brokerOfTest()
  const heard = hearUntil(await leaveShared(running, MESSAGES), 'm249')
  await remove(running, 'gone')
  expect(await heard).toEqual(MESSAGES)
})

it('it does so too after a removal while no broker ran', async () => {
  const running = await brokerOfTest()
  await (await leaveShared(running, MESSAGES)).endAsync()
  const rows = new ClientRows(running.store)
  await running.store.commit(() => rows.remove('gone', 'gone:'))
  const again = await restarted(running)
  const heard = back(again, 'nurse', 'm249')
  again.advance(RESTART_GRACE_MS)
  expect(await heard).toEqual(MESSAGES)
})

it('members whose sessions are not kept get it too, once they are back after the start', async () => {
  const running = await brokerOfTest()
  const CLEAN = { clean: true, protocolVersion: 5 } as const
  await (await leaveShared(running, ['the drip is empty'], CLEAN)).endAsync()
  const rows = new ClientRows(running.store)
  await running.store.commit(() => rows.remove('gone', 'gone:'))
  const again = await restarted(running)
  // Longer than the pause after which it is cleared.
  await delay(50)
  const nurse = await join(again, 'nurse', CLEAN)
  await nurse.subscribeAsync('$share/ward/t', { qos: 1 })
  const heard = hearUntil(nurse, 'the drip is empty')
  again.advance(RESTART_GRACE_MS)
  expect(await heard).toEqual(['the drip is empty'])
})
