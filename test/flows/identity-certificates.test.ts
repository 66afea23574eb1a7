import { writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { connect as connectPlain } from 'node:net'
import { type ConnectionOptions, connect } from 'node:tls'
import { connectAsync, type IClientOptions, type MqttClient } from 'mqtt'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { WebSocket } from 'ws'
import { runOperation } from '../../gateway/console/operations.ts'
import { createIssuer, type Issuer } from '../support/certificates.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { tempFolder } from '../support/temp-folder.ts'

const clients: MqttClient[] = []
afterEach(() => {
  for (const client of clients.splice(0)) client.end(true)
})

interface Site {
  readonly gateway: TestGateway
  readonly ca: Issuer
  readonly folder: string
  join(clientId: string, options?: IClientOptions): Promise<MqttClient>
}

/** A box with certificates of the site's CA, and two devices. */
async function openSite(isRequired: boolean, change: object = {}): Promise<Site> {
  const folder = tempFolder()
  const ca = await createIssuer(folder, 'site-ca')
  const box = await ca.issue('box', 'box', ['localhost'])
  const gateway = await startGateway({
    packs: [],
    config: {
      mqtt: { port: 0, tlsPort: 0 },
      tls: {
        host: '127.0.0.1',
        certFile: box.certFile,
        keyFile: box.keyFile,
        caFile: ca.certFile,
        requireClientCertificate: isRequired,
      },
      http: { port: 0, tlsPort: 0 },
      ...change,
    },
  })
  await gateway.addDevice('bed-1', 'bedside')
  await gateway.addDevice('bed-2', 'bedside')
  return {
    gateway,
    ca,
    folder,
    join: async (clientId, options = {}) => {
      const client = await connectAsync(`mqtts://localhost:${gateway.ports.mqttTls}`, {
        clientId,
        ca: ca.cert,
        protocolVersion: 5,
        reconnectPeriod: 0,
        ...options,
      })
      clients.push(client)
      return client
    },
  }
}

const codeOf = (refused: Promise<unknown>): Promise<unknown> =>
  refused.then(
    () => 'let in',
    (error: { code?: unknown }) => error.code,
  )

/** MQTT 5 CONNECT of the client "bed-1", without credentials. */
const CONNECT = Buffer.from('101200044d5154540502003c00000562' + '65642d31', 'hex')

/** The same client over a WebSocket of the TLS port. */
const overWebSocket = async (gateway: TestGateway, clientId: string, options: IClientOptions) => {
  const { ca, cert, key, ...login } = options
  const client = await connectAsync(
    `wss://localhost:${gateway.ports.httpTls}/mqtt`,
    { clientId, protocolVersion: 5, reconnectPeriod: 0, wsOptions: { ca, cert, key }, ...login },
    false,
  )
  clients.push(client)
  return client
}

/** What TLS says to a client; in 1.3 it comes after the client's own side of the handshake. */
const alertOf = (port: number, { cert: ca }: Issuer, own: ConnectionOptions = {}) =>
  new Promise<unknown>((resolve) => {
    const socket = connect({ port, host: 'localhost', servername: 'localhost', ca, ...own })
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code))
    socket.on('close', () => resolve('closed'))
    // Whoever gets through the handshake gets a CONNACK, whatever is in it.
    socket.on('data', () => {
      resolve('let in')
      socket.destroy()
    })
    socket.write(CONNECT)
  })

describe('a device with a certificate of the site', () => {
  it('is let in by its CN or by a DNS name, without a token, and may do what it may', async () => {
    const { join, ca } = await openSite(true)
    const { cert, key } = await ca.issue('bed-1', 'bed-1')
    const client = await join('bed-1', { cert, key })
    await client.subscribeAsync('kefu/v1/bed-1/answer', { qos: 1 })
    const foreign = await client.subscribeAsync('kefu/v1/bed-2/answer').catch((error) => error)
    expect(foreign.packet.granted).toEqual([0x87])
    const named = await ca.issue('serial-77', 'serial-77', ['bed-2'])
    await expect(join('bed-2', { cert: named.cert, key: named.key })).resolves.toBeDefined()
  })

  it('is given a further id of its device where it brings none', async () => {
    const { join, ca, gateway } = await openSite(true)
    const { cert, key } = await ca.issue('box-of-bed-1', 'box-of-bed-1', ['bed-1'])
    await join('', { cert, key })
    const ids = gateway.broker.connections().map((one) => one.clientId)
    expect(ids).toEqual([expect.stringMatching(/^bed-1:auto-/)])
    expect(await codeOf(join('', { cert, key, username: 'bed-2' }))).toBe(0x87)
  })

  it('is refused under the name of another, even with the token of the other', async () => {
    const { join, ca, gateway } = await openSite(true)
    const { cert, key } = await ca.issue('bed-1', 'bed-1')
    const token = await gateway.addDevice('bed-2', 'bedside')
    expect(await codeOf(join('bed-2', { cert, key }))).toBe(0x87)
    const both = join('bed-2', { cert, key, username: 'bed-2', password: token })
    expect(await codeOf(both)).toBe(0x87)
  })

  it('is needed over HTTPS and its WebSocket as well, beside the token', async () => {
    const { ca, gateway } = await openSite(true)
    const token = await gateway.addDevice('bed-1', 'bedside')
    const { cert, key } = await ca.issue('bed-1', 'bed-1')
    const port = gateway.ports.httpTls ?? 0
    const ask = (own: object) =>
      new Promise<{ status: number | undefined; body: string }>((resolve, reject) => {
        const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
        const where = { host: 'localhost', port, path: '/v1/ask', method: 'POST', headers }
        const sent = request({ ...where, ca: ca.cert, agent: false, ...own }, (reply) => {
          let body = ''
          reply.on('data', (chunk: Buffer) => {
            body += chunk.toString()
          })
          reply.on('end', () => resolve({ status: reply.statusCode, body }))
        })
        sent.on('error', reject)
        sent.end(JSON.stringify({ id: 'q1', text: '你好' }))
      })
    const bare = await ask({})
    expect(bare.status).toBe(401)
    expect(JSON.parse(bare.body)).toMatchObject({ code: 'auth.no-certificate' })
    expect((await ask({ cert, key })).status).toBe(200)

    const open = (own: object) =>
      new Promise<number | string>((resolve) => {
        const socket = new WebSocket(`wss://localhost:${port}/v1/ws`, ['kefu.v1.json'], {
          ca: ca.cert,
          ...own,
        })
        socket.on('open', () =>
          socket.send(JSON.stringify({ type: 'hello', deviceId: 'bed-1', token })),
        )
        socket.on('message', (data: Buffer) => {
          resolve((JSON.parse(data.toString()) as { type: string }).type)
          socket.close()
        })
        socket.on('close', resolve)
      })
    expect(await open({})).toBe(1008)
    expect(await open({ cert, key })).toBe('welcome')
  })

  it('is refused once switched off, and cut if it is connected', async () => {
    const { join, ca, gateway } = await openSite(true)
    const { cert, key } = await ca.issue('bed-1', 'bed-1')
    const client = await join('bed-1', { cert, key })
    const cut = new Promise<number | undefined>((resolve) => {
      client.on('disconnect', (packet) => resolve(packet.reasonCode))
    })
    await runOperation('device.disable', { id: 'bed-1' }, gateway.box.operations)
    expect(await cut).toBe(0x98)
    expect(await codeOf(join('bed-1', { cert, key }))).toBe(0x8a)
  })

  it('is refused when nobody has added it', async () => {
    const { join, ca } = await openSite(true)
    const { cert, key } = await ca.issue('bed-9', 'bed-9')
    expect(await codeOf(join('bed-9', { cert, key }))).toBe(0x86)
  })
})

describe('a certificate of another CA', () => {
  it('is missing: the operator sees whom TLS has turned away, and why, and no mere probe of the port', async () => {
    const { gateway, ca } = await openSite(true)
    const port = gateway.ports.mqttTls as number
    await new Promise<void>((resolve) => {
      const probe = connectPlain({ port, host: 'localhost' }, () => probe.end())
      probe.on('close', () => resolve())
    })
    expect(await alertOf(port, ca)).not.toBe('let in')
    const plain = connectPlain({ port, host: 'localhost' })
    plain.on('error', () => {})
    plain.write(CONNECT)
    await vi.waitFor(async () => {
      const ends = await runOperation('mqtt.ends', {}, gateway.box.operations)
      expect(ends).toMatchObject([
        { wasRefused: true, reason: expect.stringContaining('and not TLS') },
        { wasRefused: true, reason: expect.stringContaining('showed no client certificate') },
      ])
    })
    plain.destroy()
  })

  it('ends the handshake where certificates are required, as does none at all', async () => {
    const { gateway, ca, folder } = await openSite(true)
    const stranger = await createIssuer(folder, 'stranger-ca')
    const { cert, key } = await stranger.issue('forged', 'bed-1')
    const port = gateway.ports.mqttTls ?? 0
    expect(await alertOf(port, ca, { cert, key })).not.toBe('let in')
    expect(await alertOf(port, ca)).not.toBe('let in')
    const own = await ca.issue('bed-1', 'bed-1')
    expect(await alertOf(port, ca, { cert: own.cert, key: own.key })).toBe('let in')
    const ends = await runOperation('mqtt.ends', {}, gateway.box.operations)
    expect(ends).toContainEqual(
      expect.objectContaining({
        reason: expect.stringContaining('not of the authority'),
        remoteAddress: '127.0.0.1',
      }),
    )
  })

  it('counts for nothing where they are not: the token decides', async () => {
    const { join, folder, gateway } = await openSite(false)
    const stranger = await createIssuer(folder, 'stranger-ca')
    const { cert, key } = await stranger.issue('forged', 'bed-1')
    expect(await codeOf(join('bed-1', { cert, key }))).toBe(0x86)
    const token = await gateway.addDevice('bed-1', 'bedside')
    const login = { username: 'bed-1', password: token }
    await expect(join('bed-1', login)).resolves.toBeDefined()
  })
})

describe('over a WebSocket', () => {
  it('a certificate counts as it does over TCP', async () => {
    const { ca, gateway } = await openSite(false)
    const own = await ca.issue('bed-1', 'bed-1')
    const shown = { ca: ca.cert, cert: own.cert, key: own.key }
    const client = await overWebSocket(gateway, 'bed-1', shown)
    await client.subscribeAsync('kefu/v1/bed-1/answer', { qos: 1 })
    expect(await codeOf(overWebSocket(gateway, 'bed-2', shown))).toBe(0x87)
    const token = await gateway.addDevice('bed-2', 'bedside')
    const login = { ca: ca.cert, username: 'bed-2', password: token }
    await expect(overWebSocket(gateway, 'bed-2', login)).resolves.toBeDefined()
  })

  it('a token alone is not enough where certificates are required', async () => {
    const { ca, gateway, folder } = await openSite(true)
    const token = await gateway.addDevice('bed-2', 'bedside')
    const login = { ca: ca.cert, username: 'bed-2', password: token }
    await expect(overWebSocket(gateway, 'bed-2', login)).rejects.toThrow()
    const stranger = await createIssuer(folder, 'stranger-ca')
    const forged = await stranger.issue('forged', 'bed-2')
    const shown = { ...login, cert: forged.cert, key: forged.key }
    await expect(overWebSocket(gateway, 'bed-2', shown)).rejects.toThrow()
    const own = await ca.issue('bed-2', 'bed-2')
    const right = { ca: ca.cert, cert: own.cert, key: own.key }
    await expect(overWebSocket(gateway, 'bed-2', right)).resolves.toBeDefined()
  })
})

describe('a gateway that closes', () => {
  it('does not wait for the devices on its TLS port', async () => {
    const { join, ca, gateway } = await openSite(true)
    const { cert, key } = await ca.issue('bed-1', 'bed-1')
    const client = await join('bed-1', { cert, key })
    const told = new Promise<number | undefined>((resolve) => {
      client.on('disconnect', (packet) => resolve(packet.reasonCode))
    })
    await gateway.close()
    expect(await told).toBe(0x8b)
  })
})

describe('certificates on disk', () => {
  it('that the configuration does not name any more serve until the next start, and a reload says so', async () => {
    // The file of this box names none.
    const { gateway } = await openSite(false)
    const report = await runOperation('reload', {}, gateway.box.operations)
    expect(report).toMatchObject({ needsRestart: expect.arrayContaining(['tls']) })
  })

  it('are read anew without a restart, and broken ones change nothing', async () => {
    const { join, ca, gateway, folder } = await openSite(false)
    const token = await gateway.addDevice('bed-1', 'bedside')
    const login = { username: 'bed-1', password: token }
    const first = await join('bed-1', login)
    // A new CA signs for the box from now on; who trusts only the old one is not let through.
    const next = await createIssuer(folder, 'next-ca')
    await next.issue('box', 'box', ['localhost'])
    await runOperation('reload', {}, gateway.box.operations)
    expect(await codeOf(join('bed-1', login))).toMatch(/UNABLE_TO_VERIFY|SELF_SIGNED/)
    await expect(join('bed-1', { ...login, ca: next.cert })).resolves.toBeDefined()
    expect(first.disconnecting).toBe(false)

    writeFileSync(`${folder}/box.crt`, 'half a certifi')
    await expect(runOperation('reload', {}, gateway.box.operations)).rejects.toThrow()
    await expect(join('bed-1', { ...login, ca: next.cert })).resolves.toBeDefined()
    expect(ca.cert).not.toBe(next.cert)
  })

  it.each(['auto', 'node'])('are read anew for HTTPS and WebSockets too (%s)', async (adapter) => {
    const folder = tempFolder()
    const ca = await createIssuer(folder, 'site-ca')
    const { certFile, keyFile } = await ca.issue('box', 'box', ['localhost'])
    const { gateway } = await openSite(false, {
      http: { port: 0, tlsPort: 0, adapter },
      tls: { host: '127.0.0.1', certFile, keyFile },
    })
    const token = await gateway.addDevice('bed-1', 'bedside')
    const login = { username: 'bed-1', password: token }
    const first = await overWebSocket(gateway, 'bed-1', { ...login, ca: ca.cert })
    const next = await createIssuer(folder, 'next-ca')
    await next.issue('box', 'box', ['localhost'])
    await runOperation('reload', {}, gateway.box.operations)
    // What stands is not cut.
    await first.subscribeAsync('kefu/v1/bed-1/answer', { qos: 1 })
    await expect(overWebSocket(gateway, 'bed-1', { ...login, ca: ca.cert })).rejects.toThrow(
      /self.signed|verify/i,
    )
    await expect(
      overWebSocket(gateway, 'bed-1', { ...login, ca: next.cert }),
    ).resolves.toBeDefined()
    writeFileSync(keyFile, 'half a ke')
    await expect(runOperation('reload', {}, gateway.box.operations)).rejects.toThrow()
    await expect(
      overWebSocket(gateway, 'bed-1', { ...login, ca: next.cert }),
    ).resolves.toBeDefined()
  })
})
