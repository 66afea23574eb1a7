/**
 * TLS to a core whose CA is pinned, judged by our own time.
 *
 * OpenSSL judges by the system clock, and a box without a battery boots in 1970, when every certificate
 * is "not yet valid". So where the only complaint is about time, the certificate is judged here: issued
 * and signed by the pinned CA itself, for this host, within its term by the time that the caller trusts.
 */
import { X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import tls from 'node:tls'

/** The peer is not the core that was pinned. */
export class UntrustedError extends Error {}

/** TCP and handshake; a host that drops packets would else hold a socket for minutes. */
const CONNECT_TIMEOUT_MS = 10_000

const TIME_COMPLAINTS = new Set(['CERT_NOT_YET_VALID', 'CERT_HAS_EXPIRED'])

export interface PinnedTarget {
  readonly host: string
  readonly port: number
  readonly caPem: string
  readonly nowMs: () => number
}

export function connectPinned(
  target: PinnedTarget,
  done: (error: Error | null, socket?: tls.TLSSocket) => void,
): void {
  const { host } = target
  const socket = tls.connect({
    host,
    port: target.port,
    ca: target.caPem,
    minVersion: 'TLSv1.2',
    ALPNProtocols: ['http/1.1'],
    // Judged below, before a byte of ours is sent.
    rejectUnauthorized: false,
    ...(isIP(host) ? {} : { servername: host }),
  })
  let isSettled = false
  const settle = (error: Error | null): void => {
    if (isSettled) return
    isSettled = true
    clearTimeout(timer)
    socket.off('error', settle)
    if (!error) {
      done(null, socket)
      return
    }
    // A socket that was given up may still fail; nobody listens any more.
    socket.on('error', () => {})
    socket.destroy()
    done(error)
  }
  const timer = setTimeout(() => {
    settle(Object.assign(new Error('no handshake'), { code: 'ETIMEDOUT' }))
  }, CONNECT_TIMEOUT_MS)
  socket.on('error', settle)
  socket.on('close', () => settle(Object.assign(new Error('closed'), { code: 'ECONNRESET' })))
  socket.on('secureConnect', () => {
    const complaint = judge(socket, target)
    settle(complaint ? new UntrustedError(complaint) : null)
  })
}

/** What is wrong with the peer; undefined when nothing is. */
function judge(socket: tls.TLSSocket, target: PinnedTarget): string | undefined {
  const certificate = socket.getPeerX509Certificate()
  if (!certificate) return 'no certificate'
  if (socket.authorized) return undefined
  const complaint = String(socket.authorizationError)
  return TIME_COMPLAINTS.has(complaint) ? judgeCertificate(certificate, target) : complaint
}

/** Issued by the pinned CA itself, for this host, within its term. Exported for its test. */
export function judgeCertificate(
  certificate: X509Certificate,
  target: Omit<PinnedTarget, 'port'>,
): string | undefined {
  const ca = new X509Certificate(target.caPem)
  if (certificate.ca) return 'a CA certificate is not a server certificate'
  if (!certificate.checkIssued(ca) || !certificate.verify(ca.publicKey))
    return 'not of the pinned CA'
  const isNamed = isIP(target.host)
    ? certificate.checkIP(target.host)
    : certificate.checkHost(target.host)
  if (!isNamed) return `not a certificate for ${target.host}`
  const nowMs = target.nowMs()
  if (nowMs < Date.parse(certificate.validFrom)) return 'not valid yet'
  if (nowMs > Date.parse(certificate.validTo)) return 'expired'
  return undefined
}
