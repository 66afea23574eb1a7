/** What the box refuses of a device that speaks MQTT 5: told in the acknowledgement, and the link goes on. */
import { expect, it } from 'vitest'
import { startGateway } from '../support/gateway.ts'

const TOO_LARGE = JSON.stringify({ id: 'e-1', kind: 'sensor', values: { a: 'x'.repeat(70_000) } })
const ask = (id: string): string => JSON.stringify({ id, text: '停车场在哪' })
const TOO_MANY_FIELDS = JSON.stringify({
  state: Object.fromEntries(Array.from({ length: 300 }, (_, n) => [`f${n}`, n])),
})

it.each([1, 2] as const)(
  'a message of QoS %i that is too large, or over the rate, costs the device nothing but itself',
  async (qos) => {
    const gateway = await startGateway({ config: { limits: { asksPerSecond: 0.1 } } })
    const token = await gateway.addDevice('k1')
    const device = await gateway.connectMqtt('k1', token, { protocolVersion: 5 })
    let ends = 0
    device.on('close', () => ends++)
    const send = (name: string, body: string) =>
      device.publishAsync(`kefu/v1/k1/${name}`, body, { qos }).then(
        () => 'taken',
        (error: { code?: number }) => error.code,
      )
    expect(await send('event', TOO_LARGE)).toBe(0x99)
    expect(await send('reported', TOO_MANY_FIELDS)).toBe(0x99)
    expect(await send('ask', ask('q-1'))).toBe('taken')
    expect(await send('ask', ask('q-2'))).toBe(0x97)
    const alarm = JSON.stringify({ id: 'e-2', kind: 'alarm', name: 'fall' })
    expect(await send('event', alarm)).toBe('taken')
    expect(ends).toBe(0)
  },
)
