/**
 * Asks the core what the box does not know: with a deadline, with a cache of the core's own validity, and
 * with a breaker, so that a core that is away costs nobody at the bedside a wait.
 */
import type { Clock, Link } from './ports.ts'
import { EscalatedAnswer, type EscalatedAsk } from './protocol/ask.ts'
import { parseJson } from './protocol/parse.ts'

/** Answers kept: a site's rare questions of a day. */
const MAX_CACHED = 2000
/** Asks waiting for the core at once; more are answered locally. */
const MAX_WAITING = 16
/** Asks in a row without an answer before the core is left alone … */
const FAILURES_TO_OPEN = 3
/** … for this long; then one ask tries it. */
const OPEN_MS = 10_000

export type Question = Omit<EscalatedAsk, 'deadlineMs'>

export type Escalated =
  | (EscalatedAnswer & { readonly kind: 'answer'; readonly isCached: boolean })
  /** No answer in time or no core: the local fallback speaks. */
  | { readonly kind: 'away'; readonly reason: 'late' | 'no-link' | 'busy' | 'refused' | 'aborted' }

export interface EscalatorOptions {
  readonly link: Link
  readonly gatewayId: string
  readonly clock: Clock
  /** Health of the link, where somebody knows: while false nobody waits. */
  readonly isConnected?: () => boolean
}

export interface Escalator {
  /** Resolves within `deadlineMs`, never rejects. */
  ask(question: Question, deadlineMs: number, signal?: AbortSignal): Promise<Escalated>
}

export function createEscalator(options: EscalatorOptions): Escalator {
  const { link, clock } = options
  const cache = createAnswerCache(clock)
  let waiting = 0
  let failures = 0
  let openUntilMs = 0

  function isOpen(): boolean {
    if (failures < FAILURES_TO_OPEN) return false
    if (clock.monotonic() < openUntilMs) return true
    // One ask goes through; the others stay local until it is back.
    openUntilMs = clock.monotonic() + OPEN_MS
    return false
  }

  function failed(): void {
    failures += 1
    if (failures === FAILURES_TO_OPEN) openUntilMs = clock.monotonic() + OPEN_MS
  }

  async function request(
    question: Question,
    deadlineMs: number,
    signal: AbortSignal,
  ): Promise<Escalated> {
    const body: EscalatedAsk = { ...question, deadlineMs }
    const result = await link.request({
      method: 'POST',
      path: `/v1/gateways/${options.gatewayId}/asks`,
      contentType: 'application/json',
      body: Buffer.from(JSON.stringify(body)),
      stallTimeoutMs: deadlineMs,
      signal,
      sockets: 'asks',
    })
    if (result.kind === 'failure') {
      if (result.failure === 'aborted') return { kind: 'away', reason: 'aborted' }
      failed()
      return { kind: 'away', reason: result.failure === 'timeout' ? 'late' : 'no-link' }
    }
    const answer = parseJson(EscalatedAnswer, result.body)
    if (result.status !== 200 || !answer.ok) {
      failed()
      return { kind: 'away', reason: 'refused' }
    }
    failures = 0
    cache.put(question, answer.value)
    return { kind: 'answer', isCached: false, ...answer.value }
  }

  return {
    async ask(question, deadlineMs, signal) {
      const known = cache.get(question)
      if (known) return { kind: 'answer', isCached: true, ...known }
      if (signal?.aborted) return { kind: 'away', reason: 'aborted' }
      if (options.isConnected?.() === false || isOpen()) return { kind: 'away', reason: 'no-link' }
      if (waiting >= MAX_WAITING) return { kind: 'away', reason: 'busy' }
      const limit = new AbortController()
      const abort = () => limit.abort()
      signal?.addEventListener('abort', abort, { once: true })
      let isLate = false
      const timer = setTimeout(() => {
        isLate = true
        abort()
      }, deadlineMs)
      waiting += 1
      try {
        const escalated = await request(question, deadlineMs, limit.signal)
        if (!isLate || escalated.kind === 'answer') return escalated
        failed()
        return { kind: 'away', reason: 'late' }
      } finally {
        waiting -= 1
        clearTimeout(timer)
        signal?.removeEventListener('abort', abort)
      }
    },
  }
}

interface AnswerCache {
  get(question: Question): EscalatedAnswer | undefined
  put(question: Question, answer: EscalatedAnswer): void
}

interface CachedAnswer {
  readonly answer: EscalatedAnswer
  /** Nobody sets this clock, but it stands still while the box sleeps; */
  readonly untilMonotonicMs: number
  /** this one goes on then. */
  readonly untilMs: number
}

/** Least recently used goes first; an answer is valid until either clock says that its time is over. */
function createAnswerCache(clock: Clock): AnswerCache {
  const entries = new Map<string, CachedAnswer>()
  const keyOf = ({ lang, text }: Question) => `${lang}\n${text.trim()}`

  return {
    get(question) {
      const key = keyOf(question)
      const entry = entries.get(key)
      if (!entry) return undefined
      entries.delete(key)
      const isOver = entry.untilMonotonicMs <= clock.monotonic() || entry.untilMs <= clock.now()
      if (isOver) return undefined
      entries.set(key, entry)
      return entry.answer
    },
    put(question, answer) {
      if (answer.validForMs === 0) return
      const key = keyOf(question)
      entries.delete(key)
      const { validForMs } = answer
      entries.set(key, {
        answer,
        untilMonotonicMs: clock.monotonic() + validForMs,
        untilMs: clock.now() + validForMs,
      })
      const oldest = entries.size > MAX_CACHED ? entries.keys().next().value : undefined
      if (oldest !== undefined) entries.delete(oldest)
    },
  }
}
