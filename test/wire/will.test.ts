import { expect } from 'vitest'
import * as code from '../support/wire/codes.ts'
import * as packet from '../support/wire/packets.ts'
import type { Property } from '../support/wire/properties.ts'
import { wireSuite } from '../support/wire/suite.ts'

wireSuite('Will messages', ({ v4, v5, both }) => {
  for (const qos of [0, 1, 2] as const) {
    both('3.1.2-8', `a lost connection publishes the will at QoS ${qos}`, async (w) => {
      const watcher = await w.connect()
      await watcher.subscribe(w.topic(), { qos: 2 })
      const client = await w.connect({ will: { topic: w.topic(), payload: '断线', qos } })
      client.kill()
      expect(await watcher.receive()).toMatchObject({ payload: '断线', qos, retain: false })
    })
  }

  both(['3.14.4-3', '3.14.4-3'], 'DISCONNECT deletes the will', async (w) => {
    const watcher = await w.connect()
    await watcher.subscribe(w.topic(), { qos: 1 })
    const client = await w.connect({ will: { topic: w.topic(), payload: 'no', qos: 1 } })
    await client.disconnect()
    await watcher.publish(w.topic(), 'sentinel', { qos: 1 })
    expect(await watcher.receive()).toMatchObject({ payload: 'sentinel' })
  })

  v5('[MQTT-3.1.2-8] DISCONNECT 0x04 publishes the will', async (w) => {
    const watcher = await w.connect()
    await watcher.subscribe(w.topic(), { qos: 1 })
    const client = await w.connect({ will: { topic: w.topic(), payload: 'yes', qos: 1 } })
    await client.disconnect(code.DISCONNECT_WITH_WILL)
    expect(await watcher.receive()).toMatchObject({ payload: 'yes' })
  })

  v5('[MQTT-3.1.2-8] DISCONNECT with an error code publishes the will', async (w) => {
    const watcher = await w.connect()
    await watcher.subscribe(w.topic(), { qos: 1 })
    const client = await w.connect({ will: { topic: w.topic(), payload: 'yes', qos: 1 } })
    await client.disconnect(0x80)
    expect(await watcher.receive()).toMatchObject({ payload: 'yes' })
  })

  both('3.1.2-8', 'a protocol error publishes the will', async (w) => {
    const watcher = await w.connect()
    await watcher.subscribe(w.topic(), { qos: 1 })
    const client = await w.connect({ will: { topic: w.topic(), payload: 'yes', qos: 1 } })
    client.send(packet.publish(w.version, 'a/#', 'bad'))
    expect(await watcher.receive()).toMatchObject({ payload: 'yes' })
  })

  both('3.1.2-16', 'a will without Will Retain is not retained', async (w) => {
    const watcher = await w.connect()
    await watcher.subscribe(w.topic('w'), { qos: 1 })
    const client = await w.connect({ will: { topic: w.topic('w'), payload: 'x', qos: 1 } })
    client.kill()
    await watcher.receive()
    const late = await w.connect()
    await late.subscribe(w.topic('#'), { qos: 1 })
    await late.publish(w.topic('s'), 'sentinel', { qos: 1 })
    expect(await late.receive()).toMatchObject({ payload: 'sentinel' })
  })

  both('3.1.2-17', 'a will with Will Retain is retained', async (w) => {
    const watcher = await w.connect()
    await watcher.subscribe(w.topic(), { qos: 1 })
    const will = { topic: w.topic(), payload: 'kept', qos: 1, retain: true } as const
    const client = await w.connect({ will })
    client.kill()
    expect(await watcher.receive()).toMatchObject({ payload: 'kept', retain: false })
    const late = await w.connect()
    await late.subscribe(w.topic(), { qos: 1 })
    expect(await late.receive()).toMatchObject({ payload: 'kept', retain: true })
    await late.publish(w.topic(), '', { qos: 1, retain: true })
  })

  both('3.1.2-10', 'a will is published once', async (w) => {
    const watcher = await w.connect()
    await watcher.subscribe(w.topic(), { qos: 1 })
    const clientId = w.clientId('mortal')
    const client = await w.connect({ clientId, will: { topic: w.topic(), payload: 'x', qos: 1 } })
    client.kill()
    await watcher.receive()
    await (await w.connect({ clientId })).disconnect()
    await watcher.publish(w.topic(), 'sentinel', { qos: 1 })
    expect(await watcher.receive()).toMatchObject({ payload: 'sentinel' })
  })

  both('3.1.2-12', 'without Will Flag nothing is published', async (w) => {
    const watcher = await w.connect()
    await watcher.subscribe(w.topic('#'), { qos: 1 })
    const clientId = w.clientId('plain')
    const first = await w.connect({ clientId, will: { topic: w.topic('w'), payload: 'no' } })
    await first.disconnect()
    ;(await w.connect({ clientId })).kill()
    await (await w.connect({ clientId })).ping()
    await watcher.publish(w.topic('s'), 'sentinel', { qos: 1 })
    expect(await watcher.receive()).toMatchObject({ payload: 'sentinel' })
  })

  both(
    ['3.1.2-8', '3.1.4-3'],
    'taking over a client id publishes the will of the old',
    async (w) => {
      const watcher = await w.connect()
      await watcher.subscribe(w.topic(), { qos: 1 })
      const clientId = w.clientId('twin')
      await w.connect({ clientId, will: { topic: w.topic(), payload: 'taken over', qos: 1 } })
      await w.connect({ clientId })
      expect(await watcher.receive()).toMatchObject({ payload: 'taken over' })
    },
  )

  both('3.1.3-1', 'a will with an empty payload is published', async (w) => {
    const watcher = await w.connect()
    await watcher.subscribe(w.topic(), { qos: 1 })
    const client = await w.connect({ will: { topic: w.topic(), qos: 1 } })
    client.kill()
    expect(await watcher.receive()).toMatchObject({ payload: '', topic: w.topic() })
  })

  for (const bad of ['a/#', '+/b', '']) {
    both('4.7.3-1', `the will topic "${bad}" is refused`, async (w) => {
      const client = await w.dial({ will: { topic: bad, payload: 'x' } })
      const answer = await client.next().catch(() => undefined)
      if (answer) expect(answer).toMatchObject({ type: 'connack' })
      const codes = [code.TOPIC_NAME_INVALID, code.MALFORMED_PACKET, code.PROTOCOL_ERROR]
      if (answer?.type === 'connack' && w.version === 5) expect(codes).toContain(answer.code)
      if (answer?.type === 'connack') expect(answer.code).not.toBe(0)
      await client.ended()
    })
  }

  v5('[MQTT-3.3.2-17] will properties reach the subscriber', async (w) => {
    const watcher = await w.connect()
    await watcher.subscribe(w.topic(), { qos: 1 })
    const props: Property[] = [
      ['payloadFormatIndicator', 1],
      ['contentType', 'text/plain'],
      ['responseTopic', 'r/t'],
      ['correlationData', Buffer.from('c')],
      ['userProperty', ['b', '1']],
      ['userProperty', ['a', '2']],
    ]
    const client = await w.connect({ will: { topic: w.topic(), payload: 'x', qos: 1, props } })
    client.kill()
    const message = await watcher.receive()
    expect(message.props.entries).toHaveLength(props.length)
    expect(message.props.entries).toEqual(expect.arrayContaining(props))
    expect(message.props.all('userProperty')).toEqual([
      ['b', '1'],
      ['a', '2'],
    ])
  })

  v5('[MQTT-3.1.2-8] a will with a delay comes after it, not before', async (w) => {
    const watcher = await w.connect()
    await watcher.subscribe(w.topic(), { qos: 1 })
    const client = await w.connect({
      props: [['sessionExpiryInterval', 60]],
      will: { topic: w.topic(), payload: 'late', qos: 1, props: [['willDelayInterval', 1]] },
    })
    const lostAt = performance.now()
    client.kill()
    expect(await watcher.receive()).toMatchObject({ payload: 'late' })
    expect(performance.now() - lostAt).toBeGreaterThan(900)
  })

  v5('[MQTT-3.1.2-26] coming back before the delay ends cancels the will', async (w) => {
    const watcher = await w.connect()
    await watcher.subscribe(w.topic(), { qos: 1 })
    const clientId = w.clientId('back')
    const session = { clientId, clean: false, props: [['sessionExpiryInterval', 60]] as const }
    const delayed = { topic: w.topic(), payload: 'no', qos: 1 } as const
    const client = await w.connect({
      ...session,
      will: { ...delayed, props: [['willDelayInterval', 1]] },
    })
    client.kill()
    const back = await w.connect(session)
    expect(back.connack?.sessionPresent).toBe(true)
    // A second will with a longer delay, lost at once, marks when the first would have come.
    const marker = await w.connect({
      props: [['sessionExpiryInterval', 60]],
      will: { ...delayed, payload: 'marker', props: [['willDelayInterval', 2]] },
    })
    marker.kill()
    expect(await watcher.receive()).toMatchObject({ payload: 'marker' })
  })

  v5('[MQTT-3.1.2-8] a session that ends first publishes the will without its delay', async (w) => {
    const watcher = await w.connect()
    await watcher.subscribe(w.topic(), { qos: 1 })
    const client = await w.connect({
      props: [['sessionExpiryInterval', 0]],
      will: { topic: w.topic(), payload: 'now', qos: 1, props: [['willDelayInterval', 600]] },
    })
    client.kill()
    expect(await watcher.receive()).toMatchObject({ payload: 'now' })
  })

  v5('[MQTT-3.1.2-8] a session that expires before the delay publishes the will', async (w) => {
    const watcher = await w.connect()
    await watcher.subscribe(w.topic(), { qos: 1 })
    const client = await w.connect({
      props: [['sessionExpiryInterval', 1]],
      will: { topic: w.topic(), payload: 'expired', qos: 1, props: [['willDelayInterval', 600]] },
    })
    client.kill()
    expect(await watcher.receive()).toMatchObject({ payload: 'expired' })
  })

  v5('[MQTT-3.1.2-8] a clean start during the delay publishes the will', async (w) => {
    const watcher = await w.connect()
    await watcher.subscribe(w.topic(), { qos: 1 })
    const clientId = w.clientId('fresh')
    const client = await w.connect({
      clientId,
      props: [['sessionExpiryInterval', 600]],
      will: { topic: w.topic(), payload: 'ended', qos: 1, props: [['willDelayInterval', 600]] },
    })
    client.kill()
    await w.connect({ clientId, clean: true })
    expect(await watcher.receive()).toMatchObject({ payload: 'ended' })
  })

  v5('[MQTT-3.1.3-1] Will Delay Interval is not handed on', async (w) => {
    const watcher = await w.connect()
    await watcher.subscribe(w.topic(), { qos: 1 })
    const client = await w.connect({
      will: { topic: w.topic(), payload: 'x', props: [['willDelayInterval', 0]] },
    })
    client.kill()
    expect((await watcher.receive()).props.entries).toEqual([])
  })

  v5(
    '[MQTT-3.3.2-6] a will with Message Expiry Interval arrives with what is left of it',
    async (w) => {
      const watcher = await w.connect()
      await watcher.subscribe(w.topic(), { qos: 1 })
      const props = [['messageExpiryInterval', 100]] as const
      const client = await w.connect({ will: { topic: w.topic(), payload: 'x', qos: 1, props } })
      client.kill()
      const left = (await watcher.receive()).props.number('messageExpiryInterval') ?? -1
      expect(left).toBeGreaterThan(90)
      expect(left).toBeLessThanOrEqual(100)
    },
  )

  v4('[MQTT-3.1.2-8] a will reaches MQTT 5 subscribers', async (w) => {
    const watcher = await w.connect({ version: 5 })
    await watcher.subscribe(w.topic(), { qos: 2 })
    const client = await w.connect({ will: { topic: w.topic(), payload: 'old', qos: 2 } })
    client.kill()
    expect(await watcher.receive()).toMatchObject({ payload: 'old', qos: 2 })
  })
})
