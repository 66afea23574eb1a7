/** MQTT over WebSocket at `/mqtt` [MQTT-6]: a WebSocket as a stream of bytes for the engine. */
import type { WebSocketEndpoint, WebSocketListener, WebSocketPeer } from '../http/server.ts'
import type { ByteConnection, CertificateFault, PeerCertificate } from '../mqtt/byte-connection.ts'
import { PausableChunks } from '../mqtt/connection/pausable-chunks.ts'

/**
 * A frame may hold so many packets of the largest size [MQTT-6.0.0-2]; what is larger is cut by the transport,
 * which holds a frame until it is whole. That a packet is too large says the engine, with its size.
 */
const PACKETS_PER_FRAME = 2
/**
 * What one client may have sent on while the engine does not read, where its transport cannot be paused: twice
 * the burst of its rate. A client of MQTT 3.1.1 that catches up sends all that it has at once.
 */
const MAX_HELD_BYTES = 16 * 1024 * 1024
/** The same over all clients of the port; above it each may have only `CROWDED_HELD_BYTES`. */
const MAX_TOTAL_HELD_BYTES = 64 * 1024 * 1024
const CROWDED_HELD_BYTES = 4 * 1024 * 1024
const TOO_FAST = 'it sent faster than it may, and this WebSocket port cannot hold it back'
/** [MQTT-6.0.0-1]: data that is not binary ends the connection. RFC 6455: 1003 unsupported data. */
const UNSUPPORTED_DATA = 1003
const BINARY_ONLY = 'binary frames only'
/** RFC 6455: 1008 policy violation. */
const POLICY_VIOLATION = 1008
const NO_CERTIFICATE = 'a client certificate of the site is required'

export function mqttOverWebSocket(options: {
  readonly maxPacketBytes: number
  readonly accept: (connection: ByteConnection) => void
  /** Turns away who shows no certificate of the site's CA. */
  readonly requiresCertificate?: boolean
  readonly onRefused?: (remoteAddress: string, reason: string) => void
}): WebSocketEndpoint {
  const held: Held = { bytes: 0 }
  return {
    path: '/mqtt',
    // 'mqttv3.1' is what clients of MQTT 3.1 offer.
    protocols: ['mqtt', 'mqttv3.1'],
    maxPayloadBytes: PACKETS_PER_FRAME * options.maxPacketBytes,
    onOpen: (peer) => {
      const { requiresCertificate = false, onRefused } = options
      // Whose certificate is not of this time hears of it in the CONNACK.
      if (requiresCertificate && !peer.certificate && !peer.certificateFault) {
        return turnAway(peer, onRefused)
      }
      const stream = new WebSocketStream(peer, requiresCertificate, held)
      options.accept(stream)
      return {
        onMessage: (data, isBinary) => {
          if (isBinary) stream.receive(data)
          else stream.turnDown(UNSUPPORTED_DATA, BINARY_ONLY)
        },
        onDrain: () => stream.drained(),
        onClose: (cause) => stream.closed(cause),
      }
    },
  }
}

/** The same endpoint for those alone who show a certificate of the site. */
export const certified = (
  endpoint: WebSocketEndpoint,
  onRefused: (remoteAddress: string, reason: string) => void,
): WebSocketEndpoint => ({
  ...endpoint,
  onOpen: (peer) => (peer.certificate ? endpoint.onOpen(peer) : turnAway(peer, onRefused)),
})

function turnAway(
  peer: WebSocketPeer,
  onRefused?: (remoteAddress: string, reason: string) => void,
): WebSocketListener {
  peer.close(POLICY_VIOLATION, NO_CERTIFICATE)
  onRefused?.(peer.remoteAddress, NO_CERTIFICATE)
  return { onMessage: () => {}, onDrain: () => {}, onClose: () => {} }
}

/** What all clients of a port have sent on while they were not read. */
interface Held {
  bytes: number
}

class WebSocketStream implements ByteConnection {
  readonly transport = 'websocket'
  readonly remoteAddress: string
  readonly peerCertificate?: PeerCertificate
  readonly certificateFault?: CertificateFault
  readonly requiresCertificate: boolean
  readonly wasAdmitted: boolean
  readonly #peer: WebSocketPeer
  #onDrain: () => void = () => {}
  #onClose: (cause?: string) => void = () => {}
  #onOverrun: (words: string) => void = () => {}
  /** A WebSocket of uWebSockets.js cannot be paused, and of one that is some frames still come. */
  readonly #chunks = new PausableChunks()
  readonly #allHeld: Held
  /** Its share of them. */
  #heldBytes = 0
  #isEnded = false
  /** The peer has closed; what it had sent is still to be handed over. */
  #isGone = false
  #cause: string | undefined

  constructor(peer: WebSocketPeer, requiresCertificate: boolean, allHeld: Held) {
    this.#peer = peer
    this.#allHeld = allHeld
    this.#chunks.onEmpty = () => {
      if (this.#isGone) this.#leave()
    }
    this.requiresCertificate = requiresCertificate
    this.remoteAddress = peer.remoteAddress
    this.wasAdmitted = peer.wasAdmitted ?? false
    if (peer.certificate) this.peerCertificate = peer.certificate
    if (peer.certificateFault) this.certificateFault = peer.certificateFault
  }

  write(bytes: Uint8Array): void {
    this.#peer.send(bytes)
  }
  bufferedBytes(): number {
    return this.#isGone ? 0 : this.#peer.bufferedBytes()
  }
  pause(): void {
    this.#chunks.pause()
    this.#peer.pause?.()
  }
  resume(): void {
    if (this.#isEnded) return
    this.#chunks.resume()
    this.#noteHeld()
    if (!this.#chunks.isPaused) this.#peer.resume?.()
  }
  end(): void {
    this.#finish()
    // The peer's own close frame is still to be read.
    this.#peer.resume?.()
    this.#peer.close(1000, '')
  }
  destroy(): void {
    this.#finish()
    this.#peer.destroy()
  }
  onData(listener: (chunk: Buffer) => void): void {
    this.#chunks.onData = listener
  }
  onDrain(listener: () => void): void {
    this.#onDrain = listener
  }
  onClose(listener: (cause?: string) => void): void {
    this.#onClose = listener
  }
  onOverrun(listener: (words: string) => void): void {
    this.#onOverrun = listener
  }

  receive(data: Uint8Array): void {
    if (this.#isEnded) return
    this.#chunks.receive(Buffer.isBuffer(data) ? data : Buffer.from(data))
    if (!this.#noteHeld()) return
    const isCrowded = this.#allHeld.bytes > MAX_TOTAL_HELD_BYTES
    if (this.#heldBytes > (isCrowded ? CROWDED_HELD_BYTES : MAX_HELD_BYTES)) {
      this.#onOverrun(TOO_FAST)
    }
  }
  /** uWebSockets.js tells each part that the network took; the engine goes on once there is nothing left. */
  drained(): void {
    if (this.bufferedBytes() === 0) this.#onDrain()
  }
  /** As of a socket, the end is told behind the last bytes. */
  closed(cause = this.#cause): void {
    this.#cause = cause
    if (this.#isEnded || this.#chunks.heldBytes === 0) {
      this.#leave()
      return
    }
    this.#isGone = true
    // Who waits for the peer to read need not.
    this.#onDrain()
  }
  /** Closes with an RFC 6455 code, which is told as the cause too. */
  turnDown(code: number, cause: string): void {
    this.#cause = cause
    this.#peer.close(code, cause)
  }

  #leave(): void {
    this.#finish()
    this.#onClose(this.#cause)
  }

  #finish(): void {
    this.#isEnded = true
    this.#chunks.drop()
    this.#noteHeld()
  }

  /** Whether there is any. */
  #noteHeld(): boolean {
    const { heldBytes } = this.#chunks
    this.#allHeld.bytes += heldBytes - this.#heldBytes
    this.#heldBytes = heldBytes
    return heldBytes > 0
  }
}
