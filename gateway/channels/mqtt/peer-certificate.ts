/** The certificate that a device showed in its TLS handshake, as far as it says who the device is. */
import type { TLSSocket } from 'node:tls'
import type { PeerCertificate } from './byte-connection.ts'

/** Undefined where none was shown, or none that the CA of the site has signed. */
export function peerCertificateOf(socket: TLSSocket): PeerCertificate | undefined {
  if (!socket.authorized) return undefined
  const certificate = socket.getPeerCertificate()
  if (!certificate?.subject) return undefined
  const altNames = (certificate.subjectaltname ?? '')
    .split(', ')
    .filter((name) => name.startsWith('DNS:') || name.startsWith('URI:'))
    .map((name) => name.slice(4))
  const commonName = certificate.subject.CN
  return { ...(typeof commonName === 'string' ? { commonName } : {}), altNames }
}
