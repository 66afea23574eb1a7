/**
 * Whether the certificate at the other end of a TLS connection counts, by the time that the box trusts.
 *
 * OpenSSL judges by the system clock, and a box without a battery boots in 1970, when every certificate is
 * "not yet valid"; a clock that was set back lets an expired one pass. So terms are judged here, whatever
 * OpenSSL says of them, and of all its other complaints none is excused.
 */
import { X509Certificate } from 'node:crypto'
import tls, { type TLSSocket } from 'node:tls'
import { type Purpose, pathFault, pathToRoot, sentAlong } from './certificate-path.ts'
import type { TrustedTime } from './ports.ts'

export type TermFault = 'expired' | 'not-yet-valid'

export type PeerVerdict =
  | { readonly kind: 'trusted'; readonly certificate: X509Certificate }
  | { readonly kind: 'none' }
  /** Of a trusted authority and for this use, but not for this time. */
  | { readonly kind: 'outside-term'; readonly fault: TermFault }
  /** With a code of OpenSSL, or plain words. */
  | { readonly kind: 'untrusted'; readonly reason: string }

export interface PeerJudge {
  /** Once a socket, after its handshake, which must not have been made to fail by OpenSSL. */
  judge(socket: TLSSocket): PeerVerdict
}

const TIME_COMPLAINTS = new Set(['CERT_NOT_YET_VALID', 'CERT_HAS_EXPIRED'])
/** A site has one or two. */
const MAX_REMEMBERED = 20

export function createPeerJudge(parts: {
  /** The trusted authorities, one PEM after the other; absent: those that come with Node. */
  readonly caPem?: string | Buffer | undefined
  readonly purpose: Purpose
  readonly time: () => TrustedTime
}): PeerJudge {
  const { caPem, purpose, time } = parts
  let roots = caPem === undefined ? undefined : readCertificates(caPem)
  /** Issuers between a root and a peer: a session that is resumed does not bring them again. */
  const remembered = new Map<string, X509Certificate>()

  function remember(between: readonly X509Certificate[]): void {
    for (const issuer of between) {
      if (remembered.size < MAX_REMEMBERED) remembered.set(issuer.fingerprint256, issuer)
    }
  }

  return {
    judge(socket) {
      const certificate = socket.getPeerX509Certificate()
      if (!certificate) return { kind: 'none' }
      const complaint = socket.authorized ? undefined : String(socket.authorizationError)
      if (complaint !== undefined && !TIME_COMPLAINTS.has(complaint)) {
        return { kind: 'untrusted', reason: complaint }
      }
      const between = [...sentAlong(certificate), ...remembered.values()]
      // Some 150 that come with Node: read by whoever needs them.
      roots ??= readCertificates(tls.rootCertificates.join('\n'))
      const path = pathToRoot(certificate, between, roots)
      if (complaint !== undefined) {
        if (!path) return { kind: 'untrusted', reason: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' }
        const reason = pathFault(path, purpose)
        if (reason !== undefined) return { kind: 'untrusted', reason }
      }
      if (path) remember(path.slice(1, -1))
      const fault = termFault(path ?? [certificate], time())
      return fault ? { kind: 'outside-term', fault } : { kind: 'trusted', certificate }
    },
  }
}

/** The time in doubt is a lower bound: it shows that a certificate is over, not that it has not begun. */
function termFault(
  path: readonly X509Certificate[],
  { nowMs, isKnown }: TrustedTime,
): TermFault | undefined {
  if (path.some(({ validTo }) => nowMs > Date.parse(validTo))) return 'expired'
  const isEarly = isKnown && path.some(({ validFrom }) => nowMs < Date.parse(validFrom))
  return isEarly ? 'not-yet-valid' : undefined
}

const PEM = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g

/** Throws when one of them is none. */
export function readCertificates(pem: string | Buffer): X509Certificate[] {
  return (pem.toString().match(PEM) ?? []).map((one) => new X509Certificate(one))
}
