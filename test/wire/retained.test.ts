import { expect } from 'vitest'
import { wireSuite } from '../support/wire/suite.ts'

wireSuite('Retained messages', ({ v4, v5, both }) => {
  for (const qos of [0, 1, 2] as const) {
    both(
      ['3.3.1-6', '3.3.1-9'],
      `a QoS ${qos} message retained is sent on subscribing`,
      async (w) => {
        const from = await w.connect()
        await from.publish(w.topic(), 'kept', { qos, retain: true })
        await from.ping()
        const late = await w.connect()
        await late.subscribe(w.topic(), { qos: 2 })
        expect(await late.receive()).toMatchObject({
          payload: 'kept',
          qos,
          retain: true,
          dup: false,
        })
        await from.publish(w.topic(), '', { qos: 1, retain: true })
      },
    )
  }

  both(
    ['3.8.4-6', '3.8.4-8'],
    'a retained message is sent at the granted QoS at most',
    async (w) => {
      const client = await w.connect()
      await client.publish(w.topic(), 'kept', { qos: 2, retain: true })
      await client.subscribe(w.topic(), { qos: 1 })
      expect(await client.receive()).toMatchObject({ payload: 'kept', qos: 1, retain: true })
      await client.publish(w.topic(), '', { qos: 1, retain: true })
    },
  )

  both(['3.3.1-9', '3.3.1-12'], 'an established subscription sees RETAIN 0', async (w) => {
    const client = await w.connect()
    await client.subscribe(w.topic(), { qos: 1 })
    await client.publish(w.topic(), 'live', { qos: 1, retain: true })
    expect(await client.receive()).toMatchObject({ payload: 'live', retain: false })
    await client.publish(w.topic(), '', { qos: 1, retain: true })
  })

  both('3.3.1-5', 'the last retained message replaces the one before', async (w) => {
    const client = await w.connect()
    await client.publish(w.topic(), 'old', { qos: 1, retain: true })
    await client.publish(w.topic(), 'new', { qos: 1, retain: true })
    await client.subscribe(w.topic(), { qos: 1 })
    expect(await client.receive()).toMatchObject({ payload: 'new', retain: true })
    await client.publish(w.topic(), 'sentinel', { qos: 1 })
    expect(await client.receive()).toMatchObject({ payload: 'sentinel' })
    await client.publish(w.topic(), '', { qos: 1, retain: true })
  })

  both(['3.3.1-7', '3.3.1-5'], 'a QoS 0 retained message replaces one of QoS 2', async (w) => {
    const client = await w.connect()
    await client.publish(w.topic(), 'old', { qos: 2, retain: true })
    await client.publish(w.topic(), 'new', { qos: 0, retain: true })
    await client.ping()
    await client.subscribe(w.topic(), { qos: 2 })
    expect(await client.receive()).toMatchObject({ payload: 'new', qos: 0, retain: true })
    await client.publish(w.topic(), '', { qos: 1, retain: true })
  })

  both(['3.3.1-10', '3.3.1-6'], 'an empty retained message removes the stored one', async (w) => {
    const client = await w.connect()
    await client.publish(w.topic('a'), 'kept', { qos: 1, retain: true })
    await client.publish(w.topic('a'), '', { qos: 1, retain: true })
    await client.subscribe(w.topic('+'), { qos: 1 })
    await client.publish(w.topic('s'), 'sentinel', { qos: 1 })
    expect(await client.receive()).toMatchObject({ payload: 'sentinel' })
  })

  both(
    ['3.3.1-10', '3.3.1-6'],
    'an empty retained message reaches subscribers as a message',
    async (w) => {
      const client = await w.connect()
      await client.subscribe(w.topic(), { qos: 1 })
      await client.publish(w.topic(), '', { qos: 1, retain: true })
      expect(await client.receive()).toMatchObject({ payload: '', retain: false })
    },
  )

  both(['3.3.1-11', '3.3.1-7'], 'an empty retained message is not stored', async (w) => {
    const client = await w.connect()
    await client.publish(w.topic('a'), '', { qos: 1, retain: true })
    await client.subscribe(w.topic('#'), { qos: 1 })
    await client.publish(w.topic('s'), 'sentinel', { qos: 1 })
    expect(await client.receive()).toMatchObject({ payload: 'sentinel' })
  })

  both(
    ['3.3.1-12', '3.3.1-8'],
    'a message without RETAIN leaves the stored one alone',
    async (w) => {
      const client = await w.connect()
      await client.publish(w.topic(), 'kept', { qos: 1, retain: true })
      await client.publish(w.topic(), 'passing', { qos: 1 })
      await client.publish(w.topic(), '', { qos: 1 })
      await client.subscribe(w.topic(), { qos: 1 })
      expect(await client.receive()).toMatchObject({ payload: 'kept', retain: true })
      await client.publish(w.topic(), '', { qos: 1, retain: true })
    },
  )

  both(
    ['3.3.1-6', '3.3.1-9'],
    'a wildcard finds the retained messages of every topic',
    async (w) => {
      const client = await w.connect()
      const topics = ['a', 'b/c', 'b/d/e', 'f//g', 'h/'].map((one) => w.topic(one))
      for (const topic of topics) await client.publish(topic, 'x', { qos: 1, retain: true })
      await client.subscribe(w.topic('#'), { qos: 1 })
      const found: string[] = []
      while (found.length < topics.length) found.push((await client.receive()).topic)
      expect(found.sort()).toEqual(topics.sort())
      for (const topic of topics) await client.publish(topic, '', { qos: 1, retain: true })
    },
  )

  const emptyLevels = [
    ['+/baz', '/baz'],
    ['foo/+/baz', 'foo//baz'],
    ['a/+', 'a/'],
    ['+', ''],
    ['+/+', '/'],
    ['a//+', 'a//b'],
    ['#', ''],
  ] as const
  for (const [filter, topic] of emptyLevels) {
    both(
      ['4.7.1-3', '4.7.1-2'],
      `the filter ${filter} finds what is retained under "${topic}"`,
      async (w) => {
        const client = await w.connect()
        await client.publish(w.topic(topic), 'kept', { qos: 1, retain: true })
        await client.subscribe(w.topic(filter), { qos: 1 })
        expect(await client.receive()).toMatchObject({ topic: w.topic(topic), retain: true })
        await client.publish(w.topic(topic), '', { qos: 1, retain: true })
      },
    )
  }

  both(
    ['3.1.2-7', '3.3.1-5'],
    'a retained message outlives the session that sent it',
    async (w) => {
      const from = await w.connect()
      await from.publish(w.topic(), 'kept', { qos: 1, retain: true })
      await from.disconnect()
      const late = await w.connect()
      await late.subscribe(w.topic(), { qos: 1 })
      expect(await late.receive()).toMatchObject({ payload: 'kept', retain: true })
      await late.publish(w.topic(), '', { qos: 1, retain: true })
    },
  )

  v4('[MQTT-3.8.4-3] subscribing again sends the retained message again', async (w) => {
    const client = await w.connect()
    await client.publish(w.topic(), 'kept', { qos: 1, retain: true })
    for (let round = 0; round < 3; round++) {
      await client.subscribe(w.topic(), { qos: 1 })
      expect(await client.receive()).toMatchObject({ payload: 'kept', retain: true })
    }
    await client.publish(w.topic(), '', { qos: 1, retain: true })
  })

  both(
    ['3.3.1-6', '3.3.1-9'],
    'a SUBSCRIBE right behind the retained PUBLISH finds it',
    async (w) => {
      const client = await w.connect()
      await client.publish(w.topic(), 'kept', { qos: 0, retain: true })
      await client.subscribe(w.topic(), { qos: 1 })
      expect(await client.receive()).toMatchObject({ payload: 'kept', retain: true })
      await client.publish(w.topic(), '', { qos: 1, retain: true })
    },
  )

  v5(
    '[MQTT-3.3.1-9] Retain As Published or not, retained messages come with RETAIN 1',
    async (w) => {
      const client = await w.connect()
      await client.publish(w.topic(), 'kept', { qos: 1, retain: true })
      for (const retainAsPublished of [true, false]) {
        await client.subscribe(w.topic(), { qos: 1, retainAsPublished })
        expect(await client.receive()).toMatchObject({ payload: 'kept', retain: true })
      }
      await client.publish(w.topic(), '', { qos: 1, retain: true })
    },
  )
})
