/** TLS to a core whose CA is pinned, judged by our own time (see judge-certificate). */
import { isIP } from 'node:net'
import tls from 'node:tls'
import type { PeerJudge } from './judge-certificate.ts'

/** The peer is not the core that was pinned. */
export class UntrustedError extends Error {}

/** TCP and handshake; a host that drops packets would else hold a socket for minutes. */
const CONNECT_TIMEOUT_MS = 10_000

export interface PinnedTarget {
  readonly host: string
  readonly port: number
  readonly caPem: string
  readonly judge: PeerJudge
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
    const complaint = faultOf(socket, target)
    settle(complaint ? new UntrustedError(complaint) : null)
  })
}

/** What is wrong with the peer; undefined when nothing is. */
function faultOf(socket: tls.TLSSocket, { host, judge }: PinnedTarget): string | undefined {
  const verdict = judge.judge(socket)
  if (verdict.kind === 'none') return 'no certificate'
  if (verdict.kind === 'untrusted') return verdict.reason
  if (verdict.kind === 'outside-term') {
    return verdict.fault === 'expired' ? 'its certificate has expired' : 'not valid yet'
  }
  // OpenSSL's own complaint, about time, has hidden whether the name is right.
  const { certificate } = verdict
  const isNamed = isIP(host) ? certificate.checkIP(host) : certificate.checkHost(host)
  return isNamed ? undefined : `not a certificate for ${host}`
}
