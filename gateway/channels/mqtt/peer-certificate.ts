/** The certificate that a device showed in its TLS handshake, as far as it says who the device is. */
import type { X509Certificate } from 'node:crypto'
import type { TLSSocket } from 'node:tls'
import { createPeerJudge, type PeerVerdict } from '@kefu-edge/cloud-sync/judge-certificate'
import type { TrustedTime } from '@kefu-edge/cloud-sync/ports'
import { ERRORS, type ErrorCode } from '../../error-table.ts'
import type { CertificateFault, PeerCertificate } from './byte-connection.ts'

/** What a handshake left of a certificate. */
export interface ShownCertificate {
  /** Of the CA of the site, and within its term by the time of the box. */
  readonly peerCertificate?: PeerCertificate
  /** Of the CA of the site, but not for this time. */
  readonly certificateFault?: CertificateFault
  /** Why there is neither: a code of OpenSSL, or plain words. */
  readonly refusal?: string
}

/** Stands where a client showed no certificate at all. */
export const NONE_SHOWN = 'ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE'

const FAULTS = {
  expired: 'auth.certificate-expired',
  'not-yet-valid': 'auth.certificate-early',
} as const satisfies Record<string, ErrorCode>

/** For the clients of one port. `ca` as in its TLS files; without one nobody is asked for a certificate. */
export function createCertificateReader(
  ca: string | Buffer | undefined,
  time: () => TrustedTime,
): (socket: TLSSocket) => ShownCertificate {
  if (ca === undefined) return () => ({})
  const judge = createPeerJudge({ caPem: ca, purpose: 'client', time })
  return (socket) => shownBy(judge.judge(socket))
}

function shownBy(verdict: PeerVerdict): ShownCertificate {
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

/** For the log and the device, with the next step. */
export function wordsOf(fault: CertificateFault): string {
  const { title, next } = ERRORS[fault]
  return `${title}. ${next}`
}
