/** TLS to a server whose certificate is judged by the time that the box trusts (see judge-certificate). */
import { isIP } from 'node:net'
import { Duplex } from 'node:stream'
import tls from 'node:tls'
import { createPeerJudge, type PeerJudge } from './judge-certificate.ts'
import type { TrustedTime } from './ports.ts'

/** The peer is not whom the box meant to reach. */
export class UntrustedError extends Error {}

/** TCP and handshake; a host that drops packets would else hold a socket for minutes. */
const CONNECT_TIMEOUT_MS = 10_000

export interface JudgedTarget {
  readonly host: string
  readonly port: number
}

export type Dialled = (error: Error | null, socket?: tls.TLSSocket) => void

export interface JudgedTls {
  /** Calls back once: with a socket whose peer is trusted, or with an `UntrustedError` or a network's error. */
  dial(target: JudgedTarget, done: Dialled): void
  /**
   * The same as a stream at once, for clients that write before they are connected (MQTT.js): nothing of
   * that is sent before the peer is trusted; where it is not, the stream ends with the error.
   */
  open(target: JudgedTarget): Duplex
}

/** `caPem`: the authorities that count; without it those that come with Node. Throws when one is unreadable. */
export function createJudgedTls(parts: {
  readonly caPem?: string | undefined
  readonly time: () => TrustedTime
  /** Of the application, such as http/1.1 (ALPN). */
  readonly protocols?: readonly string[]
}): JudgedTls {
  const { caPem, time, protocols } = parts
  const judge = createPeerJudge({ caPem, purpose: 'server', time })

  function dial(target: JudgedTarget, done: Dialled): void {
    const { host, port } = target
    const socket = tls.connect({
      host,
      port,
      minVersion: 'TLSv1.2',
      // Judged below, before a byte of ours is sent.
      rejectUnauthorized: false,
      ...(caPem === undefined ? {} : { ca: caPem }),
      ...(protocols ? { ALPNProtocols: [...protocols] } : {}),
      ...(isIP(host) ? {} : { servername: host }),
    })
    settleOnce(socket, () => faultOf(socket, host, judge), done)
  }

  return { dial, open: (target) => openHeld((done) => dial(target, done)) }
}

function settleOnce(socket: tls.TLSSocket, fault: () => string | undefined, done: Dialled): void {
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
    const complaint = fault()
    settle(complaint ? new UntrustedError(complaint) : null)
  })
}

/** Node calls none of the others before `construct` is done: what is written meanwhile waits. */
function openHeld(dial: (done: Dialled) => void): Duplex {
  let socket: tls.TLSSocket | undefined
  const held: Duplex = new Duplex({
    construct(done) {
      dial((error, dialled) => {
        socket = dialled
        dialled?.on('data', (bytes) => held.push(bytes) || dialled.pause())
        dialled?.on('end', () => held.push(null))
        dialled?.on('error', (failure) => held.destroy(failure))
        dialled?.on('close', () => held.destroy())
        done(error)
      })
    },
    read: () => void socket?.resume(),
    write: (bytes: Buffer, _encoding, done) => void socket?.write(bytes, done),
    final: (done) => void socket?.end(done),
    destroy(error, done) {
      socket?.destroy()
      done(error)
    },
  })
  return held
}

/** What is wrong with the peer; undefined when nothing is. */
function faultOf(socket: tls.TLSSocket, host: string, judge: PeerJudge): string | undefined {
  const verdict = judge.judge(socket)
  if (verdict.kind === 'none') return 'no certificate'
  if (verdict.kind === 'untrusted') return verdict.reason
  if (verdict.kind === 'outside-term') {
    return verdict.fault === 'expired' ? 'its certificate has expired' : 'not valid yet'
  }
  // Node compares names only where it may refuse by itself.
  const { certificate } = verdict
  const isNamed = isIP(host) ? certificate.checkIP(host) : certificate.checkHost(host)
  return isNamed ? undefined : `not a certificate for ${host}`
}
