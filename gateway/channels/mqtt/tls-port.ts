/**
 * TLS for MQTT: certificates that devices show, and new certificates of the box without a restart.
 *
 * Devices that reach the box by address send no server name, so that the certificate of the whole
 * server has to be changed, not that of a name.
 */
import type { Socket } from 'node:net'
import { createServer, type SecureContextOptions, type TLSSocket } from 'node:tls'
import { readTlsFiles, type TlsFiles } from '../tls-files.ts'
import type { MqttBroker } from './broker.ts'
import { type ListenOptions, listenTcp, socketConnection } from './tcp.ts'

export interface TlsPortParts extends ListenOptions {
  readonly files: TlsFiles
  /** Says who may begin, takes who came through, and hears of those who did not. */
  readonly broker: Pick<MqttBroker, 'admitsHandshake' | 'accept' | 'handshakeFailed'>
  readonly onError: (error: Error) => void
}

export interface TlsPort {
  readonly port: number
  /** New connections get this from now on; those that stand keep theirs. */
  renew(secrets: SecureContextOptions): void
  /** Takes no more connections; those that stand are ended by the broker. */
  close(): void
}

/** A client that has not finished its handshake by then holds a scarce socket. */
const HANDSHAKE_TIMEOUT_MS = 10_000

/** Listens. Rejects when the port cannot be had; throws `config.unreadable`. */
export async function listenTls(parts: TlsPortParts): Promise<TlsPort> {
  const { files, broker } = parts
  const handshakes = createServer(
    {
      ...readTlsFiles(files),
      requestCert: files.caFile !== undefined,
      rejectUnauthorized: files.requireClientCertificate,
      handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
    },
    (socket) => broker.accept(socketConnection(socket)),
  )
  handshakes.on('tlsClientError', (error: NodeJS.ErrnoException, socket: TLSSocket) => {
    const code = verifyErrorOf(socket) ?? error.code ?? ''
    // Who only looks whether the port is open, as monitors do every few seconds, was not refused.
    const isProbe = code === 'ECONNRESET'
    const reason = `no TLS connection: ${REASONS[code] ?? `${code} ${error.message}`}`
    broker.handshakeFailed(addressOf(socket), isProbe ? undefined : reason)
  })
  const begin = (socket: Socket): void => {
    // Before its first byte is read: a handshake costs some fifteen times as much as this.
    if (broker.admitsHandshake(socket.remoteAddress ?? '')) handshakes.emit('connection', socket)
    else socket.destroy()
  }
  const listener = await listenTcp(parts, begin, parts.onError)
  return {
    port: listener.port,
    renew: (secrets) => handshakes.setSecureContext(secrets),
    close: () => void listener.close(),
  }
}

const FOREIGN = 'its certificate is not of the authority in tls.caFile'

/** By the codes of OpenSSL and Node; what is not here is told as they put it. */
const REASONS: Readonly<Record<string, string>> = {
  ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE:
    'it showed no client certificate, and tls.requireClientCertificate asks for one',
  DEPTH_ZERO_SELF_SIGNED_CERT: FOREIGN,
  SELF_SIGNED_CERT_IN_CHAIN: FOREIGN,
  UNABLE_TO_GET_ISSUER_CERT: FOREIGN,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: FOREIGN,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: FOREIGN,
  CERT_SIGNATURE_FAILURE: FOREIGN,
  CERT_HAS_EXPIRED: 'its certificate has expired, by the clock of this box',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet, by the clock of this box',
  ERR_SSL_HTTP_REQUEST: 'it spoke HTTP and not TLS',
  ERR_SSL_WRONG_VERSION_NUMBER: 'it spoke plain MQTT, or something else, and not TLS',
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: 'it does not trust the certificate authority of this box',
  ERR_SSL_NO_SHARED_CIPHER: 'it offers no cipher that this box takes',
  ERR_SSL_UNSUPPORTED_PROTOCOL: 'its version of TLS is too old',
  ERR_TLS_HANDSHAKE_TIMEOUT: 'it did not finish the handshake in time',
}

/** Node cuts a client whose certificate it refuses with a mere "hang up"; why is said by its socket. */
function verifyErrorOf({ authorizationError }: TLSSocket): string | undefined {
  // An Error by its type, a code of OpenSSL in truth.
  return authorizationError ? String(authorizationError) : undefined
}

/** Of a client that was cut, only the TCP socket below TLS still knows it; Node has no public way to that. */
function addressOf(socket: TLSSocket & { readonly _parent?: Socket }): string {
  return socket.remoteAddress ?? socket._parent?.remoteAddress ?? ''
}
