/**
 * TLS for MQTT: certificates that devices show, and new certificates of the box without a restart.
 *
 * Devices that reach the box by address send no server name, so that the certificate of the whole
 * server has to be changed, not that of a name.
 */
import { createServer, type SecureContextOptions, type TLSSocket } from 'node:tls'
import { readTlsFiles, type TlsFiles } from './tls-files.ts'

export interface TlsPortParts {
  readonly files: TlsFiles
  readonly host: string
  readonly port: number
  readonly accept: (socket: TLSSocket) => void
  /** TLS did not come about: why, in plain words. */
  readonly onRefused: (reason: string, remoteAddress: string) => void
  readonly onError: (error: Error) => void
}

export interface TlsPort {
  readonly port: number
  /** New connections get this from now on; those that stand keep theirs. */
  renew(secrets: SecureContextOptions): void
  /** Takes no more connections; those that stand are ended by whoever took them. */
  close(): void
}

/** Connections the kernel may hold before we accept them: a whole site after a power cut. */
const BACKLOG = 4096
/** A client that has not finished its handshake by then holds a scarce socket. */
const HANDSHAKE_TIMEOUT_MS = 10_000

/** Listens. Rejects when the port cannot be had; throws `config.unreadable`. */
export async function listenTls(parts: TlsPortParts): Promise<TlsPort> {
  const { files } = parts
  const server = createServer(
    {
      ...readTlsFiles(files),
      requestCert: files.caFile !== undefined,
      rejectUnauthorized: files.requireClientCertificate,
      handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
      noDelay: true,
    },
    parts.accept,
  )
  server.on('tlsClientError', (error: NodeJS.ErrnoException, socket: TLSSocket) => {
    // Who only looks whether the port is open, as monitors do every few seconds, was not refused.
    if (error.code === 'ECONNRESET') return
    parts.onRefused(plainReason(error), socket.remoteAddress ?? '')
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host: parts.host, port: parts.port, backlog: BACKLOG }, () => {
      server.removeListener('error', reject)
      server.on('error', parts.onError)
      resolve()
    })
  })
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    renew: (secrets) => server.setSecureContext(secrets),
    close: () => {
      server.close()
    },
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
