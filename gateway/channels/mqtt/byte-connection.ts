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
  /** Called once, whoever closed, after all that was read of the peer has been handed over; with the cause in plain words where the transport closed by itself. */
  onClose(listener: (cause?: string) => void): void
  /**
   * Only of a transport that cannot hold its peer back: called once, in plain words, when more has come while
   * it was paused than may be kept. The listener ends the connection; what is kept goes with it.
   */
  onOverrun?(listener: (words: string) => void): void
}
