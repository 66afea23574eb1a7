/** MQTT over WebSocket at `/mqtt` [MQTT-6]: a WebSocket as a stream of bytes for the engine. */
import type { WebSocketEndpoint, WebSocketListener, WebSocketPeer } from '../http/server.ts'
import type { ByteConnection, CertificateFault, PeerCertificate } from '../mqtt/byte-connection.ts'
import { PausableChunks } from '../mqtt/pausable-chunks.ts'

/** Above this much unsent, the engine is told when it has drained. */
const DRAIN_AT_BYTES = 64 * 1024
/** While the engine has paused reading, this much may still come in before the connection is cut. */
const MAX_PAUSED_BYTES = 4 * 1024 * 1024
/** [MQTT-6.0.0-1]: data that is not binary ends the connection. RFC 6455: 1003 unsupported data. */
const UNSUPPORTED_DATA = 1003
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
  return {
    path: '/mqtt',
    // 'mqttv3.1' is what clients of MQTT 3.1 offer.
    protocols: ['mqtt', 'mqttv3.1'],
    maxPayloadBytes: options.maxPacketBytes + 8,
    onOpen: (peer) => {
      const { requiresCertificate = false, onRefused } = options
      // Whose certificate is not of this time hears of it in the CONNACK.
      if (requiresCertificate && !peer.certificate && !peer.certificateFault) {
        return turnAway(peer, onRefused)
      }
      const stream = new WebSocketStream(peer, requiresCertificate)
      options.accept(stream)
      return {
        onMessage: (data, isBinary) => {
          if (isBinary) stream.receive(data)
          else peer.close(UNSUPPORTED_DATA, 'binary frames only')
        },
        onDrain: () => stream.drained(),
        onClose: () => stream.closed(),
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

class WebSocketStream implements ByteConnection {
  readonly transport = 'websocket'
  readonly remoteAddress: string
  readonly peerCertificate?: PeerCertificate
  readonly certificateFault?: CertificateFault
  readonly requiresCertificate: boolean
  readonly wasAdmitted: boolean
  readonly #peer: WebSocketPeer
  #onDrain: () => void = () => {}
  #onClose: () => void = () => {}
  /** A WebSocket of uWebSockets.js cannot be paused. */
  readonly #chunks = new PausableChunks()
  #isFull = false

  constructor(peer: WebSocketPeer, requiresCertificate: boolean) {
    this.#peer = peer
    this.requiresCertificate = requiresCertificate
    this.remoteAddress = peer.remoteAddress
    this.wasAdmitted = peer.wasAdmitted ?? false
    if (peer.certificate) this.peerCertificate = peer.certificate
    if (peer.certificateFault) this.certificateFault = peer.certificateFault
  }

  write(bytes: Uint8Array): void {
    this.#peer.send(bytes)
    if (this.#peer.bufferedBytes() > DRAIN_AT_BYTES) this.#isFull = true
  }
  bufferedBytes(): number {
    return this.#peer.bufferedBytes()
  }
  pause(): void {
    this.#chunks.pause()
  }
  resume(): void {
    this.#chunks.resume()
  }
  end(): void {
    this.#peer.close(1000, '')
  }
  destroy(): void {
    this.#peer.destroy()
  }
  onData(listener: (chunk: Buffer) => void): void {
    this.#chunks.onData = listener
  }
  onDrain(listener: () => void): void {
    this.#onDrain = listener
  }
  onClose(listener: () => void): void {
    this.#onClose = listener
  }

  receive(data: Uint8Array): void {
    this.#chunks.receive(Buffer.isBuffer(data) ? data : Buffer.from(data))
    if (this.#chunks.heldBytes > MAX_PAUSED_BYTES) this.#peer.destroy()
  }
  drained(): void {
    if (!this.#isFull) return
    this.#isFull = false
    this.#onDrain()
  }
  closed(): void {
    this.#onClose()
  }
}
