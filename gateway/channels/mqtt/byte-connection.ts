/** The port by which bytes reach the MQTT engine: TCP, TLS and WebSocket look the same from here. */

export type Transport = 'tcp' | 'tls' | 'websocket'

export interface PeerCertificate {
  readonly commonName?: string
  readonly altNames: readonly string[]
}

/** The certificate is of the CA of the site, but over, or not begun, by the time of the box. */
export type CertificateFault = 'auth.certificate-expired' | 'auth.certificate-early'

export interface ByteConnection {
  readonly remoteAddress: string
  readonly transport: Transport
  /** Only when the transport verified it. */
  readonly peerCertificate?: PeerCertificate
  readonly certificateFault?: CertificateFault
  /** Nobody comes in here by a token alone; who has a fault comes as far as hearing of it. */
  readonly requiresCertificate?: boolean
  /** Its handshake was counted against connects a second, so that its CONNECT is not. */
  readonly wasAdmitted?: boolean
  /** Takes the bytes over; the caller does not change them afterwards. */
  write(bytes: Uint8Array): void
  /** Bytes written that the peer's network has not taken yet. */
  bufferedBytes(): number
  /** Stops reading, so that the peer feels back-pressure. */
  pause(): void
  resume(): void
  /** Closes after what was written has gone out; what still comes is thrown away, paused or not. */
  end(): void
  /** Closes at once. */
  destroy(): void
  onData(listener: (chunk: Buffer) => void): void
  /** Called when `bufferedBytes` has fallen low again after a write filled it. */
  onDrain(listener: () => void): void
  /** Called once, whoever closed, paused or not, behind all that was read of the peer; with the cause in plain words where the transport closed by itself. */
  onClose(listener: (cause?: string) => void): void
  /** It cannot hold its peer back: what comes while it is paused is kept by the engine, up to a bound. */
  readonly cannotPause?: boolean
}
