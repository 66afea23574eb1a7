import { setTimeout as delay } from 'node:timers/promises'
import { expect } from 'vitest'
import * as code from '../support/wire/codes.ts'
import * as packet from '../support/wire/packets.ts'
import { wireSuite } from '../support/wire/suite.ts'

wireSuite('Session', ({ v4, v5, both }) => {
  both(['3.1.2-4', '3.1.2-5'], 'a resumed session still has its subscriptions', async (w) => {
    const first = await w.connect(w.lasting())
    await first.subscribe(w.topic(), { qos: 1 })
    await first.disconnect()
    const again = await w.connect(w.lasting())
    await again.publish(w.topic(), 'heard', { qos: 1 })
    expect(await again.receive()).toMatchObject({ payload: 'heard' })
  })

  both(['3.1.2-6', '3.1.2-4'], 'a clean start forgets subscriptions and messages', async (w) => {
    const first = await w.connect(w.lasting())
    await first.subscribe(w.topic('old'), { qos: 1 })
    await first.disconnect()
    await (await w.connect()).publish(w.topic('old'), 'queued', { qos: 1 })
    const fresh = await w.connect({ ...w.lasting(), clean: true })
    await fresh.subscribe(w.topic('new'), { qos: 1 })
    await fresh.publish(w.topic('old'), 'no', { qos: 1 })
    await fresh.publish(w.topic('new'), 'sentinel', { qos: 1 })
    expect(await fresh.receive()).toMatchObject({ payload: 'sentinel' })
  })

  both(
    ['3.1.2-6', '3.1.2-4'],
    'after a clean start the old session does not come back',
    async (w) => {
      await (await w.connect(w.lasting())).disconnect()
      const clean = await w.connect({ clientId: w.clientId('lasting'), clean: true })
      await clean.disconnect()
      const again = await w.connect(w.lasting())
      expect(again.connack?.sessionPresent).toBe(false)
    },
  )

  for (const qos of [1, 2] as const) {
    both(
      ['3.1.2-5', '4.5.0-1'],
      `QoS ${qos} messages wait for a session that is away`,
      async (w) => {
        const first = await w.connect(w.lasting())
        await first.subscribe(w.topic(), { qos })
        await first.disconnect()
        const from = await w.connect()
        for (const payload of ['1', '2', '3']) await from.publish(w.topic(), payload, { qos })
        const again = await w.connect(w.lasting())
        expect(again.connack?.sessionPresent).toBe(true)
        for (const payload of ['1', '2', '3']) {
          expect(await again.receive()).toMatchObject({ payload, qos, dup: false })
        }
      },
    )
  }

  both(['3.1.2-5', '4.5.0-1'], 'what was received before is not sent again', async (w) => {
    const first = await w.connect(w.lasting())
    await first.subscribe(w.topic(), { qos: 2 })
    await first.publish(w.topic(), 'one', { qos: 1 })
    await first.publish(w.topic(), 'two', { qos: 2 })
    await first.receive()
    await first.receive()
    await first.ping()
    await first.disconnect()
    const again = await w.connect(w.lasting())
    await again.publish(w.topic(), 'sentinel', { qos: 1 })
    expect(await again.receive()).toMatchObject({ payload: 'sentinel' })
  })

  both(
    ['4.6.0-6', '4.6.0-5'],
    'fifty queued messages come in order across the window',
    async (w) => {
      const first = await w.connect(w.lasting())
      await first.subscribe(w.topic(), { qos: 1 })
      await first.disconnect()
      const from = await w.connect()
      const sent = Array.from({ length: 50 }, (_, index) => `${index}`)
      for (const payload of sent) await from.publish(w.topic(), payload, { qos: 1 })
      const again = await w.connect(w.lasting())
      const received: string[] = []
      while (received.length < sent.length) received.push((await again.receive()).payload)
      expect(received).toEqual(sent)
    },
  )

  both(['3.1.4-2', '3.1.4-3'], 'a second connection with the same id ends the first', async (w) => {
    const clientId = w.clientId('twin')
    const first = await w.connect({ clientId })
    const second = await w.connect({ clientId })
    await first.refused(code.SESSION_TAKEN_OVER)
    await second.ping()
  })

  both(['3.1.4-2', '3.1.4-3'], 'taking over keeps the session and its messages', async (w) => {
    const first = await w.connect(w.lasting())
    await first.subscribe(w.topic(), { qos: 1 })
    const second = await w.connect(w.lasting())
    expect(second.connack?.sessionPresent).toBe(true)
    await second.publish(w.topic(), 'heard', { qos: 1 })
    expect(await second.receive()).toMatchObject({ payload: 'heard' })
  })

  both(['3.1.4-2', '3.1.4-3'], 'taking over works between MQTT 3.1.1 and MQTT 5', async (w) => {
    const clientId = w.clientId('mixed')
    const first = await w.connect({ clientId })
    const second = await w.connect({ clientId, version: w.version === 4 ? 5 : 4 })
    await first.refused(code.SESSION_TAKEN_OVER)
    await second.ping()
  })

  both(['3.1.4-2', '3.1.4-3'], 'taking over again and again leaves one connection', async (w) => {
    const clientId = w.clientId('crowd')
    const clients = await Promise.all([1, 2, 3, 4, 5].map(() => w.dial({ clientId })))
    await Promise.all(clients.map((client) => client.next().catch(() => undefined)))
    const last = await w.connect({ clientId })
    await Promise.all(clients.map((client) => client.ended()))
    await last.ping()
  })

  both('3.1.3-2', 'sessions are kept apart by client id', async (w) => {
    const one = await w.connect({ ...w.lasting(), clientId: w.clientId('one') })
    await one.subscribe(w.topic(), { qos: 1 })
    await one.disconnect()
    const other = await w.connect({ ...w.lasting(), clientId: w.clientId('ONE') })
    expect(other.connack?.sessionPresent).toBe(false)
  })

  v5('[MQTT-4.1.0-2] Session Expiry Interval 0 ends the session with the connection', async (w) => {
    const clientId = w.clientId()
    const options = { clientId, clean: false, props: [['sessionExpiryInterval', 0]] as const }
    const first = await w.connect(options)
    await first.subscribe(w.topic(), { qos: 1 })
    await first.disconnect()
    expect((await w.connect(options)).connack?.sessionPresent).toBe(false)
  })

  v5('[MQTT-4.1.0-2] an absent Session Expiry Interval is 0', async (w) => {
    const options = { clientId: w.clientId(), clean: false }
    await (await w.connect(options)).disconnect()
    expect((await w.connect(options)).connack?.sessionPresent).toBe(false)
  })

  v5('[MQTT-4.1.0-2] a session is gone when its interval has passed', async (w) => {
    const first = await w.connect(w.lasting(1))
    await first.disconnect()
    await delay(2_100)
    expect((await w.connect(w.lasting(1))).connack?.sessionPresent).toBe(false)
  })

  v5('[MQTT-3.1.2-25] a session lasts while its interval has not passed', async (w) => {
    const first = await w.connect(w.lasting(30))
    await first.disconnect()
    await delay(1_500)
    expect((await w.connect(w.lasting(30))).connack?.sessionPresent).toBe(true)
  })

  v5('[MQTT-4.1.0-1] a session does not end while its connection is open', async (w) => {
    const client = await w.connect(w.lasting(1))
    await client.subscribe(w.topic(), { qos: 1 })
    await delay(2_100)
    await client.publish(w.topic(), 'alive', { qos: 1 })
    expect(await client.receive()).toMatchObject({ payload: 'alive' })
    await client.disconnect()
    expect((await w.connect(w.lasting(1))).connack?.sessionPresent).toBe(true)
  })

  v5('[MQTT-3.1.2-25] DISCONNECT may lengthen the interval', async (w) => {
    const first = await w.connect(w.lasting(1))
    await first.disconnect(0, [['sessionExpiryInterval', 60]])
    await delay(2_100)
    expect((await w.connect(w.lasting(1))).connack?.sessionPresent).toBe(true)
  })

  v5('[MQTT-4.1.0-2] DISCONNECT may end the session at once', async (w) => {
    const first = await w.connect(w.lasting(60))
    await first.disconnect(0, [['sessionExpiryInterval', 0]])
    expect((await w.connect(w.lasting(60))).connack?.sessionPresent).toBe(false)
  })

  v5('[MQTT-4.13.1-1] DISCONNECT may not give an interval to a session of 0', async (w) => {
    const client = await w.connect({ props: [['sessionExpiryInterval', 0]] })
    client.send(packet.disconnect(0, [['sessionExpiryInterval', 60]]))
    await client.refused(code.PROTOCOL_ERROR)
  })

  v5('[MQTT-3.1.2-25] a later CONNECT sets the interval anew', async (w) => {
    await (await w.connect(w.lasting(60))).disconnect()
    await (await w.connect(w.lasting(0))).disconnect()
    expect((await w.connect(w.lasting(60))).connack?.sessionPresent).toBe(false)
  })

  v5('[MQTT-3.1.2-25] Session Expiry Interval 0xFFFFFFFF keeps the session', async (w) => {
    const first = await w.connect(w.lasting(0xffffffff))
    await first.disconnect()
    expect((await w.connect(w.lasting(60))).connack?.sessionPresent).toBe(true)
  })

  v5('[MQTT-3.1.2-25] a killed connection keeps the session as well', async (w) => {
    const first = await w.connect(w.lasting(60))
    first.kill()
    expect((await w.connect(w.lasting(60))).connack?.sessionPresent).toBe(true)
  })

  v4('[MQTT-3.1.2-4] a session of MQTT 3.1.1 is resumed with MQTT 5', async (w) => {
    const first = await w.connect(w.lasting())
    await first.subscribe(w.topic(), { qos: 1 })
    await first.disconnect()
    const from = await w.connect({ version: 5 })
    await from.publish(w.topic(), 'x', { qos: 1, props: [['contentType', 'text/plain']] })
    const again = await w.connect({ ...w.lasting(), version: 5 })
    expect(again.connack?.sessionPresent).toBe(true)
    expect((await again.receive()).props.get('contentType')).toBe('text/plain')
  })

  v5('[MQTT-3.1.2-5] a session of MQTT 5 is resumed with MQTT 3.1.1', async (w) => {
    const first = await w.connect(w.lasting())
    await first.subscribe(w.topic(), { qos: 1 })
    await first.disconnect()
    await (await w.connect()).publish(w.topic(), 'x', { qos: 1 })
    const again = await w.connect({ clientId: w.clientId('lasting'), clean: false, version: 4 })
    expect(again.connack?.sessionPresent).toBe(true)
    expect(await again.receive()).toMatchObject({ payload: 'x' })
  })
})
