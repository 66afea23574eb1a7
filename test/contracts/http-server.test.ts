import { once } from 'node:events'
import { connect } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { afterEach, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { createNodeServer } from '../../gateway/channels/http/node-server.ts'
import type {
  HttpServer,
  ServerOptions,
  WebSocketPeer,
} from '../../gateway/channels/http/server.ts'
import { createUwsServer, loadUws } from '../../gateway/channels/http/uws-server.ts'
import { createIssuer } from '../support/certificates.ts'
import { tempFolder } from '../support/temp-folder.ts'

const loaded = await loadUws()
const adapters: [string, ((options: ServerOptions) => HttpServer) | undefined][] = [
  ['node', createNodeServer],
  ['uws', 'uws' in loaded ? (options) => createUwsServer(loaded.uws, options) : undefined],
]

/** The files of a port with TLS, and the authority to trust. */
async function secure() {
  const issuer = await createIssuer(tempFolder(), 'Site')
  const { certFile, keyFile } = await issuer.issue('server', 'localhost', ['localhost'])
  const time = () => ({ nowMs: Date.now(), isKnown: true })
  const gate = { time, admits: () => true, handshakeFailed: () => {} }
  return { tls: { certFile, keyFile, requireClientCertificate: false, ...gate }, ca: issuer.cert }
}

/** A server that only takes a port. */
const another = (create: (options: ServerOptions) => HttpServer) =>
  create({
    routes: {
      maxBodyBytes: 1,
      tooLarge: () => ({ status: 413 }),
      handle: () => ({ status: 200 }),
    },
    sockets: [],
    onError: () => {},
  })

const running: HttpServer[] = []
afterEach(async () => {
  for (const server of running.splice(0)) await server.close()
})

describe.each(adapters)('the HTTP and WebSocket port on %s', (_name, create) => {
  // Only where the binary of uWebSockets.js does not load; the gateway then runs on node too.
  const test = create ? it : it.skip

  async function listen(change: Partial<ServerOptions> = {}) {
    if (!create) throw new Error('no adapter')
    const peers: WebSocketPeer[] = []
    const events: string[] = []
    const server = create({
      routes: {
        maxBodyBytes: 1000,
        tooLarge: () => ({ status: 413, body: 'too large' }),
        handle: async ({ method, path, query, headers, body }) => ({
          status: path === '/teapot' ? 422 : 200,
          headers: { 'content-type': 'text/plain', 'x-seen': (headers['x-sent'] as string) ?? '' },
          body: `${method} ${path} ${query.get('q')} ${Buffer.from(body).toString()}`,
        }),
      },
      sockets: [
        {
          path: '/ws',
          protocols: ['b', 'a'],
          maxPayloadBytes: 1000,
          onOpen: (peer) => {
            peers.push(peer)
            return {
              onMessage: (data, isBinary) => {
                if (Buffer.from(data).toString() === 'bye') peer.close(4400, 'as you wish')
                else peer.send(isBinary ? data : Buffer.from(data).toString().toUpperCase())
              },
              onDrain: () => {},
              onClose: () => events.push('closed'),
            }
          },
        },
      ],
      onError: (error) => events.push(error.message),
      ...change,
    })
    running.push(server)
    const port = await server.listen('127.0.0.1', 0)
    return { server, port, peers, events, url: `http://127.0.0.1:${port}` }
  }

  const open = (port: number, protocols: string[], path = '/ws') =>
    new Promise<WebSocket>((resolve, reject) => {
      const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, protocols)
      socket.on('open', () => resolve(socket))
      socket.on('error', reject)
    })
  const next = (socket: WebSocket) =>
    new Promise<{ data: Buffer; isBinary: boolean }>((resolve) =>
      socket.once('message', (data: Buffer, isBinary) => resolve({ data, isBinary })),
    )

  test('hands over method, path, query, headers and body, and sends back status, headers and body', async () => {
    const { url } = await listen()
    const reply = await fetch(`${url}/x/y?q=%E6%8C%82`, {
      method: 'POST',
      headers: { 'X-Sent': 'h' },
      body: '号',
    })
    expect(reply.status).toBe(200)
    expect(reply.headers.get('x-seen')).toBe('h')
    expect(await reply.text()).toBe('POST /x/y 挂 号')
    expect((await fetch(`${url}/teapot`)).status).toBe(422)
  })

  test('refuses a body over the limit and goes on serving', async () => {
    const { url } = await listen()
    const reply = await fetch(`${url}/x`, { method: 'POST', body: 'x'.repeat(100_000) }).catch(
      () => undefined,
    )
    if (reply) expect(reply.status).toBe(413)
    expect((await fetch(`${url}/x`, { method: 'POST', body: 'x'.repeat(1000) })).status).toBe(200)
  })

  test('survives half a request and a request that is none', async () => {
    const { url, port } = await listen()
    for (const bytes of [
      'POST /x HTTP/1.1\r\ncontent-length: 50\r\n\r\nhalf',
      '\x16\x03\x01garbage\r\n\r\n',
    ]) {
      const socket = connect(port, '127.0.0.1')
      await new Promise<void>((resolve) =>
        socket.on('connect', () => socket.write(bytes, () => resolve())),
      )
      socket.destroy()
    }
    expect((await fetch(`${url}/x`)).status).toBe(200)
  })

  test('keeps the connection of a client open between requests', async () => {
    const { port } = await listen()
    const socket = connect(port, '127.0.0.1')
    const request = 'GET /x HTTP/1.1\r\nhost: x\r\n\r\n'
    const replies = await new Promise<number>((resolve) => {
      let seen = ''
      socket.on('data', (chunk) => {
        seen += chunk.toString()
        const count = seen.split('GET /x').length - 1
        if (count === 1) socket.write(request)
        if (count === 2) resolve(count)
      })
      socket.write(request)
    })
    expect(replies).toBe(2)
    socket.destroy()
  })

  test('agrees on the subprotocol it prefers, echoes text and binary', async () => {
    const { port } = await listen()
    const socket = await open(port, ['a', 'b'])
    expect(socket.protocol).toBe('b')
    socket.send('frage')
    expect((await next(socket)).data.toString()).toBe('FRAGE')
    socket.send(Buffer.from([1, 2, 3]))
    expect(await next(socket)).toEqual({ data: Buffer.from([1, 2, 3]), isBinary: true })
    socket.close()
  })

  test('refuses a WebSocket without a known subprotocol or at another path', async () => {
    const { port } = await listen()
    await expect(open(port, ['c'])).rejects.toThrow('400')
    await expect(open(port, ['a'], '/other')).rejects.toThrow()
  })

  test('closes with code and reason, and tells its listener when the other side is gone', async () => {
    const { port, events } = await listen()
    const socket = await open(port, ['a'])
    const closed = new Promise((resolve) =>
      socket.on('close', (code, reason) => resolve(`${code} ${reason}`)),
    )
    socket.send('bye')
    expect(await closed).toBe('4400 as you wish')
    await expect.poll(() => events).toEqual(['closed'])
    const other = await open(port, ['a'])
    other.terminate()
    await expect.poll(() => events.length).toBe(2)
  })

  test.each(['plain', 'TLS'])(
    'a stranger who resets the connection that is refused him ends nothing (%s)',
    async (kind) => {
      const secrets = kind === 'TLS' ? await secure() : undefined
      const { port } = await listen(secrets ? { tls: secrets.tls } : {})
      const dial = () => {
        const below = connect(port, '127.0.0.1').on('error', () => {})
        if (!secrets) return { below, socket: below }
        const trust = { ca: secrets.ca, servername: 'localhost' }
        return { below, socket: connectTls({ socket: below, ...trust }).on('error', () => {}) }
      }
      const ask = 'GET /nope HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\n'
      for (let round = 0; round < 20; round++) {
        const { below, socket } = dial()
        socket.write(`${ask}\r\n`)
        await once(socket, 'data')
        below.resetAndDestroy()
      }
      const { socket: last } = dial()
      last.write('GET /well HTTP/1.1\r\nhost: x\r\n\r\n')
      const [answer] = await once(last, 'data')
      expect(String(answer)).toContain('200')
      last.destroy()
    },
  )

  test('cuts a frame over the limit', async () => {
    const { port } = await listen()
    const socket = await open(port, ['a'])
    socket.on('error', () => {})
    const closed = new Promise<void>((resolve) => socket.on('close', () => resolve()))
    socket.send('x'.repeat(5000))
    await closed
  })

  test('does not share its port with a second server', async () => {
    const { port } = await listen()
    if (!create) return
    const second = another(create)
    await expect(second.listen('127.0.0.1', port)).rejects.toThrow('EADDRINUSE')
  })

  test('says why it cannot listen', async () => {
    if (!create) return
    const server = another(create)
    // For documentation only (RFC 5737): no machine has it.
    await expect(server.listen('192.0.2.1', 0)).rejects.toThrow('EADDRNOTAVAIL')
  })

  test('keeps what a peer that does not read just now is sent, all of it and in order', async () => {
    const { port, peers } = await listen()
    const socket = await open(port, ['a'])
    socket.pause()
    const piece = 64 * 1024
    const count = 256
    for (let at = 0; at < count; at++) peers[0]?.send(Buffer.alloc(piece, at))
    // More than this lies in front of the network: what its buffers hold is less.
    await expect.poll(() => peers[0]?.bufferedBytes()).toBeGreaterThan(0)
    const got: (number | undefined)[] = []
    socket.on('message', (data: Buffer) => got.push(data[0]))
    socket.resume()
    await expect.poll(() => got.length, { timeout: 5000 }).toBe(count)
    expect(got).toEqual(Array.from({ length: count }, (_, at) => at))
    socket.close()
  })

  test('answers HEAD with the head alone, so that the next answer is where it belongs', async () => {
    const { port } = await listen()
    const socket = connect(port, '127.0.0.1')
    let seen = ''
    socket.on('data', (chunk) => {
      seen += chunk.toString().toLowerCase()
    })
    socket.write('HEAD /x HTTP/1.1\r\nhost: x\r\n\r\n')
    await expect.poll(() => seen).toContain('content-length: 13')
    socket.write('GET /y HTTP/1.1\r\nhost: x\r\n\r\n')
    await expect.poll(() => seen).toContain('get /y')
    expect(seen).not.toContain('head /x')
    socket.destroy()
  })

  test('sends nothing to a peer that has gone', async () => {
    const { port, peers, events } = await listen()
    const socket = await open(port, ['a'])
    socket.terminate()
    await expect.poll(() => events.length).toBe(1)
    expect(() => peers[0]?.send('late')).not.toThrow()
    expect(peers[0]?.bufferedBytes()).toBe(0)
  })
})
