import { once } from 'node:events'
import net from 'node:net'
import { WebSocket } from 'ws'

export type Transport = 'tcp' | 'ws'

/** Where the broker listens. */
export interface BrokerAddress {
  tcp: { host: string; port: number }
  ws: string
  /** Present when the broker runs on this machine and its process is known. */
  pid?: number
}

/** A byte stream to the broker, over TCP or in WebSocket frames. */
export interface Link {
  write(bytes: Uint8Array): void
  /** Ends the stream in good order. */
  end(): void
  /** Cuts the stream off, as a failing network would. */
  destroy(): void
  /** Stops or restarts reading, so that the broker's send buffers fill up. */
  pause(): void
  resume(): void
  onData(listener: (bytes: Buffer) => void): void
  onClose(listener: () => void): void
}

async function openTcp(address: BrokerAddress): Promise<Link> {
  const socket = net.connect({ ...address.tcp, noDelay: true })
  await once(socket, 'connect')
  // A reset by the broker is an ending like any other; 'close' follows it.
  socket.on('error', () => {})
  return {
    write: (bytes) => void socket.write(bytes),
    end: () => void socket.end(),
    destroy: () => void socket.destroy(),
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    onData: (listener) => void socket.on('data', listener),
    onClose: (listener) => void socket.on('close', listener),
  }
}

async function openWebSocket(address: BrokerAddress): Promise<Link> {
  const socket = new WebSocket(address.ws, 'mqtt', { perMessageDeflate: false })
  await once(socket, 'open')
  socket.on('error', () => {})
  return {
    write: (bytes) => socket.readyState === WebSocket.OPEN && socket.send(bytes),
    end: () => socket.close(),
    destroy: () => socket.terminate(),
    pause: () => socket.pause(),
    resume: () => socket.resume(),
    onData: (listener) => void socket.on('message', (data) => listener(data as Buffer)),
    onClose: (listener) => void socket.on('close', listener),
  }
}

/** Opens a byte stream to the broker. Rejects when it does not listen. */
export function openLink(transport: Transport, address: BrokerAddress): Promise<Link> {
  return transport === 'tcp' ? openTcp(address) : openWebSocket(address)
}
