import { setTimeout as delay } from 'node:timers/promises'
import { expect } from 'vitest'
import { wireSuite } from '../support/wire/suite.ts'

const expiry = (seconds: number) => [['messageExpiryInterval', seconds]] as const
/** Longer than an interval of one second, however it is rounded. */
const PAST_ONE_SECOND_MS = 2_100

wireSuite('Message Expiry Interval', ({ v5 }) => {
  v5('[MQTT-3.3.2-6] a message handed on at once keeps its interval', async (w) => {
    const client = await w.connect()
    await client.subscribe(w.topic(), { qos: 1 })
    await client.publish(w.topic(), 'x', { qos: 1, props: expiry(100) })
    const left = (await client.receive()).props.number('messageExpiryInterval') ?? -1
    expect(left).toBeGreaterThan(97)
    expect(left).toBeLessThanOrEqual(100)
  })

  v5('[MQTT-3.3.2-6] an interval of 0 stays 0 where the message never waits', async (w) => {
    const client = await w.connect()
    await client.subscribe(w.topic())
    await client.publish(w.topic(), 'now or never', { props: expiry(0) })
    expect((await client.receive()).props.number('messageExpiryInterval')).toBe(0)
  })

  for (const qos of [1, 2] as const) {
    v5(`[MQTT-3.3.2-5] a queued QoS ${qos} message expires, the others are sent`, async (w) => {
      const first = await w.connect(w.lasting())
      await first.subscribe(w.topic(), { qos })
      await first.disconnect()
      const from = await w.connect()
      await from.publish(w.topic(), 'expires', { qos, props: expiry(1) })
      await from.publish(w.topic(), 'stays', { qos })
      await from.publish(w.topic(), 'lasts', { qos, props: expiry(60) })
      await delay(PAST_ONE_SECOND_MS)
      const again = await w.connect(w.lasting())
      const stays = await again.receive()
      expect(stays).toMatchObject({ payload: 'stays' })
      expect(stays.props.get('messageExpiryInterval')).toBeUndefined()
      expect(await again.receive()).toMatchObject({ payload: 'lasts' })
    })
  }

  v5('[MQTT-3.3.2-6] a queued message carries what is left of its interval', async (w) => {
    const first = await w.connect(w.lasting())
    await first.subscribe(w.topic(), { qos: 1 })
    await first.disconnect()
    const from = await w.connect()
    await from.publish(w.topic(), 'x', { qos: 1, props: expiry(60) })
    await delay(PAST_ONE_SECOND_MS)
    const again = await w.connect(w.lasting())
    const left = (await again.receive()).props.number('messageExpiryInterval') ?? -1
    expect(left).toBeGreaterThan(50)
    expect(left).toBeLessThanOrEqual(58)
  })

  v5('[MQTT-3.3.2-5] a retained message expires', async (w) => {
    const client = await w.connect()
    await client.publish(w.topic('r'), 'expires', { qos: 1, retain: true, props: expiry(1) })
    await delay(PAST_ONE_SECOND_MS)
    await client.subscribe(w.topic('+'), { qos: 1 })
    await client.publish(w.topic('s'), 'sentinel', { qos: 1 })
    expect(await client.receive()).toMatchObject({ payload: 'sentinel' })
  })

  v5('[MQTT-3.3.2-6] a retained message carries what is left of its interval', async (w) => {
    const client = await w.connect()
    await client.publish(w.topic(), 'kept', { qos: 1, retain: true, props: expiry(60) })
    await delay(PAST_ONE_SECOND_MS)
    await client.subscribe(w.topic(), { qos: 1 })
    const message = await client.receive()
    expect(message).toMatchObject({ payload: 'kept', retain: true })
    const left = message.props.number('messageExpiryInterval') ?? -1
    expect(left).toBeGreaterThan(50)
    expect(left).toBeLessThanOrEqual(58)
    await client.publish(w.topic(), '', { qos: 1, retain: true })
  })

  v5('[MQTT-3.3.2-5] a message behind a full window expires there', async (w) => {
    const client = await w.connect({ props: [['receiveMaximum', 1]] })
    await client.subscribe(w.topic(), { qos: 1 })
    await client.publish(w.topic(), 'held', { qos: 1 })
    await client.publish(w.topic(), 'expires', { qos: 1, props: expiry(1) })
    await client.publish(w.topic(), 'lasts', { qos: 1 })
    const held = await client.take('publish')
    await delay(PAST_ONE_SECOND_MS)
    client.send(Buffer.from([0x40, 2, held.packetId >> 8, held.packetId & 0xff]))
    expect(await client.receive()).toMatchObject({ payload: 'lasts' })
  })

  v5('[MQTT-4.3.3-7] a message already sent is sent again although it has expired', async (w) => {
    const first = await w.connect(w.lasting())
    await first.subscribe(w.topic(), { qos: 2 })
    await first.publish(w.topic(), 'sent', { qos: 2, props: expiry(1) })
    const { packetId } = await first.take('publish')
    await first.disconnect()
    await delay(PAST_ONE_SECOND_MS)
    const again = await w.connect(w.lasting())
    expect(await again.receive()).toMatchObject({ packetId, payload: 'sent', dup: true })
  })

  v5('[MQTT-3.3.2-5] an MQTT 3.1.1 session does not get what has expired', async (w) => {
    const session = { clientId: w.clientId('old'), clean: false, version: 4 } as const
    const first = await w.connect(session)
    await first.subscribe(w.topic(), { qos: 1 })
    await first.disconnect()
    const from = await w.connect()
    await from.publish(w.topic(), 'expires', { qos: 1, props: expiry(1) })
    await from.publish(w.topic(), 'stays', { qos: 1 })
    await delay(PAST_ONE_SECOND_MS)
    const again = await w.connect(session)
    expect(await again.receive()).toMatchObject({ payload: 'stays' })
  })
})
