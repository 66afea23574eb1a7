/**
 * The link to the core: HTTPS/1.1 keep-alive, each request signed with the gateway's key, the core's CA
 * pinned, its certificate judged by the time that the box trusts. What a network does comes back as a
 * value; nothing here tries again.
 */
import http from 'node:http'
import https from 'node:https'
import type { Duplex } from 'node:stream'
import type { Identity } from './identity.ts'
import { createJudgedTls, type JudgedTls, UntrustedError } from './judged-tls.ts'
import type { Clock, Link, LinkFailure, LinkRequest, LinkResult, TrustedTime } from './ports.ts'
import { signRequest } from './protocol/http-signature.ts'
import { MAX_INFLATED_BYTES } from './protocol/limits.ts'

/** No byte moved for so long: a black hole. 64 kB in 30 s still passes, so 17 kbit/s is enough. */
export const STALL_TIMEOUT_MS = 30_000
/** The body goes out in pieces, so that a slow link shows progress. */
const PIECE_BYTES = 64 * 1024
/**
 * Who waits for a socket waits behind others of his kind only: one batch of critical entries is under way
 * at a time, asks may be as slow as the core's answerer; the others are batches, echo, pull and witness.
 */
const MAX_SOCKETS = { critical: 1, asks: 4, others: 6 }
type Sockets = keyof typeof MAX_SOCKETS
/** Below the core's 75 s, so that a request never meets a socket that the core is just closing. */
const KEEP_ALIVE_MS = 60_000

export interface LinkOptions {
  /** Such as https://core.example:9443; plain http is for loopback tests. */
  readonly url: string
  /** PEM of the CA that the core's certificate is pinned to; without it those that come with Node count. */
  readonly caPem?: string
  readonly identity: Identity
  readonly clock: Clock
  /** Time that certificates are judged by; without it, that of the clock. */
  readonly certificateTime?: () => TrustedTime
}

export function createLink(options: LinkOptions): Link {
  const base = new URL(options.url)
  const agents = createAgents(base, options)

  return {
    request: (request) =>
      new Promise((resolve) => {
        if (request.signal?.aborted) return resolve(failure('aborted', 'aborted'))
        const outgoing = open(base, agents[request.sockets ?? 'others'], request, options)
        settle(outgoing, request, resolve)
      }),
    close: () => {
      for (const agent of Object.values(agents)) agent.destroy()
    },
  }
}

function createAgents(base: URL, options: LinkOptions): Record<Sockets, http.Agent> {
  const byClock = () => ({ nowMs: options.clock.now(), isKnown: true })
  const { caPem, certificateTime: time = byClock } = options
  const judged =
    base.protocol === 'http:'
      ? undefined
      : createJudgedTls({ caPem, time, protocols: ['http/1.1'] })
  const agentFor = (sockets: Sockets) => createAgent(base, MAX_SOCKETS[sockets], judged)
  return { critical: agentFor('critical'), asks: agentFor('asks'), others: agentFor('others') }
}

function createAgent(base: URL, maxSockets: number, judged: JudgedTls | undefined): http.Agent {
  const keepAlive = { keepAlive: true, maxSockets, timeout: KEEP_ALIVE_MS }
  if (!judged) return new http.Agent(keepAlive)
  const agent = new https.Agent(keepAlive)
  const dialling = agent as unknown as {
    createConnection(
      to: { host?: string; port?: number | string },
      done: (error: Error | null, socket?: Duplex) => void,
    ): undefined
  }
  dialling.createConnection = (to, done) => {
    judged.dial({ host: to.host ?? base.hostname, port: Number(to.port) }, done)
    return undefined
  }
  return agent
}

function open(
  base: URL,
  agent: http.Agent,
  request: LinkRequest,
  { identity, clock }: LinkOptions,
): http.ClientRequest {
  const body = request.body ?? new Uint8Array()
  const { method, path } = request
  const signed = signRequest(
    { method, path, body },
    identity.gatewayId,
    identity.privateKey,
    clock.now(),
  )
  const headers = {
    ...signed,
    'content-length': body.length,
    ...(request.contentType ? { 'content-type': request.contentType } : {}),
    ...(request.contentEncoding ? { 'content-encoding': request.contentEncoding } : {}),
  }
  const start = base.protocol === 'http:' ? http.request : https.request
  return start({ host: base.hostname, port: base.port || 443, method, path, headers, agent })
}

/** Sends the body and resolves exactly once, with an answer or with why there is none. */
function settle(
  outgoing: http.ClientRequest,
  request: LinkRequest,
  resolve: (result: LinkResult) => void,
): void {
  const stallMs = request.stallTimeoutMs ?? STALL_TIMEOUT_MS
  const timer = setTimeout(() => end(failure('timeout', `no byte for ${stallMs} ms`)), stallMs)
  const onAbort = () => end(failure('aborted', 'aborted'))
  request.signal?.addEventListener('abort', onAbort, { once: true })

  function end(result: LinkResult): void {
    clearTimeout(timer)
    request.signal?.removeEventListener('abort', onAbort)
    if (result.kind === 'failure') outgoing.destroy()
    resolve(result)
  }

  outgoing.on('error', (error: NodeJS.ErrnoException) => end(classify(error)))
  outgoing.on('response', (response) => {
    const pieces: Buffer[] = []
    let length = 0
    response.on('data', (piece: Buffer) => {
      timer.refresh()
      length += piece.length
      if (length > MAX_INFLATED_BYTES) return end(failure('reset', 'answer too large'))
      pieces.push(piece)
    })
    response.on('error', (error) => end(classify(error)))
    response.on('end', () => {
      if (!response.complete) return end(failure('reset', 'answer cut short'))
      const retryAfter = Number(response.headers['retry-after'])
      end({
        kind: 'answer',
        status: response.statusCode ?? 0,
        body: Buffer.concat(pieces),
        ...(retryAfter > 0 ? { retryAfterMs: retryAfter * 1000 } : {}),
      })
    })
  })
  sendPieces(outgoing, request.body ?? new Uint8Array(), () => timer.refresh())
}

function sendPieces(outgoing: http.ClientRequest, body: Uint8Array, onProgress: () => void): void {
  const send = (from: number): void => {
    if (outgoing.destroyed) return
    if (from >= body.length) {
      outgoing.end()
      return
    }
    outgoing.write(body.subarray(from, from + PIECE_BYTES), () => {
      onProgress()
      send(from + PIECE_BYTES)
    })
  }
  send(0)
}

const UNREACHABLE = new Set([
  'ENETUNREACH',
  'EHOSTUNREACH',
  'ENETDOWN',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EADDRNOTAVAIL',
])

function classify(error: NodeJS.ErrnoException): LinkResult {
  const detail = error.code ?? error.message
  if (error instanceof UntrustedError) return failure('untrusted', error.message)
  if (UNREACHABLE.has(error.code ?? '')) return failure('unreachable', detail)
  if (error.code === 'ECONNREFUSED') return failure('refused', detail)
  if (error.code === 'ETIMEDOUT') return failure('timeout', detail)
  return failure('reset', detail)
}

function failure(kind: LinkFailure, detail: string): LinkResult {
  return { kind: 'failure', failure: kind, detail }
}
