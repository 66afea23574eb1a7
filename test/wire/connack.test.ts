import { expect } from 'vitest'
import * as code from '../support/wire/codes.ts'
import { wireSuite } from '../support/wire/suite.ts'

wireSuite('CONNACK', ({ v4, v5, both }) => {
  both(['3.2.2-1', '3.2.2-2'], 'a clean start is answered with Session Present 0', async (w) => {
    const clientId = w.clientId()
    const props = [['sessionExpiryInterval', 60]] as const
    const keep = w.version === 5 ? { props } : {}
    const first = await w.connect({ clientId, clean: false, ...keep })
    await first.subscribe(w.topic(), { qos: 1 })
    await first.disconnect()
    const second = await w.connect({ clientId, clean: true })
    expect(second.connack?.sessionPresent).toBe(false)
  })

  both(['3.2.2-3', '3.2.2-3'], 'without a stored session, Session Present is 0', async (w) => {
    const client = await w.connect({ clean: false })
    expect(client.connack?.sessionPresent).toBe(false)
  })

  both(['3.2.2-2', '3.2.2-3'], 'with a stored session, Session Present is 1', async (w) => {
    const clientId = w.clientId()
    const props = [['sessionExpiryInterval', 60]] as const
    const keep = w.version === 5 ? { props } : {}
    const first = await w.connect({ clientId, clean: false, ...keep })
    await first.subscribe(w.topic(), { qos: 1 })
    await first.disconnect()
    const second = await w.connect({ clientId, clean: false, ...keep })
    expect(second.connack?.sessionPresent).toBe(true)
  })

  both(['3.2.2-2', '3.2.2-3'], 'a stored session without subscriptions counts', async (w) => {
    const clientId = w.clientId()
    const props = [['sessionExpiryInterval', 60]] as const
    const keep = w.version === 5 ? { props } : {}
    const first = await w.connect({ clientId, clean: false, ...keep })
    await first.disconnect()
    const second = await w.connect({ clientId, clean: false, ...keep })
    expect(second.connack?.sessionPresent).toBe(true)
  })

  v4('[MQTT-3.2.2-3] a session begun clean is not present later', async (w) => {
    const clientId = w.clientId()
    const first = await w.connect({ clientId, clean: true })
    await first.subscribe(w.topic(), { qos: 1 })
    await first.disconnect()
    const second = await w.connect({ clientId, clean: false })
    expect(second.connack?.sessionPresent).toBe(false)
  })

  v5('[MQTT-3.2.2-16] an empty Client Identifier is answered with an assigned one', async (w) => {
    const client = await w.connect({ clientId: '' })
    const assigned = client.connack?.props.get('assignedClientIdentifier')
    expect(assigned).toEqual(expect.stringMatching(/.+/))
  })

  v5('[MQTT-3.2.2-16] each assigned Client Identifier is new', async (w) => {
    const clients = await Promise.all([1, 2, 3, 4].map(() => w.connect({ clientId: '' })))
    const ids = clients.map((one) => one.connack?.props.get('assignedClientIdentifier'))
    expect(new Set(ids).size).toBe(4)
  })

  v5('[MQTT-3.1.3-7] an assigned Client Identifier can be used to resume', async (w) => {
    const props = [['sessionExpiryInterval', 60]] as const
    const first = await w.connect({ clientId: '', clean: false, props })
    const assigned = String(first.connack?.props.get('assignedClientIdentifier'))
    await first.disconnect()
    const second = await w.connect({ clientId: assigned, clean: false, props })
    expect(second.connack?.sessionPresent).toBe(true)
  })

  v5('[MQTT-3.2.2-16] a Client Identifier that was given is not assigned again', async (w) => {
    const client = await w.connect()
    expect(client.connack?.props.get('assignedClientIdentifier')).toBeUndefined()
  })

  v5('[MQTT-3.2.2-21] a longer keep alive is answered with Server Keep Alive 60', async (w) => {
    const client = await w.connect({ keepAlive: 120 })
    expect(client.connack?.props.get('serverKeepAlive')).toBe(60)
  })

  v5('[MQTT-3.2.2-22] a keep alive within the limit is left alone', async (w) => {
    const client = await w.connect({ keepAlive: 30 })
    expect([undefined, 30]).toContain(client.connack?.props.get('serverKeepAlive'))
  })

  v5('[MQTT-3.3.4-7] Receive Maximum of the open profile is 20', async (w) => {
    const client = await w.connect()
    expect(client.connack?.props.get('receiveMaximum')).toBe(20)
  })

  v5('[MQTT-3.2.2-17] Topic Alias Maximum of the open profile is 10', async (w) => {
    const client = await w.connect()
    expect(client.connack?.props.get('topicAliasMaximum')).toBe(10)
  })

  const available = [
    'retainAvailable',
    'wildcardSubscriptionAvailable',
    'subscriptionIdentifiersAvailable',
    'sharedSubscriptionAvailable',
  ] as const
  for (const name of available) {
    v5(`[MQTT-3.2.2-8] ${name} is absent or 1`, async (w) => {
      const client = await w.connect()
      expect([undefined, 1]).toContain(client.connack?.props.get(name))
    })
  }

  v5('[MQTT-3.2.2-9] Maximum QoS is absent, since QoS 2 is supported', async (w) => {
    const client = await w.connect()
    expect(client.connack?.props.get('maximumQos')).toBeUndefined()
  })

  v5('[MQTT-3.1.2-31] without a request there is no Response Information', async (w) => {
    const client = await w.connect({ props: [['requestResponseInformation', 0]] })
    expect(client.connack?.props.get('responseInformation')).toBeUndefined()
  })

  v5('[MQTT-4.12.0-6] without a method there is no Authentication Method', async (w) => {
    const client = await w.connect()
    expect(client.connack?.props.get('authenticationMethod')).toBeUndefined()
  })

  v5('[MQTT-3.2.2-7] a refusing CONNACK is followed by the end', async (w) => {
    const client = await w.dial({ props: [['authenticationMethod', 'KEFU-NONE']] })
    await client.connectRefused(code.BAD_AUTHENTICATION_METHOD)
    expect(client.unread).toEqual([])
  })
})
