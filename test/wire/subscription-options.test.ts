import { expect } from 'vitest'
import * as code from '../support/wire/codes.ts'
import * as packet from '../support/wire/packets.ts'
import type { Property } from '../support/wire/properties.ts'
import { wireSuite } from '../support/wire/suite.ts'

wireSuite('Subscription options and identifiers', ({ v5 }) => {
  v5('[MQTT-3.8.3-3] with No Local, own messages do not come back', async (w) => {
    const [own, other] = [await w.connect(), await w.connect()]
    await own.subscribe(w.topic(), { qos: 1, noLocal: true })
    await own.publish(w.topic(), 'own', { qos: 1 })
    await other.publish(w.topic(), 'other', { qos: 1 })
    expect(await own.receive()).toMatchObject({ payload: 'other' })
  })

  v5('[MQTT-3.8.3-3] without No Local, own messages come back', async (w) => {
    const client = await w.connect()
    await client.subscribe(w.topic(), { qos: 1, noLocal: false })
    await client.publish(w.topic(), 'own', { qos: 1 })
    expect(await client.receive()).toMatchObject({ payload: 'own' })
  })

  v5('[MQTT-3.8.3-3] No Local counts for its own filter only', async (w) => {
    const client = await w.connect()
    await client.subscribe(w.topic('a'), { qos: 2, noLocal: true })
    await client.subscribe(w.topic('#'), { qos: 1 })
    await client.publish(w.topic('a'), 'x', { qos: 2 })
    expect(await client.receive()).toMatchObject({ payload: 'x', qos: 1 })
    await client.publish(w.topic('b'), 'sentinel', { qos: 1 })
    expect(await client.receive()).toMatchObject({ payload: 'sentinel' })
  })

  v5('[MQTT-3.8.3-3] No Local holds for messages queued while away', async (w) => {
    const session = { clientId: w.clientId(), props: [['sessionExpiryInterval', 60]] as const }
    const first = await w.connect(session)
    await first.subscribe(w.topic(), { qos: 1, noLocal: true })
    await first.publish(w.topic(), 'own', { qos: 1 })
    await first.disconnect()
    await (await w.connect()).publish(w.topic(), 'other', { qos: 1 })
    const again = await w.connect({ ...session, clean: false })
    expect(await again.receive()).toMatchObject({ payload: 'other' })
  })

  v5('[MQTT-3.8.3-4] No Local on a shared subscription is a protocol error', async (w) => {
    const client = await w.connect()
    const filter = `$share/g/${w.topic()}`
    client.send(packet.subscribe(5, 1, [{ filter, noLocal: true }]))
    await client.refused(code.PROTOCOL_ERROR, code.MALFORMED_PACKET)
  })

  for (const retain of [false, true]) {
    v5(`[MQTT-3.3.1-12] without Retain As Published, RETAIN ${retain} arrives as 0`, async (w) => {
      const client = await w.connect()
      await client.subscribe(w.topic(), { qos: 1 })
      await client.publish(w.topic(), 'x', { qos: 1, retain })
      expect(await client.receive()).toMatchObject({ retain: false })
      await client.publish(w.topic(), '', { qos: 1, retain: true })
    })

    v5(`[MQTT-3.3.1-13] with Retain As Published, RETAIN ${retain} is kept`, async (w) => {
      const client = await w.connect()
      await client.subscribe(w.topic(), { qos: 1, retainAsPublished: true })
      await client.publish(w.topic(), 'x', { qos: 1, retain })
      expect(await client.receive()).toMatchObject({ retain })
      await client.publish(w.topic(), '', { qos: 1, retain: true })
    })
  }

  const handlings: readonly [string, 0 | 1 | 2, boolean, boolean][] = [
    ['3.3.1-9', 0, true, true],
    ['3.3.1-10', 1, true, false],
    ['3.3.1-11', 2, false, false],
  ]
  for (const [statement, retainHandling, atFirst, again] of handlings) {
    for (const [when, sent] of [
      ['new', atFirst],
      ['existing', again],
    ] as const) {
      const does = sent ? 'sends' : 'does not send'
      const name = `Retain Handling ${retainHandling} ${does} retained for a ${when} subscription`
      v5(`[MQTT-${statement}] ${name}`, async (w) => {
        const client = await w.connect()
        await client.publish(w.topic('r'), 'retained', { qos: 1, retain: true })
        if (when === 'existing') {
          await client.subscribe(w.topic('+'), { qos: 1, retainHandling: 2 })
        }
        await client.subscribe(w.topic('+'), { qos: 1, retainHandling })
        await client.publish(w.topic('s'), 'sentinel', { qos: 1 })
        const first = await client.receive()
        expect(first.payload).toBe(sent ? 'retained' : 'sentinel')
        expect(first.retain).toBe(sent)
        await client.publish(w.topic('r'), '', { qos: 1, retain: true })
      })
    }
  }

  v5('[MQTT-3.3.4-3] the Subscription Identifier comes with the message', async (w) => {
    const client = await w.connect()
    const props = [['subscriptionIdentifier', 268_435_455]] as const
    await client.subscribe(w.topic(), { qos: 1, props })
    await client.publish(w.topic(), 'x', { qos: 1 })
    expect((await client.receive()).props.all('subscriptionIdentifier')).toEqual([268_435_455])
  })

  v5('[MQTT-3.3.4-4] overlapping filters: one copy with all their identifiers', async (w) => {
    const client = await w.connect()
    const id = (value: number): readonly Property[] => [['subscriptionIdentifier', value]]
    await client.subscribe(w.topic('a'), { qos: 1, props: id(1) })
    await client.subscribe(w.topic('+'), { qos: 2, props: id(200) })
    await client.subscribe(w.topic('#'), { qos: 0, props: id(30_000) })
    await client.publish(w.topic('a'), 'x', { qos: 2 })
    const message = await client.receive()
    expect(message.qos).toBe(2)
    expect(new Set(message.props.all('subscriptionIdentifier'))).toEqual(new Set([1, 200, 30_000]))
  })

  v5('[MQTT-3.3.4-3] filters without an identifier add none', async (w) => {
    const client = await w.connect()
    await client.subscribe(w.topic('a'), { qos: 1 })
    await client.subscribe(w.topic('+'), { qos: 1, props: [['subscriptionIdentifier', 7]] })
    await client.publish(w.topic('a'), 'both', { qos: 1 })
    expect((await client.receive()).props.all('subscriptionIdentifier')).toEqual([7])
    await client.unsubscribe(w.topic('+'))
    await client.publish(w.topic('a'), 'one', { qos: 1 })
    expect((await client.receive()).props.all('subscriptionIdentifier')).toEqual([])
  })

  v5('[MQTT-3.8.4-3] replacing a subscription replaces its identifier', async (w) => {
    const client = await w.connect()
    await client.subscribe(w.topic(), { qos: 1, props: [['subscriptionIdentifier', 1]] })
    await client.subscribe(w.topic(), { qos: 1, props: [['subscriptionIdentifier', 2]] })
    await client.publish(w.topic(), 'x', { qos: 1 })
    expect((await client.receive()).props.all('subscriptionIdentifier')).toEqual([2])
  })

  v5('[MQTT-3.8.4-3] replacing without an identifier removes it', async (w) => {
    const client = await w.connect()
    await client.subscribe(w.topic(), { qos: 1, props: [['subscriptionIdentifier', 1]] })
    await client.subscribe(w.topic(), { qos: 1 })
    await client.publish(w.topic(), 'x', { qos: 1 })
    expect((await client.receive()).props.all('subscriptionIdentifier')).toEqual([])
  })

  v5('[MQTT-3.3.4-3] retained messages carry the identifier of the subscription', async (w) => {
    const client = await w.connect()
    await client.publish(w.topic(), 'kept', { qos: 1, retain: true })
    await client.subscribe(w.topic(), { qos: 1, props: [['subscriptionIdentifier', 11]] })
    const message = await client.receive()
    expect(message).toMatchObject({ payload: 'kept', retain: true })
    expect(message.props.all('subscriptionIdentifier')).toEqual([11])
    await client.publish(w.topic(), '', { qos: 1, retain: true })
  })

  v5('[MQTT-3.3.4-3] queued messages carry the identifier after resuming', async (w) => {
    const session = { clientId: w.clientId(), props: [['sessionExpiryInterval', 60]] as const }
    const first = await w.connect(session)
    await first.subscribe(w.topic(), { qos: 1, props: [['subscriptionIdentifier', 5]] })
    await first.disconnect()
    await (await w.connect()).publish(w.topic(), 'x', { qos: 1 })
    const again = await w.connect({ ...session, clean: false })
    expect((await again.receive()).props.all('subscriptionIdentifier')).toEqual([5])
  })

  v5('[MQTT-3.3.4-3] each client gets its own identifier', async (w) => {
    const clients = [await w.connect(), await w.connect(), await w.connect()]
    for (const [index, client] of clients.entries()) {
      const props = [['subscriptionIdentifier', index + 1]] as const
      await client.subscribe(w.topic(), { qos: 1, props })
    }
    await clients[0]?.publish(w.topic(), 'x', { qos: 1 })
    for (const [index, client] of clients.entries()) {
      const found = (await client.receive()).props.all('subscriptionIdentifier')
      expect(found).toEqual([index + 1])
    }
  })

  v5('[MQTT-4.13.1-1] Subscription Identifier 0 is a protocol error', async (w) => {
    const client = await w.connect()
    const props = [['subscriptionIdentifier', 0]] as const
    client.send(packet.subscribe(5, 1, [{ filter: w.topic() }], props))
    await client.refused(code.PROTOCOL_ERROR, code.MALFORMED_PACKET)
  })

  v5('[MQTT-4.13.1-1] two Subscription Identifiers are a protocol error', async (w) => {
    const client = await w.connect()
    const props = [
      ['subscriptionIdentifier', 1],
      ['subscriptionIdentifier', 2],
    ] as const
    client.send(packet.subscribe(5, 1, [{ filter: w.topic() }], props))
    await client.refused(code.PROTOCOL_ERROR, code.MALFORMED_PACKET)
  })
})
