import mqtt from 'mqtt'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { MqttCredentials } from '../../../../gateway/channels/mqtt/ports.ts'
import { listenTls, type TlsPort } from '../../../../gateway/channels/mqtt/tls-port.ts'
import { type CertificateFiles, createIssuer, type Issuer } from '../../../support/certificates.ts'
import { fileFolder } from '../../../support/temp-folder.ts'
import { startBroker, type TestBroker } from './broker-support.ts'

let folder = ''
let started: TestBroker
let port: TlsPort
let ca: Issuer
const seen: MqttCredentials[] = []

beforeAll(async () => {
  folder = fileFolder()
  ca = await createIssuer(folder, 'ca')
  const { certFile, keyFile } = await ca.issue('server', 'server', ['localhost'])
  started = await startBroker({
    authenticate: (credentials) => {
      seen.push(credentials)
      return { ok: true, principal: { id: credentials.clientId } }
    },
  })
  port = await listenTls({
    files: { certFile, keyFile, caFile: ca.certFile, requireClientCertificate: false },
    host: '127.0.0.1',
    port: 0,
    broker: started.broker,
    time: () => ({ nowMs: Date.now(), isKnown: true }),
    onError: (error) => {
      throw error
    },
  })
})

afterAll(async () => {
  port.close()
  await started.close()
})

async function joinOverTls(shown: Partial<CertificateFiles>): Promise<void> {
  const client = await mqtt.connectAsync(`mqtts://localhost:${port.port}`, {
    ...(shown.cert && shown.key ? { cert: shown.cert, key: shown.key } : {}),
    ca: ca.cert,
    host: 'localhost',
    reconnectPeriod: 0,
  })
  await client.subscribeAsync('x', { qos: 1 })
  await client.publishAsync('x', Buffer.alloc(200_000), { qos: 1 })
  await client.endAsync()
}

test('a client certificate reaches authenticate with its names', async () => {
  await joinOverTls(await ca.issue('kiosk-7', 'kiosk-7', ['localhost', 'kiosk-7.ward']))
  expect(seen.at(-1)).toMatchObject({
    transport: 'tls',
    certificate: { commonName: 'kiosk-7', altNames: ['localhost', 'kiosk-7.ward'] },
  })
})

test('without one the client is as unknown as on a plain port', async () => {
  await joinOverTls({})
  expect(seen.at(-1)?.transport).toBe('tls')
  expect(seen.at(-1)?.certificate).toBeUndefined()
})

test('one of a stranger is not shown as if it were verified', async () => {
  const stranger = await createIssuer(folder, 'stranger')
  await joinOverTls(await stranger.issue('kiosk-8', 'kiosk-8'))
  expect(seen.at(-1)?.transport).toBe('tls')
  expect(seen.at(-1)?.certificate).toBeUndefined()
})
