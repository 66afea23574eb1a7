/** Health by end-to-end echo: "connected" means that a nonce came back from the core's store just now. */
import { randomBytes } from 'node:crypto'
import { type Backoff, sleep } from './backoff.ts'
import type { Clock, Link, Logger, Random } from './ports.ts'
import { EchoAnswer, ProblemAnswer } from './protocol/messages.ts'
import { parseJson } from './protocol/parse.ts'

/** Ten thousand gateways make about 670 echoes a second. */
const ECHO_EVERY_MS = 15_000
/** Missing two echoes and a bit is "away". */
const FRESH_FACTOR = 2.5

/** The log hears of a link that comes and goes this often at most; what it is then is said. */
const SAY_EVERY_MS = 10_000

export interface HealthStatus {
  /** `connecting` until the first echo or failure. */
  readonly state: 'connecting' | 'connected' | 'away'
  readonly lastEchoAtMs?: number
  readonly roundTripMs?: number
  readonly lastError?: { readonly code: string; readonly detail: string; readonly atMs: number }
}

/** The core's clock as an echo brought it, and by how many milliseconds it may be off. */
export type OnTime = (coreMs: number, uncertaintyMs: number) => void

export interface Health {
  status(): HealthStatus
  /** A nonce came back with a batch: as good as an echo. */
  stored(roundTripMs: number): void
  failed(code: string, detail: string): void
  isEchoing(): boolean
  /** One echo now. */
  echo(signal: AbortSignal): Promise<boolean>
  run(signal: AbortSignal, backoff: Backoff): Promise<void>
}

export function createHealth(options: {
  readonly link: Link
  readonly gatewayId: string
  readonly clock: Clock
  readonly random: Random
  readonly echoEveryMs?: number
  readonly logger?: Logger
  /** A box with nothing to push finds out here that the core does not know it. */
  readonly enrol?: () => Promise<boolean>
  readonly onTime?: OnTime
}): Health {
  const { link, clock } = options
  const everyMs = options.echoEveryMs ?? ECHO_EVERY_MS
  let echoedAt: { readonly monotonicMs: number; readonly atMs: number } | undefined
  let roundTripMs = 0
  let lastError: HealthStatus['lastError']
  let said: { readonly isAway: boolean; readonly monotonicMs: number } | undefined

  const isFresh = () =>
    echoedAt !== undefined && clock.monotonic() - echoedAt.monotonicMs < everyMs * FRESH_FACTOR

  function stored(tookMs: number): void {
    echoedAt = { monotonicMs: clock.monotonic(), atMs: clock.now() }
    roundTripMs = Math.round(tookMs * 10) / 10
    lastError = undefined
    if (isNews(false)) options.logger?.info({ roundTripMs }, 'connected to the cloud core')
  }

  function failed(code: string, detail: string): void {
    lastError = { code, detail, atMs: clock.now() }
    // What the core answers is told where it is dealt with: enrolment, quarantine.
    if (code.startsWith('link.') && isNews(true)) {
      options.logger?.warn(
        { code, detail },
        'the cloud core cannot be reached; records stay here and go up later',
      )
    }
  }

  function isNews(isAway: boolean): boolean {
    const monotonicMs = clock.monotonic()
    if (said?.isAway === isAway) return false
    if (said && monotonicMs - said.monotonicMs < SAY_EVERY_MS) return false
    said = { isAway, monotonicMs }
    return true
  }

  async function echo(signal: AbortSignal): Promise<boolean> {
    const nonce = randomBytes(12).toString('base64url')
    const startedAt = clock.monotonic()
    const result = await link.request({
      method: 'POST',
      path: `/v1/gateways/${options.gatewayId}/echo`,
      body: Buffer.from(JSON.stringify({ nonce })),
      contentType: 'application/json',
      stallTimeoutMs: everyMs,
      signal,
    })
    if (result.kind === 'failure') {
      if (result.failure !== 'aborted') failed(`link.${result.failure}`, result.detail)
      return false
    }
    const answer = parseJson(EchoAnswer, result.body)
    if (result.status === 200 && answer.ok && answer.value.nonce === nonce) {
      const tookMs = clock.monotonic() - startedAt
      stored(tookMs)
      // The core looked at its clock at some moment of the round trip.
      options.onTime?.(answer.value.atMs + tookMs / 2, tookMs / 2)
      return true
    }
    const problem = parseJson(ProblemAnswer, result.body)
    const code = problem.ok ? problem.value.code : `http.${result.status}`
    failed(code, 'echo refused')
    if (code === 'gateway.unknown') await options.enrol?.()
    return false
  }

  return {
    status: () => ({
      state: isFresh() && !lastError ? 'connected' : lastError || echoedAt ? 'away' : 'connecting',
      ...(echoedAt ? { lastEchoAtMs: echoedAt.atMs, roundTripMs } : {}),
      ...(lastError ? { lastError } : {}),
    }),
    stored,
    failed,
    isEchoing: isFresh,
    echo,
    async run(signal, backoff) {
      while (!signal.aborted) {
        // While batches fail, the backoff of the link holds the echo back as well.
        await backoff.ready(signal)
        if (signal.aborted) return
        const wasLinkDown = lastError?.code.startsWith('link.') ?? false
        if (await echo(signal)) {
          if (wasLinkDown) backoff.succeeded()
        } else if (!signal.aborted) {
          backoff.failed('busy')
          continue
        }
        await sleep(everyMs * (0.75 + options.random() / 2), signal)
      }
    },
  }
}
