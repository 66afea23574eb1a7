import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { get } from 'node:https'
import { type ConnectionOptions, connect } from 'node:tls'
import { connectAsync } from 'mqtt'
import { expect, it, vi } from 'vitest'
import { runOperation } from '../../gateway/console/operations.ts'
import { createIssuer } from '../support/certificates.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { tempFolder } from '../support/temp-folder.ts'

const CONNECTS_PER_SECOND = 20
const FLOOD = 300

/** What a TLS client has of the box: an answer to its hello, or nothing, as when nobody listens. */
const knock = (options: ConnectionOptions) =>
  new Promise<'answered' | 'cut'>((resolve) => {
    const socket = connect({ host: '127.0.0.1', rejectUnauthorized: false, ...options })
    socket.on('error', () => {})
    socket.on('close', () => resolve('cut'))
    // In TLS 1.3 the box looks at the client's certificate only after this.
    socket.on('secureConnect', () => resolve('answered'))
  })

async function refusedByMetrics({ httpUrl }: TestGateway): Promise<number> {
  const page = await (await fetch(`${httpUrl}/metrics`)).text()
  return Number(/^kefu_mqtt_connects_refused (\d+)/m.exec(page)?.[1])
}

async function openSite() {
  const folder = tempFolder()
  const ca = await createIssuer(folder, 'site-ca')
  const box = await ca.issue('box', 'box', ['localhost'])
  const gateway = await startGateway({
    packs: [],
    config: {
      log: { level: 'info' },
      mqtt: { port: 0, tlsPort: 0, connectsPerSecond: CONNECTS_PER_SECOND },
      tls: {
        host: '127.0.0.1',
        certFile: box.certFile,
        keyFile: box.keyFile,
        caFile: ca.certFile,
        requireClientCertificate: true,
      },
      http: { port: 0, tlsPort: 0 },
    },
  })
  return { gateway, ca, folder }
}

it('a flood of wrong certificates is cut before its handshakes, counted, and summed in the log; a device next to it is let in', async () => {
  const { gateway, ca, folder } = await openSite()
  await gateway.addDevice('bed-1', 'bedside')
  const own = await ca.issue('bed-1', 'bed-1')
  const stranger = await createIssuer(folder, 'stranger-ca')
  const { cert, key } = await stranger.issue('forged', 'bed-1')
  const port = gateway.ports.mqttTls as number
  const startedAt = performance.now()
  const flood = Promise.all(Array.from({ length: FLOOD }, () => knock({ port, cert, key })))
  // mqtt hands these on to node:tls, its types do not say so.
  const fromNextDoor = { localAddress: '127.0.0.2', rejectUnauthorized: false, reconnectPeriod: 0 }
  const device = await connectAsync(`mqtts://127.0.0.1:${port}`, {
    ...fromNextDoor,
    clientId: 'bed-1',
    cert: own.cert,
    key: own.key,
  })
  expect(gateway.broker.connections()[0]?.remoteAddress).toBe('127.0.0.2')
  device.end(true)
  const outcomes = await flood
  const seconds = (performance.now() - startedAt) / 1000
  const answered = outcomes.filter((outcome) => outcome === 'answered').length
  expect(answered).toBeGreaterThan(0)
  expect(answered).toBeLessThanOrEqual(CONNECTS_PER_SECOND * (1 + seconds))

  await vi.waitFor(async () => expect(await refusedByMetrics(gateway)).toBe(FLOOD))
  const { operations } = gateway.box
  const { lines } = (await runOperation('log.recent', {}, operations)) as { lines: string[] }
  const told = lines.filter((line) => line.includes('connection refused'))
  expect(told.length).toBeLessThanOrEqual(10)
  expect(told.join()).toContain('mqtt.connectsPerSecond')
  expect(told.join()).toContain('its certificate is not of the authority')
  const ends = (await runOperation('mqtt.ends', {}, operations)) as { wasRefused: boolean }[]
  expect(ends.filter((end) => end.wasRefused)).toHaveLength(told.length)
})

it('a flood on the HTTPS port is cut before its handshakes; a device next to it is answered', async () => {
  const { gateway } = await openSite()
  const port = gateway.ports.httpTls as number
  const startedAt = performance.now()
  const flood = Promise.all(Array.from({ length: FLOOD }, () => knock({ port })))
  const nextDoor = { localAddress: '127.0.0.2', rejectUnauthorized: false, agent: false as const }
  const [reply] = (await once(get(`https://127.0.0.1:${port}/healthz`, nextDoor), 'response')) as [
    IncomingMessage,
  ]
  reply.resume()
  expect(reply.statusCode).toBe(200)
  const outcomes = await flood
  const seconds = (performance.now() - startedAt) / 1000
  const answered = outcomes.filter((outcome) => outcome === 'answered').length
  expect(answered).toBeGreaterThan(0)
  expect(answered).toBeLessThanOrEqual(CONNECTS_PER_SECOND * (1 + seconds))
  expect(await refusedByMetrics(gateway)).toBe(FLOOD - answered)
})

it.each(['mqtts', 'wss'] as const)('devices that come over %s are counted once', async (door) => {
  const { gateway, ca } = await openSite()
  const { mqttTls, httpTls } = gateway.ports
  const url = { mqtts: `mqtts://127.0.0.1:${mqttTls}`, wss: `wss://127.0.0.1:${httpTls}/mqtt` }
  await gateway.addDevice('bed-1', 'bedside')
  const { cert, key } = await ca.issue('bed-1', 'bed-1')
  const join = async (name: number) => {
    const client = await connectAsync(url[door], {
      clientId: `bed-1:${name}`,
      cert,
      key,
      rejectUnauthorized: false,
      reconnectPeriod: 0,
    })
    client.end(true)
  }
  // One address may have three quarters of the limit at once: twice as much would not pass.
  await Promise.all(Array.from({ length: CONNECTS_PER_SECOND * 0.7 }, (_, n) => join(n)))
  expect(await refusedByMetrics(gateway)).toBe(0)
})
