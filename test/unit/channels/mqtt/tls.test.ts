import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import mqtt from 'mqtt'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { MqttCredentials } from '../../../../gateway/channels/mqtt/ports.ts'
import { hasPeer } from '../../../support/peers.ts'
import { startBroker, type TestBroker } from './broker-support.ts'

const hasOpenssl = hasPeer('openssl')

interface KeyPair {
  readonly key: string
  readonly cert: string
}

let folder = ''
let broker: TestBroker
let port = 0
let ca: KeyPair
const seen: MqttCredentials[] = []

const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']

function openssl(...parameters: string[]): void {
  execFileSync('openssl', parameters, { cwd: folder, stdio: 'ignore' })
}

function read(name: string): KeyPair {
  const at = (end: string): string => readFileSync(join(folder, `${name}.${end}`), 'utf8')
  return { key: at('key'), cert: at('crt') }
}

function issue(name: string, by: string): KeyPair {
  openssl('req', ...KEY, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`)
  writeFileSync(join(folder, 'ext'), `subjectAltName=DNS:localhost,DNS:${name}.ward`)
  const signer = ['-CA', `${by}.crt`, '-CAkey', `${by}.key`, '-CAcreateserial']
  const files = ['-in', `${name}.csr`, '-out', `${name}.crt`, '-extfile', 'ext']
  openssl('x509', '-req', ...files, ...signer, '-days', '2')
  return read(name)
}

function authority(name: string): KeyPair {
  const out = ['-keyout', `${name}.key`, '-out', `${name}.crt`]
  openssl('req', '-x509', ...KEY, ...out, '-subj', `/CN=${name}`, '-days', '2')
  return read(name)
}

beforeAll(async () => {
  if (!hasOpenssl) return
  folder = mkdtempSync(join(tmpdir(), 'kefu-tls-'))
  ca = authority('ca')
  const server = issue('server', 'ca')
  broker = await startBroker({
    authenticate: (credentials) => {
      seen.push(credentials)
      return { ok: true, principal: { id: credentials.clientId } }
    },
  })
  port = await broker.broker.listen({
    host: '127.0.0.1',
    port: 0,
    tls: { ...server, ca: ca.cert, requestCert: true, rejectUnauthorized: false },
  })
})

afterAll(async () => {
  if (!hasOpenssl) return
  await broker.close()
  rmSync(folder, { recursive: true, force: true })
})

async function join8883(options: Partial<KeyPair>): Promise<void> {
  const client = await mqtt.connectAsync(`mqtts://localhost:${port}`, {
    ...options,
    ca: ca.cert,
    host: 'localhost',
    reconnectPeriod: 0,
  })
  await client.subscribeAsync('x', { qos: 1 })
  await client.publishAsync('x', Buffer.alloc(200_000), { qos: 1 })
  await client.endAsync()
}

test.skipIf(!hasOpenssl)('a client certificate reaches authenticate with its names', async () => {
  await join8883(issue('kiosk-7', 'ca'))
  expect(seen.at(-1)).toMatchObject({
    transport: 'tls',
    certificate: { commonName: 'kiosk-7', altNames: ['localhost', 'kiosk-7.ward'] },
  })
})

test.skipIf(!hasOpenssl)('without one the client is as unknown as on a plain port', async () => {
  await join8883({})
  expect(seen.at(-1)?.certificate).toBeUndefined()
})

test.skipIf(!hasOpenssl)('one of a stranger is not shown as if it were verified', async () => {
  authority('stranger')
  await join8883(issue('kiosk-8', 'stranger'))
  expect(seen.at(-1)?.certificate).toBeUndefined()
})
