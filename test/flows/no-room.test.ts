/** A message that finds no room where the policy is to refuse: whoever sent it hears so, on every version of MQTT. */
import type { MqttClient } from 'mqtt'
import { expect, it } from 'vitest'
import { runOperation } from '../../gateway/console/operations.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'

const ROOM = 3
const SENT = 5

/** A site whose staff are away and have the room for three messages. */
async function openSite(): Promise<TestGateway> {
  const gateway = await startGateway({
    packs: [],
    config: {
      log: { level: 'info' },
      mqtt: { port: 0, maxQueuedMessages: ROOM, queueOverflow: 'refuse' },
      permissions: [
        { kind: 'staff', subscribe: ['ward/#'] },
        { kind: 'bedside', publish: ['ward/%d/call'] },
      ],
    },
  })
  const token = await gateway.addDevice('nurse-1', 'staff')
  const nurse = await gateway.connectMqtt('nurse-1', token, { clean: false })
  await nurse.subscribeAsync('ward/#', { qos: 1 })
  await nurse.endAsync()
  return gateway
}

/** What a bedside terminal hears on its problem topic. */
async function joinBed(gateway: TestGateway, options: object) {
  const token = await gateway.addDevice('bed-1', 'bedside')
  const bed = await gateway.connectMqtt('bed-1', token, options)
  const problems: unknown[] = []
  bed.on('message', (_topic, payload) => problems.push(JSON.parse(payload.toString())))
  await bed.subscribeAsync('kefu/v1/bed-1/problem', { qos: 1 })
  return { bed, problems }
}

async function callOften(bed: MqttClient, qos: 0 | 1 | 2): Promise<unknown[]> {
  const codes: unknown[] = []
  for (let n = 0; n < SENT; n++) {
    const sent = bed.publishAsync('ward/bed-1/call', `${n}`, { qos })
    codes.push(
      await sent.then(
        () => 'acknowledged',
        (error: { code?: unknown }) => error.code,
      ),
    )
  }
  return codes
}

const noRoom = expect.objectContaining({
  code: 'limit.no-room',
  status: 503,
  detail: expect.stringMatching(/^ward\/bed-1\/call: the queue of a subscriber is full\. .*again/),
})

it.each([
  { protocolVersion: 4, qos: 1 },
  { protocolVersion: 4, qos: 2 },
  { protocolVersion: 5, qos: 1 },
] as const)(
  'version $protocolVersion, QoS $qos: a problem for each that is not passed on',
  async ({ protocolVersion, qos }) => {
    const gateway = await openSite()
    const { bed, problems } = await joinBed(gateway, { protocolVersion })
    const codes = await callOften(bed, qos)
    const refused = protocolVersion === 5 ? 0x97 : 'acknowledged'
    expect(codes).toEqual([
      ...Array(ROOM).fill('acknowledged'),
      ...Array(SENT - ROOM).fill(refused),
    ])
    await expect.poll(() => problems).toEqual(Array(SENT - ROOM).fill(noRoom))

    expect(gateway.broker.counters.refusedPublishes).toBe(SENT - ROOM)
    // What waits for the bed itself is its problems, until it has acknowledged them.
    await expect.poll(() => gateway.broker.totals().queuedMessages).toBe(ROOM)
    const clients = await runOperation('mqtt.clients', {}, gateway.box.operations)
    expect(JSON.stringify(clients)).toContain(`"refused":${SENT - ROOM}`)
    const lines = gateway.box.hooks.live?.recentLog() ?? []
    const said = (text: string) => lines.filter((line) => line.includes(text))
    // Once, however many were refused; the counters have the rest.
    expect(said('"msg":"publish refused"')).toEqual([
      expect.stringMatching(/"clientId":"bed-1".*the queue of a subscriber is full/),
    ])
    expect(said('the queue of a client is full')).toEqual([
      expect.stringContaining('"clientId":"nurse-1"'),
    ])
  },
)
