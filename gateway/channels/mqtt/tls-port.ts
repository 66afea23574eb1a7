/** The TLS port for MQTT: who may begin a handshake, and in plain words why one came to nothing. */
import type { Socket } from 'node:net'
import { createServer, type TLSSocket } from 'node:tls'
import type { TrustedTime } from '@kefu-edge/cloud-sync/ports'
import { addressOf, createDeviceTls, NONE_SHOWN } from '../device-tls.ts'
import type { TlsFiles, TlsSecrets } from '../tls-files.ts'
import type { MqttBroker } from './broker.ts'
import { type ListenOptions, listenTcp, socketConnection } from './tcp.ts'

export interface TlsPortParts extends ListenOptions {
  readonly files: TlsFiles
  /** Says who may begin, takes who came through, and hears of those who did not. */
  readonly broker: Pick<MqttBroker, 'admitsHandshake' | 'accept' | 'handshakeFailed'>
  /** Device certificates are judged by it. */
  readonly time: () => TrustedTime
  readonly onError: (error: Error) => void
}

export interface TlsPort {
  readonly port: number
  /** New connections get this from now on; those that stand keep theirs. */
  renew(secrets: TlsSecrets): void
  /** Takes no more connections; those that stand are ended by the broker. */
  close(): void
}

/** Listens. Rejects when the port cannot be had; throws `config.unreadable`. */
export async function listenTls(parts: TlsPortParts): Promise<TlsPort> {
  const { files, broker, time } = parts
  const tls = createDeviceTls(files, time)
  const { isRequired } = tls
  const handshakes = createServer(tls.serverOptions, (socket) => {
    const { refusal, ...shown } = tls.shownBy(socket)
    if (!isRequired || refusal === undefined) {
      broker.accept(socketConnection(socket, { ...shown, requiresCertificate: isRequired }))
      return
    }
    broker.handshakeFailed(socket.remoteAddress ?? '', `no TLS connection: ${plain(refusal)}`)
    socket.on('error', () => {})
    socket.destroy()
  })
  handshakes.on('tlsClientError', (error: NodeJS.ErrnoException, socket: TLSSocket) => {
    const { code = '', message } = error
    // Who only looks whether the port is open, as monitors do every few seconds, was not refused.
    const isProbe = code === 'ECONNRESET'
    const reason = `no TLS connection: ${plain(code, message)}`
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
    renew: (secrets) => tls.renew(handshakes, secrets),
    close: () => void listener.close(),
  }
}

const FOREIGN = 'its certificate is not of the authority in tls.caFile'

/** By the codes of OpenSSL and Node; what is not here is told as they put it. */
const REASONS: Readonly<Record<string, string>> = {
  [NONE_SHOWN]: 'it showed no client certificate, and tls.requireClientCertificate asks for one',
  DEPTH_ZERO_SELF_SIGNED_CERT: FOREIGN,
  SELF_SIGNED_CERT_IN_CHAIN: FOREIGN,
  UNABLE_TO_GET_ISSUER_CERT: FOREIGN,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: FOREIGN,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: FOREIGN,
  CERT_SIGNATURE_FAILURE: FOREIGN,
  ERR_SSL_HTTP_REQUEST: 'it spoke HTTP and not TLS',
  ERR_SSL_WRONG_VERSION_NUMBER: 'it spoke plain MQTT, or something else, and not TLS',
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: 'it does not trust the certificate authority of this box',
  ERR_SSL_NO_SHARED_CIPHER: 'it offers no cipher that this box takes',
  ERR_SSL_UNSUPPORTED_PROTOCOL: 'its version of TLS is too old',
  ERR_TLS_HANDSHAKE_TIMEOUT: 'it did not finish the handshake in time',
}

const plain = (code: string, message = ''): string => REASONS[code] ?? `${code} ${message}`.trim()
