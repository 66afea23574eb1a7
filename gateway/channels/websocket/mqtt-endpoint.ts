/** MQTT over WebSocket at `/mqtt` [MQTT-6]: a WebSocket as a stream of bytes for the engine. */
import type { WebSocketEndpoint, WebSocketListener, WebSocketPeer } from '../http/server.ts'
import type { ByteConnection, CertificateFault, PeerCertificate } from '../mqtt/byte-connection.ts'

/**
 * A frame may hold so many packets of the largest size [MQTT-6.0.0-2]; what is larger is cut by the transport,
 * which holds a frame until it is whole. That a packet is too large says the engine, with its size.
 */
const PACKETS_PER_FRAME = 2
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
      const stream = new WebSocketStream(peer, requiresCertificate)
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

class WebSocketStream implements ByteConnection {
  readonly transport = 'websocket'
  readonly remoteAddress: string
  readonly peerCertificate?: PeerCertificate
  readonly certificateFault?: CertificateFault
  readonly requiresCertificate: boolean
  readonly wasAdmitted: boolean
  /** That of uWebSockets.js. */
  readonly cannotPause: boolean
  readonly #peer: WebSocketPeer
  #onData: (chunk: Buffer) => void = () => {}
  #onDrain: () => void = () => {}
  #onClose: (cause?: string) => void = () => {}
  #isEnded = false
  #cause: string | undefined

  constructor(peer: WebSocketPeer, requiresCertificate: boolean) {
    this.#peer = peer
    this.cannotPause = peer.pause === undefined
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
    return this.#peer.bufferedBytes()
  }
  pause(): void {
    this.#peer.pause?.()
  }
  resume(): void {
    this.#peer.resume?.()
  }
  end(): void {
    this.#isEnded = true
    // The peer's own close frame is still to be read.
    this.#peer.resume?.()
    this.#peer.close(1000, '')
  }
  destroy(): void {
    this.#isEnded = true
    this.#peer.destroy()
  }
  onData(listener: (chunk: Buffer) => void): void {
    this.#onData = listener
  }
  onDrain(listener: () => void): void {
    this.#onDrain = listener
  }
  onClose(listener: (cause?: string) => void): void {
    this.#onClose = listener
  }

  receive(data: Uint8Array): void {
    if (!this.#isEnded) this.#onData(Buffer.isBuffer(data) ? data : Buffer.from(data))
  }
  /** uWebSockets.js tells each part that the network took; the engine goes on once there is nothing left. */
  drained(): void {
    if (this.bufferedBytes() === 0) this.#onDrain()
  }
  closed(cause = this.#cause): void {
    this.#isEnded = true
    this.#onClose(cause)
  }
  /** Closes with an RFC 6455 code, which is told as the cause too. */
  turnDown(code: number, cause: string): void {
    this.#cause = cause
    this.#peer.close(code, cause)
  }
}
