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
  /** Takes who came through, and hears of those for whom TLS did not come about. */
  readonly broker: Pick<MqttBroker, 'accept' | 'refused'>
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
    // Who only looks whether the port is open, as monitors do every few seconds, was not refused.
    if (error.code === 'ECONNRESET') return
    broker.refused(plainReason(error), socket.remoteAddress ?? '')
  })
  const begin = (socket: Socket): void => void handshakes.emit('connection', socket)
  const listener = await listenTcp(parts, begin, parts.onError)
  return {
    port: listener.port,
    renew: (secrets) => handshakes.setSecureContext(secrets),
    close: () => void listener.close(),
  }
}

/** By the codes of OpenSSL and Node; what is not here is told as they put it. */
const REASONS: Readonly<Record<string, string>> = {
  ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE:
    'it showed no client certificate, and tls.requireClientCertificate asks for one',
  ERR_SSL_HTTP_REQUEST: 'it spoke HTTP and not TLS',
  ERR_SSL_WRONG_VERSION_NUMBER: 'it spoke plain MQTT, or something else, and not TLS',
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: 'it does not trust the certificate authority of this box',
  ERR_SSL_NO_SHARED_CIPHER: 'it offers no cipher that this box takes',
  ERR_SSL_UNSUPPORTED_PROTOCOL: 'its version of TLS is too old',
  ERR_TLS_HANDSHAKE_TIMEOUT: 'it did not finish the handshake in time',
}

function plainReason(error: NodeJS.ErrnoException): string {
  const known = error.code === undefined ? undefined : REASONS[error.code]
  return `no TLS connection: ${known ?? error.message}`
}
