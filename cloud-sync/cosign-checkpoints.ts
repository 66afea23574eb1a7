/** Has the ledger's tree heads cosigned by the core at each sync; loud when the core saw another past. */
import { type Backoff, createBackoff, sleep } from './backoff.ts'
import type { Clock, Link, Logger, Random } from './ports.ts'
import { formatWitnessRequest } from './protocol/checkpoint.ts'
import { ProblemAnswer } from './protocol/messages.ts'
import { parseJson } from './protocol/parse.ts'

/** How old the newest cosigned head may become while entries are written. */
const COSIGN_EVERY_MS = 60_000
/** Refusals that are over by themselves. */
const SOON = new Set(['gateway.unknown', 'core.busy'])

/** The gateway's ledger, as far as it is witnessed. */
export interface Witnessed {
  /** Signs the present tree head, or returns the stored one when nothing was added. */
  checkpoint(): Promise<{ readonly size: number; readonly note: string }>
  /** RFC 6962 consistency proof between two tree sizes. */
  consistency(fromSize: number, toSize: number): readonly Uint8Array[]
  /** Keeps the cosignature lines for the checkpoint of this size; rejects what no pinned cosigner signed. */
  addCosignatures(size: number, lines: string): Promise<void>
  /** Size of the newest head of this log that bears the line of a pinned cosigner; 0 where none does. */
  cosignedSize(): number
}

export type CosignOutcome =
  | { readonly kind: 'cosigned'; readonly size: number }
  /** Nothing was added since the last one. */
  | { readonly kind: 'unchanged'; readonly size: number }
  /** The core saw what this ledger does not have: it was cut, or changed. */
  | { readonly kind: 'inconsistent'; readonly detail: string }
  | { readonly kind: 'refused'; readonly detail: string }
  /** Who signed it is not the cosigner that was pinned. */
  | { readonly kind: 'unknown-cosigner'; readonly detail: string }
  | { readonly kind: 'no-answer'; readonly detail: string }

export interface Cosigning {
  start(): void
  close(): Promise<void>
  cosignOnce(): Promise<CosignOutcome>
  status(): CosignStatus
}

export interface CosignStatus {
  /** Entries under the newest head that the core has put its name under since the start. */
  readonly cosignedSize: number
  readonly last?: CosignOutcome
  /** When the core's name last stood under the newest head. */
  readonly confirmedAtMs?: number
  /** What the core saw of another past; until it cosigns again. */
  readonly inconsistency?: string
}

export function createCosigning(options: {
  readonly link: Link
  readonly gatewayId: string
  readonly ledger: Witnessed
  readonly clock: Pick<Clock, 'now'>
  readonly random: Random
  readonly logger: Logger
  readonly everyMs?: number
  /** The core has forgotten what it had cosigned: it was put back from a copy. */
  readonly onSetBack?: () => Promise<void>
}): Cosigning {
  const { link, ledger, clock, logger } = options
  const closing = new AbortController()
  const backoff: Backoff = createBackoff(options.random)
  let running: Promise<void> | undefined
  let cosignedSize = 0
  let last: CosignOutcome | undefined
  let confirmedAtMs: number | undefined
  let inconsistency: string | undefined
  /** Of this log, by its newest head that the core signed. */
  let known: { readonly origin: string; size: number } | undefined

  async function submit(old: number, size: number, note: string) {
    const proof = old > 0 && old < size ? ledger.consistency(old, size) : []
    return link.request({
      method: 'POST',
      path: `/v1/gateways/${options.gatewayId}/add-checkpoint`,
      contentType: 'text/plain; charset=utf-8',
      body: Buffer.from(formatWitnessRequest(old, proof, note)),
      signal: closing.signal,
    })
  }

  async function cosignOnce(): Promise<CosignOutcome> {
    const outcome = await tryOnce().catch(
      (error: unknown): CosignOutcome => ({ kind: 'refused', detail: String(error) }),
    )
    last = outcome
    if (outcome.kind === 'inconsistent') inconsistency = outcome.detail
    if (outcome.kind === 'cosigned') inconsistency = undefined
    if (outcome.kind === 'cosigned' || outcome.kind === 'unchanged') confirmedAtMs = clock.now()
    return outcome
  }

  /** Kept with the record: so a core that was put back is noticed after a restart of the box too. */
  function knownOf(note: string): number {
    const origin = note.split('\n', 1)[0] ?? ''
    if (known?.origin !== origin) known = { origin, size: ledger.cosignedSize() }
    return known.size
  }

  async function tryOnce(): Promise<CosignOutcome> {
    const { size, note } = await ledger.checkpoint()
    if (size > 0 && size === cosignedSize) return { kind: 'unchanged', size }
    const before = knownOf(note)
    let result = await submit(before <= size ? before : 0, size, note)
    if (result.kind === 'answer' && result.status === 409) {
      const seen = Number(/^(\d{1,16})\n$/.exec(result.body.toString('latin1'))?.[1] ?? 0)
      if (seen > size) {
        return {
          kind: 'inconsistent',
          detail: `the core has cosigned ${seen} entries, here are ${size}`,
        }
      }
      if (seen < before) await setBack(seen)
      result = await submit(seen, size, note)
    }
    if (result.kind === 'failure') {
      return { kind: 'no-answer', detail: `link.${result.failure}` }
    }
    if (result.status === 200) return keep(size, result.body.toString('utf8'))
    const problem = parseJson(ProblemAnswer, result.body)
    // The pusher enrols it, or says why not; until then there is nothing to warn of, nor while the core is busy.
    if (problem.ok && SOON.has(problem.value.code)) {
      return { kind: 'no-answer', detail: problem.value.code }
    }
    const detail = (problem.ok && problem.value.detail) || `status ${result.status}`
    const isBroken = problem.ok && problem.value.code === 'checkpoint.inconsistent'
    return { kind: isBroken ? 'inconsistent' : 'refused', detail }
  }

  async function keep(size: number, lines: string): Promise<CosignOutcome> {
    try {
      await ledger.addCosignatures(size, lines)
    } catch (error) {
      const { code, message } = error as { readonly code?: string; readonly message: string }
      // A disk that is full, a core that has told no key yet: neither says anything of who signed.
      if (code !== 'ledger.cosignature-refused') throw error
      return { kind: 'unknown-cosigner', detail: message }
    }
    cosignedSize = size
    if (known) known.size = size
    return { kind: 'cosigned', size }
  }

  async function setBack(seen: number): Promise<void> {
    logger.warn(
      { cosigned: known?.size, seen },
      'the core has forgotten what it had cosigned: it was put back from a copy, or set up anew',
    )
    await options.onSetBack?.()
    if (known) known.size = seen
  }

  async function run(): Promise<void> {
    while (!closing.signal.aborted) {
      const outcome = await cosignOnce()
      if (outcome.kind === 'inconsistent') {
        logger.error({ detail: outcome.detail }, 'the core saw another past of this ledger')
      } else if (outcome.kind === 'refused') {
        logger.warn({ detail: outcome.detail }, 'the checkpoint was not cosigned')
      } else if (outcome.kind === 'unknown-cosigner') {
        logger.error(
          { detail: outcome.detail },
          'the core signs with another cosigner key than the pinned one: kefu-edge doctor says what to do',
        )
      }
      if (outcome.kind === 'no-answer') {
        backoff.failed('busy')
        await backoff.ready(closing.signal)
      } else {
        backoff.succeeded()
        const everyMs = options.everyMs ?? COSIGN_EVERY_MS
        await sleep(everyMs * (0.5 + options.random()), closing.signal)
      }
    }
  }

  return {
    start() {
      running ??= run()
    },
    async close() {
      closing.abort()
      backoff.resume()
      await running
    },
    cosignOnce,
    status: () => ({
      cosignedSize,
      ...(last ? { last } : {}),
      ...(confirmedAtMs === undefined ? {} : { confirmedAtMs }),
      ...(inconsistency === undefined ? {} : { inconsistency }),
    }),
  }
}
