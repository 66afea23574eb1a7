/** TCP and TLS listeners: Node sockets behind the byte-connection port. */
import { createServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer, TLSSocket, type TlsOptions } from 'node:tls'
import type { ByteConnection, PeerCertificate } from './byte-connection.ts'

/** Connections the kernel may hold before we accept them: a whole site that comes back after a power cut. */
const BACKLOG = 4096

export interface ListenOptions {
  readonly host: string
  /** 0: any free port. */
  readonly port: number
  /** Options of node:tls; with `requestCert` a verified client certificate reaches `authenticate`. */
  readonly tls?: TlsOptions
}

export interface Listener {
  readonly port: number
  close(): Promise<void>
}

/** Listens and hands each new connection on. Rejects when the port cannot be had. */
export function listenTcp(
  options: ListenOptions,
  accept: (connection: ByteConnection) => void,
): Promise<Listener> {
  const { tls } = options
  const server =
    tls === undefined
      ? createServer({ noDelay: true }, (socket) => accept(socketConnection(socket)))
      : createTlsServer({ ...tls, noDelay: true }, (socket) => accept(socketConnection(socket)))
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host: options.host, port: options.port, backlog: BACKLOG }, () => {
      server.removeListener('error', reject)
      resolve({ port: boundPort(server), close: () => closeServer(server) })
    })
  })
}

function boundPort(server: Server): number {
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

const closeServer = (server: Server): Promise<void> =>
  new Promise((resolve) => server.close(() => resolve()))

/** A Node socket as a byte connection. */
export function socketConnection(socket: Socket): ByteConnection {
  // A socket error is followed by 'close', which is where the end is dealt with.
  socket.on('error', ignore)
  const certificate = socket instanceof TLSSocket ? peerCertificate(socket) : undefined
  return {
    remoteAddress: socket.remoteAddress ?? '',
    transport: socket instanceof TLSSocket ? 'tls' : 'tcp',
    ...(certificate === undefined ? {} : { peerCertificate: certificate }),
    write: (bytes) => {
      if (socket.writable) socket.write(bytes)
    },
    bufferedBytes: () => socket.writableLength,
    pause: () => socket.pause(),
    resume: () => socket.resume(),
    end: () => {
      socket.end()
      // The peer may never close its half: what it still sends is read and thrown away until it does.
      socket.resume()
      setTimeout(() => socket.destroy(), LINGER_MS).unref()
    },
    destroy: () => socket.destroy(),
    onData: (listener) => socket.on('data', listener),
    onDrain: (listener) => socket.on('drain', listener),
    onClose: (listener) => socket.on('close', listener),
  }
}

/** How long a peer may take to read our last words. */
const LINGER_MS = 2000
const ignore = (): void => {}

function peerCertificate(socket: TLSSocket): PeerCertificate | undefined {
  if (!socket.authorized) return undefined
  const certificate = socket.getPeerCertificate()
  if (!certificate?.subject) return undefined
  const altNames = (certificate.subjectaltname ?? '')
    .split(', ')
    .filter((name) => name.startsWith('DNS:') || name.startsWith('URI:'))
    .map((name) => name.slice(4))
  const commonName = certificate.subject.CN
  return { ...(typeof commonName === 'string' ? { commonName } : {}), altNames }
}
