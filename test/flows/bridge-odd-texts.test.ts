/** Another broker passes on what MQTT only advises against; here it must harm nobody. */
import { expect, it, vi } from 'vitest'
import { startGateway } from '../support/gateway.ts'
import { bridgeStatus, bridgeTo, connectTo, open, startOddBroker, until } from './bridge-support.ts'

vi.setConfig({ testTimeout: 60_000 })

it('texts with control characters come in without them, and the gateway starts again on what it kept', async () => {
  const his = await startOddBroker([
    { topic: 'his/bed\t1', payload: 'no topic', qos: 1 },
    {
      topic: 'his/notice',
      payload: 'CT closed',
      qos: 1,
      retain: true,
      properties: {
        contentType: 'text/\u0001plain',
        responseTopic: 'his/re\tply',
        userProperties: { note: 'line 1\nline 2', 'who\t': 'ward\ufffe7' },
      },
    },
  ])
  const bridges = [
    bridgeTo(his.port, { out: [], in: [{ filter: 'his/#', localPrefix: 'from-his/', qos: 1 }] }),
  ]
  const first = await startGateway({ config: { ...open, bridges }, packs: [] })
  await until(() => his.acknowledged.length === 2, 'both acknowledgements')
  expect(bridgeStatus(first)).toMatchObject({ received: 1, refused: 1 })
  await first.close()

  const again = await startGateway({ config: open, dataDir: first.dataDir, packs: [] })
  const screen = await connectTo(again.mqttUrl, 'screen')
  const kept = new Promise<object>((resolve) =>
    screen.on('message', (topic, payload, { properties }) =>
      resolve({ topic, payload: String(payload), properties: { ...properties } }),
    ),
  )
  await screen.subscribeAsync('from-his/#', { qos: 1 })
  expect(await kept).toMatchObject({
    topic: 'from-his/his/notice',
    payload: 'CT closed',
    properties: {
      contentType: 'text/ plain',
      userProperties: { note: 'line 1 line 2', 'who ': 'ward 7' },
    },
  })
  expect(await kept).not.toHaveProperty('properties.responseTopic')
})
