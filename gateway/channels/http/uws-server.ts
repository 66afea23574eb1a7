/** The HTTP and WebSocket port on uWebSockets.js: a fifth of the CPU per message, where its binary loads. */

import type * as Uws from 'uWebSockets.js'
import { createServer } from 'node:net'
import {
  CAUSE,
  chooseProtocol,
  type HttpReply,
  type HttpRequest,
  type HttpServer,
  type ServerOptions,
  WEBSOCKET_IDLE_SECONDS,
  type WebSocketEndpoint,
  type WebSocketListener,
  type WebSocketPeer,
} from './server.ts'

/**
 * None: above a limit the binary drops messages in silence, in the middle of a stream of MQTT packets.
 * Each endpoint bounds what it sends by `bufferedBytes`.
 */
const NO_MAX_BACKPRESSURE = 0

/** Without it the kernel would share the port between two gateways, and each would get half of the devices. */
const LIBUS_LISTEN_EXCLUSIVE_PORT = 1

type UwsModule = typeof Uws
type ListenWithOptions = (
  host: string,
  port: number,
  options: number,
  done: (token: Uws.us_listen_socket | false) => void,
) => void

/** The binary module, or the reason why it cannot be loaded here. */
export async function loadUws(): Promise<{ uws: UwsModule } | { reason: string }> {
  try {
    const module = (await import('uWebSockets.js')) as UwsModule & { default?: UwsModule }
    return { uws: module.default ?? module }
  } catch (error) {
    return { reason: lastLineOf(error instanceof Error ? error.message : String(error)) }
  }
}

/** Its message begins with a list of versions that fits any failure; the loader's own words end it. */
const lastLineOf = (message: string): string => message.trim().split('\n').at(-1) ?? ''

/** Client certificates are never asked for: the binary does not say whose they are. */
export function createUwsServer(uws: UwsModule, options: ServerOptions): HttpServer {
  /** The last one listens; those before it hold connections that began under an earlier certificate. */
  const apps = [createApp(uws, options)]
  let socket: Uws.us_listen_socket | undefined
  let bound: { readonly host: string; readonly port: number } | undefined

  /** Calls back before it returns: the binary binds at once. */
  function listen(app: Uws.TemplatedApp, host: string, port: number): number {
    // The binary takes options beside a host; the published types know only one of the two.
    const listenExclusively = app.listen.bind(app) as unknown as ListenWithOptions
    let taken: Uws.us_listen_socket | false = false
    listenExclusively(host, port, LIBUS_LISTEN_EXCLUSIVE_PORT, (token) => {
      taken = token
    })
    if (!taken) throw new Error(`cannot listen at ${host}:${port}`)
    socket = taken
    bound = { host, port: uws.us_socket_local_port(taken) }
    return bound.port
  }

  return {
    adapter: 'uws',
    listen: async (host, port) => {
      const [app] = apps
      if (!app) throw new Error('the server is closed')
      let any: number
      try {
        any = listen(app, host, port)
      } catch (error) {
        throw (await whyNot(host, port)) ?? error
      }
      if (port !== 0 || !socket) return any
      // Only a socket that was bound to a port by number lets the next one have it while connections stand.
      uws.us_listen_socket_close(socket)
      return listen(app, host, any)
    },
    // An app keeps the certificate that it was made with, so that another one takes over its port.
    renew: () => {
      if (!options.tls || !socket || !bound) return
      const app = createApp(uws, options)
      uws.us_listen_socket_close(socket)
      socket = undefined
      listen(app, bound.host, bound.port)
      apps.push(app)
    },
    close: async () => {
      if (socket) uws.us_listen_socket_close(socket)
      for (const app of apps.splice(0)) app.close()
    },
  }
}

/** The binary does not say why it cannot listen; Node does. Undefined: it can by now. */
function whyNot(host: string, port: number): Promise<Error | undefined> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', resolve)
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)))
  })
}

function createApp(uws: UwsModule, options: ServerOptions): Uws.TemplatedApp {
  const { tls } = options
  const app = tls
    ? uws.SSLApp({ cert_file_name: tls.certFile, key_file_name: tls.keyFile })
    : uws.App()
  for (const endpoint of options.sockets)
    app.ws<SocketData>(endpoint.path, behaviourOf(uws, endpoint))
  app.any('/*', (response, request) => serve(options, response, request))
  return app
}

const NO_QUERY = new URLSearchParams()
const queryOf = (text: string | undefined) => (text ? new URLSearchParams(text) : NO_QUERY)

function serve(options: ServerOptions, response: Uws.HttpResponse, request: Uws.HttpRequest): void {
  const { routes } = options
  // uWebSockets.js' request is only valid inside this call: everything is read at once.
  const headers: Record<string, string> = {}
  request.forEach((name, value) => {
    headers[name] = value
  })
  const head = {
    method: request.getCaseSensitiveMethod(),
    path: request.getUrl(),
    query: queryOf(request.getQuery()),
    headers,
    remoteAddress: textOf(response.getRemoteAddressAsText()),
  }
  let isDone = false
  response.onAborted(() => {
    isDone = true
  })
  const finish = (reply: HttpReply, isLast = false) => {
    if (isDone) return
    isDone = true
    send(response, reply, { isLast, isHead: head.method === 'HEAD' })
  }
  const run = (body: Uint8Array) => {
    const request: HttpRequest = { ...head, body }
    const reply = routes.handle(request)
    if (reply instanceof Promise) void reply.then(finish)
    else finish(reply)
  }
  if (head.method === 'GET' || head.method === 'HEAD') {
    run(new Uint8Array())
    return
  }
  let chunks: Buffer[] = []
  let bytes = 0
  response.onData((chunk, isLast) => {
    bytes += chunk.byteLength
    if (bytes > routes.maxBodyBytes) {
      chunks = []
      finish(routes.tooLarge(routes.maxBodyBytes), true)
      return
    }
    chunks.push(Buffer.from(new Uint8Array(chunk)))
    if (isLast) run(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks))
  })
}

function send(
  response: Uws.HttpResponse,
  reply: HttpReply,
  { isLast, isHead }: { readonly isLast: boolean; readonly isHead: boolean },
): void {
  const body = reply.body ?? ''
  response.cork(() => {
    response.writeStatus(`${reply.status} ${STATUS_TEXT[reply.status] ?? 'Unknown'}`)
    for (const [name, value] of Object.entries(reply.headers ?? {}))
      response.writeHeader(name, value)
    if (!isHead) {
      response.end(body, isLast)
      return
    }
    // What followed the head would be read as the beginning of the next answer (RFC 9110, 9.3.2). Told
    // the length as an argument, the binary would wait for that body and never read the next request.
    response.writeHeader('content-length', String(Buffer.byteLength(body)))
    response.endWithoutBody()
  })
}

const STATUS_TEXT: Readonly<Record<number, string>> = {
  200: 'OK',
  201: 'Created',
  202: 'Accepted',
  204: 'No Content',
  302: 'Found',
  304: 'Not Modified',
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  409: 'Conflict',
  410: 'Gone',
  413: 'Content Too Large',
  415: 'Unsupported Media Type',
  422: 'Unprocessable Content',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
}

const textOf = (bytes: ArrayBuffer): string => Buffer.from(bytes).toString()

interface SocketData {
  readonly remoteAddress: string
  readonly protocol: string
  listener?: WebSocketListener
  isOpen: boolean
}

function behaviourOf(
  uws: UwsModule,
  endpoint: WebSocketEndpoint,
): Uws.WebSocketBehavior<SocketData> {
  return {
    compression: uws.DISABLED,
    maxPayloadLength: endpoint.maxPayloadBytes,
    maxBackpressure: NO_MAX_BACKPRESSURE,
    idleTimeout: WEBSOCKET_IDLE_SECONDS,
    sendPingsAutomatically: true,
    upgrade: (response, request, context) => {
      const protocol = chooseProtocol(
        request.getHeader('sec-websocket-protocol'),
        endpoint.protocols,
      )
      if (protocol === undefined) {
        response
          .writeStatus('400 Bad Request')
          .end(`subprotocol ${endpoint.protocols.join(' or ')} is needed`)
        return
      }
      response.upgrade<SocketData>(
        { remoteAddress: textOf(response.getRemoteAddressAsText()), protocol, isOpen: true },
        request.getHeader('sec-websocket-key'),
        protocol,
        request.getHeader('sec-websocket-extensions'),
        context,
      )
    },
    open: (ws) => {
      const data = ws.getUserData()
      data.listener = endpoint.onOpen(peerOf(ws, data))
    },
    // The bytes live only as long as this call: the listener gets its own copy.
    message: (ws, message, isBinary) =>
      ws.getUserData().listener?.onMessage(Buffer.from(new Uint8Array(message)), isBinary),
    drain: (ws) => ws.getUserData().listener?.onDrain(),
    close: (ws, code, message) => {
      const data = ws.getUserData()
      data.isOpen = false
      data.listener?.onClose(code === ABNORMAL ? causeOf(textOf(message), endpoint) : undefined)
    },
  }
}

/** RFC 6455: no close frame came. Then the binary says itself why it closed. */
const ABNORMAL = 1006

function causeOf(words: string, endpoint: WebSocketEndpoint): string | undefined {
  if (words === 'Received too big message') return CAUSE.tooLarge(endpoint)
  return words === 'WebSocket timed out from inactivity' ? CAUSE.silent : undefined
}

const peerOf = (ws: Uws.WebSocket<SocketData>, data: SocketData): WebSocketPeer => ({
  remoteAddress: data.remoteAddress,
  protocol: data.protocol,
  send: (bytes) => {
    if (data.isOpen) ws.send(bytes, typeof bytes !== 'string')
  },
  bufferedBytes: () => (data.isOpen ? ws.getBufferedAmount() : 0),
  close: (code, reason) => {
    if (data.isOpen) ws.end(code, reason)
  },
  destroy: () => {
    if (data.isOpen) ws.close()
  },
})
