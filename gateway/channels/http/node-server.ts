/** The HTTP and WebSocket port on node:http and ws: works wherever Node does. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { TLSSocket } from 'node:tls'
import { WebSocket, WebSocketServer } from 'ws'
import { addressOf, createDeviceTls, type ShownCertificate } from '../device-tls.ts'
import {
  CAUSE,
  chooseProtocol,
  type HttpReply,
  type HttpRoutes,
  type HttpServer,
  REQUEST_TIMEOUT_SECONDS,
  type ServerOptions,
  WEBSOCKET_IDLE_SECONDS,
  type WebSocketEndpoint,
  type WebSocketPeer,
} from './server.ts'

const MAX_HEADER_BYTES = 16_384
/** How long a peer may take to read why it is refused. */
const LINGER_MS = 2000

export function createNodeServer(options: ServerOptions): HttpServer {
  const settings = {
    maxHeaderSize: MAX_HEADER_BYTES,
    requestTimeout: REQUEST_TIMEOUT_SECONDS * 1000,
    noDelay: true,
  }
  const { tls } = options
  const devices = tls && createDeviceTls(tls, tls.time)
  const shownBy = (socket: Socket): ShownCertificate | undefined =>
    socket instanceof TLSSocket ? devices?.shownBy(socket) : undefined
  const isRequired = devices?.isRequired ?? false
  const answer = (request: IncomingMessage, response: ServerResponse) => {
    const isUncertified = isRequired && !shownBy(request.socket)?.peerCertificate
    void serve(options.routes, request, response, isUncertified)
  }
  const secure = devices && createTlsServer({ ...settings, ...devices.serverOptions }, answer)
  if (secure && tls) gateHandshakes(secure, tls)
  // Judged at once: a session that is resumed later does not bring the issuers in between again.
  if (isRequired) secure?.on('secureConnection', shownBy)
  const server = secure ?? createServer(settings, answer)
  const originOf = (socket: Socket): Origin => ({
    remoteAddress: socket.remoteAddress ?? '',
    wasAdmitted: socket instanceof TLSSocket,
    ...shownBy(socket),
  })
  const endpoints = new Map(
    options.sockets.map((endpoint) => [endpoint.path, upgraderOf(endpoint, originOf)]),
  )
  const upgraders = [...endpoints.values()]

  server.on('upgrade', (request, socket: Duplex, head) => {
    const upgrade = endpoints.get((request.url ?? '').split('?')[0] ?? '')
    if (upgrade) upgrade.handle(request, socket, head)
    else refuseUpgrade(socket, 404)
  })
  server.on('clientError', (_error, socket) => refuseUpgrade(socket, 400))

  return {
    adapter: 'node',
    listen: (host, port) =>
      new Promise((resolve, reject) => {
        server.once('error', reject)
        server.listen({ host, port, backlog: 4096 }, () => {
          server.off('error', reject)
          // Such as no file descriptor left for the next connection: those that stand go on.
          server.on('error', options.onError)
          resolve((server.address() as AddressInfo).port)
        })
      }),
    renew: (secrets) => {
      if (secure) devices?.renew(secure, secrets)
    },
    close: () =>
      new Promise((resolve) => {
        for (const upgrader of upgraders) upgrader.closeAll()
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** Before the first byte is read: a handshake costs some fifteen times as much as this. */
function gateHandshakes(secure: TlsServer, tls: NonNullable<ServerOptions['tls']>): void {
  const begin = secure.listeners('connection') as ((socket: Socket) => void)[]
  secure.removeAllListeners('connection')
  secure.on('connection', (socket: Socket) => {
    if (!tls.admits(socket.remoteAddress ?? '')) socket.destroy()
    else for (const one of begin) one.call(secure, socket)
  })
  secure.on('tlsClientError', (_error, socket) => tls.handshakeFailed(addressOf(socket)))
}

function refuseUpgrade(socket: Duplex, status: number): void {
  // Node has taken its own listener off: a peer that resets the connection would end the gateway.
  socket.on('error', () => {})
  if (!socket.writable) {
    socket.destroy()
    return
  }
  socket.end(`HTTP/1.1 ${status} Refused\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`)
  // The peer may never close its half: what it still sends is thrown away until it must go.
  socket.resume()
  setTimeout(() => socket.destroy(), LINGER_MS).unref()
}

async function serve(
  routes: HttpRoutes,
  request: IncomingMessage,
  response: ServerResponse,
  isUncertified: boolean,
): Promise<void> {
  const body = await readBody(request, routes.maxBodyBytes)
  if (body === 'gone') return
  if (body === 'too-large') {
    send(response, {
      ...routes.tooLarge(routes.maxBodyBytes),
      headers: { ...routes.tooLarge(0).headers, connection: 'close' },
    })
    return
  }
  const target = request.url ?? '/'
  const mark = target.indexOf('?')
  const reply = await routes.handle({
    method: request.method ?? 'GET',
    path: mark < 0 ? target : target.slice(0, mark),
    query: new URLSearchParams(mark < 0 ? '' : target.slice(mark + 1)),
    headers: request.headers,
    remoteAddress: request.socket.remoteAddress ?? '',
    ...(isUncertified ? { isUncertified } : {}),
    body,
  })
  send(response, reply)
}

function readBody(
  request: IncomingMessage,
  maxBytes: number,
): Promise<Uint8Array | 'too-large' | 'gone'> {
  if (request.method === 'GET' || request.method === 'HEAD')
    return Promise.resolve(new Uint8Array())
  return new Promise((resolve) => {
    const chunks: Buffer[] = []
    let bytes = 0
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes <= maxBytes) chunks.push(chunk)
      else resolve('too-large')
    })
    request.on('end', () =>
      resolve(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks)),
    )
    request.on('error', () => resolve('gone'))
    request.on('close', () => resolve('gone'))
  })
}

function send(response: ServerResponse, reply: HttpReply): void {
  const body =
    typeof reply.body === 'string' ? Buffer.from(reply.body) : (reply.body ?? new Uint8Array())
  response.writeHead(reply.status, { ...reply.headers, 'content-length': body.length })
  response.end(body)
}

/** Whether a peer was heard since it was last pinged, and why this port closes it by itself. */
interface Life {
  isAlive: boolean
  cause: string | undefined
}

type Origin = ShownCertificate & Pick<WebSocketPeer, 'remoteAddress' | 'wasAdmitted'>

function upgraderOf(endpoint: WebSocketEndpoint, originOf: (socket: Socket) => Origin) {
  const wss = new WebSocketServer({
    noServer: true,
    maxPayload: endpoint.maxPayloadBytes,
    perMessageDeflate: false,
    handleProtocols: (offered) => endpoint.protocols.find((name) => offered.has(name)) ?? false,
  })
  const peers = new Map<WebSocket, Life>()
  const pings = setInterval(
    () => {
      for (const [socket, life] of peers) {
        // Of one that is not read no answer can be seen.
        if (socket.isPaused) continue
        if (!life.isAlive) {
          life.cause = CAUSE.silent
          socket.terminate()
        } else {
          life.isAlive = false
          socket.ping()
        }
      }
    },
    (WEBSOCKET_IDLE_SECONDS / 2) * 1000,
  )
  pings.unref()
  return {
    handle(request: IncomingMessage, socket: Duplex, head: Buffer): void {
      if (!chooseProtocol(request.headers['sec-websocket-protocol'], endpoint.protocols)) {
        refuseUpgrade(socket, 400)
        return
      }
      wss.handleUpgrade(request, socket, head, (ws) => {
        const life: Life = { isAlive: true, cause: undefined }
        peers.set(ws, life)
        ws.on('close', () => peers.delete(ws))
        attach(endpoint, ws, originOf(request.socket), life)
      })
    },
    closeAll(): void {
      clearInterval(pings)
      for (const socket of peers.keys()) socket.close(1001, 'shutting down')
      setTimeout(() => {
        for (const socket of peers.keys()) socket.terminate()
      }, 200).unref()
      wss.close()
    },
  }
}

function attach(
  endpoint: WebSocketEndpoint,
  ws: WebSocket,
  { remoteAddress, wasAdmitted = false, peerCertificate, certificateFault }: Origin,
  life: Life,
): void {
  ws.binaryType = 'nodebuffer'
  const peer: WebSocketPeer = {
    remoteAddress,
    wasAdmitted,
    protocol: ws.protocol,
    ...(peerCertificate ? { certificate: peerCertificate } : {}),
    ...(certificateFault ? { certificateFault } : {}),
    send: (data) => {
      if (ws.readyState !== WebSocket.OPEN) return
      ws.send(data, { binary: typeof data !== 'string' }, () => {
        if (ws.bufferedAmount === 0) listener.onDrain()
      })
    },
    bufferedBytes: () => ws.bufferedAmount,
    pause: () => ws.pause(),
    resume: () => ws.resume(),
    close: (code, reason) => ws.close(code, reason),
    destroy: () => ws.terminate(),
  }
  const listener = endpoint.onOpen(peer)
  ws.on('pong', () => {
    life.isAlive = true
  })
  ws.on('message', (data: Buffer, isBinary) => {
    life.isAlive = true
    listener.onMessage(data, isBinary)
  })
  ws.on('close', () => listener.onClose(life.cause))
  ws.on('error', ({ code }: NodeJS.ErrnoException) => {
    if (code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH') life.cause = CAUSE.tooLarge(endpoint)
    // By now a close frame with the reason is on its way.
    setTimeout(() => ws.terminate(), LINGER_MS).unref()
  })
}
