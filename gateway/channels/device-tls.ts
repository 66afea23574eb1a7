/**
 * TLS where devices may show certificates, the same for MQTT and HTTP: what a handshake asks for, what it
 * left of a certificate, and new certificates of the box without a restart.
 *
 * Devices that reach the box by address send no server name, so that the certificate of the whole
 * server has to be changed, not that of a name.
 */
import type { X509Certificate } from 'node:crypto'
import type { Socket } from 'node:net'
import type { Server, TLSSocket, TlsOptions } from 'node:tls'
import { createPeerJudge, type PeerVerdict } from '@kefu-edge/cloud-sync/judge-certificate'
import type { TrustedTime } from '@kefu-edge/cloud-sync/ports'
import type { CertificateFault, PeerCertificate } from './mqtt/byte-connection.ts'
import { readTlsFiles, type TlsFiles, type TlsSecrets } from './tls-files.ts'

/** What a handshake left of a certificate. */
export interface ShownCertificate {
  /** Of the CA of the site, and within its term by the time of the box. */
  readonly peerCertificate?: PeerCertificate
  /** Of the CA of the site, but not for this time. */
  readonly certificateFault?: CertificateFault
  /** Why there is neither: a code of OpenSSL, or plain words. */
  readonly refusal?: string
}

export interface DeviceTls {
  /** For the server of `node:tls` or `node:https`. */
  readonly serverOptions: TlsOptions
  /** Devices without a certificate of the site's CA are to be turned away; the handshake lets them through. */
  readonly isRequired: boolean
  /** Of a connection whose handshake is over. Judged once, when it is first asked. */
  shownBy(socket: TLSSocket): ShownCertificate
  /** New connections to `server` get this from now on; those that stand keep theirs. */
  renew(server: Server, secrets: TlsSecrets): void
}

/** Stands where a client showed no certificate at all. */
export const NONE_SHOWN = 'ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE'

/** A client that has not finished its handshake by then holds a scarce socket. */
const HANDSHAKE_TIMEOUT_MS = 10_000

const FAULTS = {
  expired: 'auth.certificate-expired',
  'not-yet-valid': 'auth.certificate-early',
} as const satisfies Record<string, CertificateFault>

/** Of one port. Certificates are judged by `time`. Throws `config.unreadable`. */
export function createDeviceTls(files: TlsFiles, time: () => TrustedTime): DeviceTls {
  const secrets = readTlsFiles(files)
  const asksForOne = files.caFile !== undefined
  const known = new WeakMap<TLSSocket, ShownCertificate>()
  let judge = judgeFor(secrets, time)
  return {
    serverOptions: {
      ...secrets,
      requestCert: asksForOne,
      // OpenSSL would judge by the system clock, and hide behind it what else is wrong; see judge-certificate.
      rejectUnauthorized: false,
      handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
    },
    isRequired: asksForOne && files.requireClientCertificate,
    shownBy(socket) {
      const shown = known.get(socket) ?? judge(socket)
      known.set(socket, shown)
      return shown
    },
    renew(server, fresh) {
      server.setSecureContext(fresh)
      judge = judgeFor(fresh, time)
    },
  }
}

/** Without a CA nobody is asked for a certificate. */
function judgeFor(
  { ca }: TlsSecrets,
  time: () => TrustedTime,
): (socket: TLSSocket) => ShownCertificate {
  if (ca === undefined) return () => ({})
  const judge = createPeerJudge({ caPem: ca, purpose: 'client', time })
  return (socket) => asShown(judge.judge(socket))
}

function asShown(verdict: PeerVerdict): ShownCertificate {
  if (verdict.kind === 'trusted') return { peerCertificate: namesOf(verdict.certificate) }
  if (verdict.kind === 'outside-term') return { certificateFault: FAULTS[verdict.fault] }
  return { refusal: verdict.kind === 'none' ? NONE_SHOWN : verdict.reason }
}

function namesOf(certificate: X509Certificate): PeerCertificate {
  const { subject, subjectaltname } = certificate.toLegacyObject()
  const altNames = (subjectaltname ?? '')
    .split(', ')
    .filter((name) => name.startsWith('DNS:') || name.startsWith('URI:'))
    .map((name) => name.slice(4))
  const commonName = subject?.CN
  return { ...(typeof commonName === 'string' ? { commonName } : {}), altNames }
}

/** Of a client that was cut, only the TCP socket below TLS still knows it; Node has no public way to that. */
export function addressOf(socket: TLSSocket & { readonly _parent?: Socket }): string {
  return socket.remoteAddress ?? socket._parent?.remoteAddress ?? ''
}
