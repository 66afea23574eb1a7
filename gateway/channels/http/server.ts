/**
 * One port for HTTP and WebSocket, as a small interface with two implementations: uWebSockets.js where
 * its binary loads, node:http with ws elsewhere. Both pass test/contracts/http-server.
 */
import type { IncomingHttpHeaders } from 'node:http'
import type { TrustedTime } from '@kefu-edge/cloud-sync/ports'
import type { CertificateFault, PeerCertificate } from '../mqtt/byte-connection.ts'
import type { TlsFiles, TlsSecrets } from '../tls-files.ts'

export interface HttpRequest {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  readonly headers: IncomingHttpHeaders
  readonly remoteAddress: string
  /** Came in by a port that demands certificates of devices, and showed none that holds. */
  readonly isUncertified?: boolean
  readonly body: Uint8Array
}

export interface HttpReply {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array
}

export interface HttpRoutes {
  /** Answers a request whose body was read whole. Must not throw. */
  handle(request: HttpRequest): HttpReply | Promise<HttpReply>
  /** The reply to a body larger than `maxBodyBytes`. */
  tooLarge(maxBodyBytes: number): HttpReply
  readonly maxBodyBytes: number
}

/** One WebSocket connection as the rooms see it. */
export interface WebSocketPeer {
  readonly remoteAddress: string
  /** The subprotocol that was agreed on. */
  readonly protocol: string
  /** Only when it was verified against the CA of the site. */
  readonly certificate?: PeerCertificate
  readonly certificateFault?: CertificateFault
  /** Its TLS handshake was counted against connects a second. */
  readonly wasAdmitted?: boolean
  /** Sends a text (string) or binary frame; nothing happens when the connection is gone. */
  send(data: string | Uint8Array): void
  /** Bytes handed over and not yet taken by the network. No adapter bounds them: who sends looks here. */
  bufferedBytes(): number
  /** Stops reading, so that the peer feels back-pressure; what was read before may still come. Where it can be done. */
  pause?(): void
  resume?(): void
  /** Closes with an RFC 6455 code. */
  close(code: number, reason: string): void
  destroy(): void
}

export interface WebSocketListener {
  onMessage(data: Uint8Array, isBinary: boolean): void
  onDrain(): void
  /** Once, whoever closed; with the cause in plain words where it was this port by itself. */
  onClose(cause?: string): void
}

export interface WebSocketEndpoint {
  readonly path: string
  /** In the order of preference; a client that offers none of them is refused with 400. */
  readonly protocols: readonly string[]
  readonly maxPayloadBytes: number
  onOpen(peer: WebSocketPeer): WebSocketListener
}

export interface ServerOptions {
  readonly routes: HttpRoutes
  readonly sockets: readonly WebSocketEndpoint[]
  /**
   * Client certificates are asked for where there is a CA. Where they are required the routes and endpoints of
   * devices demand them; the browser of an operator has none.
   */
  readonly tls?: TlsFiles & {
    /** Those certificates are judged by it. */
    readonly time: () => TrustedTime
    /**
     * Whether a handshake may begin; asked for each, since it counts them. uWebSockets.js does not ask: it
     * shows no connection before its handshake.
     */
    readonly admits: (remoteAddress: string) => boolean
    /** One that began came to nothing. */
    readonly handshakeFailed: (remoteAddress: string) => void
  }
  /** The port could not take a connection; it goes on listening. */
  readonly onError: (error: Error) => void
}

export interface HttpServer {
  /** Name for the log: `uws` or `node`. */
  readonly adapter: string
  /** Resolves with the bound port; rejects when the address is taken. */
  listen(host: string, port: number): Promise<number>
  /** The TLS files have changed and are sound: new connections get them, those that stand keep theirs. */
  renew(secrets: TlsSecrets): void
  close(): Promise<void>
}

/** How long a client may take for its request head and body. */
export const REQUEST_TIMEOUT_SECONDS = 30
/** A WebSocket that sent nothing for this long is closed; ping frames are sent before. */
export const WEBSOCKET_IDLE_SECONDS = 120

/** Why this port closed a WebSocket by itself. */
export const CAUSE = {
  silent: `nothing came on the WebSocket for ${WEBSOCKET_IDLE_SECONDS} s`,
  tooLarge: ({ maxPayloadBytes }: WebSocketEndpoint): string =>
    `a frame of more than ${maxPayloadBytes} bytes`,
} as const

/** The first protocol that both sides know. */
export function chooseProtocol(
  offered: string | undefined,
  known: readonly string[],
): string | undefined {
  const names = (offered ?? '').split(',').map((name) => name.trim())
  return known.find((name) => names.includes(name))
}
