/** The TCP listener, which TLS stands on too, and Node sockets behind the byte-connection port. */
import { createServer, type Server, type Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import type {
  ByteConnection,
  CertificateFault,
  PeerCertificate,
  Transport,
} from './byte-connection.ts'

/** Connections the kernel may hold before we accept them: a whole site that comes back after a power cut. */
const BACKLOG = 4096

export interface ListenOptions {
  readonly host: string
  /** 0: any free port. */
  readonly port: number
}

export interface Listener {
  readonly port: number
  close(): Promise<void>
}

/** Listens and hands each new socket on. Rejects when the port cannot be had; later errors go to `onError`. */
export function listenTcp(
  { host, port }: ListenOptions,
  accept: (socket: Socket) => void,
  onError: (error: Error) => void,
): Promise<Listener> {
  // No keep-alive of TCP: Node gives up after ten seconds without an answer, though the client has promised another
  // word within its own keep alive only. Who promised none gives way where the places of its device are taken.
  const server = createServer({ noDelay: true }, accept)
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host, port, backlog: BACKLOG }, () => {
      server.removeListener('error', reject)
      server.on('error', onError)
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

/** What TLS has made known of who connects. */
export type Introduction = Pick<
  ByteConnection,
  'peerCertificate' | 'certificateFault' | 'requiresCertificate'
>

/** A Node socket as a byte connection. */
export const socketConnection = (socket: Socket, introduction: Introduction = {}): ByteConnection =>
  new SocketConnection(socket, introduction)

class SocketConnection implements ByteConnection {
  private readonly socket: Socket
  readonly remoteAddress: string
  readonly transport: Transport
  readonly peerCertificate?: PeerCertificate
  readonly certificateFault?: CertificateFault
  readonly requiresCertificate?: boolean

  constructor(socket: Socket, introduction: Introduction) {
    Object.assign(this, introduction)
    this.socket = socket
    this.remoteAddress = socket.remoteAddress ?? ''
    this.transport = socket instanceof TLSSocket ? 'tls' : 'tcp'
    // A socket error is followed by 'close', which is where the end is dealt with.
    socket.on('error', ignore)
  }

  write(bytes: Uint8Array): void {
    if (this.socket.writable) this.socket.write(bytes)
  }

  bufferedBytes(): number {
    return this.socket.writableLength
  }

  pause(): void {
    this.socket.pause()
  }

  resume(): void {
    this.socket.resume()
  }

  end(): void {
    const { socket } = this
    if (socket.destroyed) return
    socket.end()
    // The peer may never close its half: what it still sends is read and thrown away until it does.
    socket.resume()
    setTimeout(() => socket.destroy(), LINGER_MS).unref()
  }

  destroy(): void {
    this.socket.destroy()
  }

  onData(listener: (chunk: Buffer) => void): void {
    this.socket.on('data', listener)
  }

  onDrain(listener: () => void): void {
    this.socket.on('drain', listener)
  }

  onClose(listener: () => void): void {
    // Not the listener itself: the event says whether there was an error, which is no cause in words.
    this.socket.on('close', () => listener())
  }
}

/** How long a peer may take to read our last words. */
const LINGER_MS = 2000
const ignore = (): void => {}
