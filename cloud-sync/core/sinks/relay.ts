/**
 * Hands the inbox on to a sink: in order per stream, each record at least once, its mark moved after.
 *
 * A crash between the engine's word and the mark brings the same records again; the engine drops them by
 * message id, or its readers do. A stream that the engine refuses waits by itself; the others go on.
 */
import { BACKOFF_BASE_MS, BACKOFF_CAP_MS, createBackoff, createWaker } from '../../backoff.ts'
import type { Logger } from '../../ports.ts'
import type { CoreStore } from '../storage.ts'
import { openInbox, type StreamBehind } from './inbox.ts'
import type { Sink } from './sink.ts'

/** How often the inbox is looked through when nobody nudges. */
const SCAN_EVERY_MS = 1000
/** So many streams refused in a row: it is the engine that is away, and the rest need not be tried. */
const MAX_FAILED_IN_A_ROW = 3
const DEFAULT_LIMITS = { baseMs: BACKOFF_BASE_MS, capMs: BACKOFF_CAP_MS }

export interface RelayStatus {
  readonly sink: string
  readonly relayed: number
  readonly waiting: number
  /** Why a stream waits, or all of them. */
  readonly lastError?: string
}

export interface Relay {
  start(): void
  close(): Promise<void>
  /** Something was received. */
  nudge(): void
  status(): RelayStatus
}

/** A stream that was refused: tried last, and not before its time. */
interface Refused {
  readonly times: number
  readonly untilMs: number
  readonly error: string
}

export function createRelay(
  store: CoreStore,
  sink: Sink,
  logger: Logger,
  limits = DEFAULT_LIMITS,
): Relay {
  const closing = new AbortController()
  const backoff = createBackoff(Math.random, limits)
  const waker = createWaker(closing.signal)
  const inbox = openInbox(store, sink)
  const refused = new Map<number, Refused>()
  let running: Promise<void> | undefined
  let relayed = 0
  let failure: string | undefined

  /** One batch of a stream; how many records it had. */
  async function relay(stream: StreamBehind): Promise<number> {
    const { records, reached } = inbox.read(stream, await inbox.start(stream))
    if (records.length > 0) await sink.publish(records)
    await inbox.moveMark(stream, reached)
    relayed += records.length
    return records.length
  }

  function refuse(stream: StreamBehind, error: unknown): void {
    const times = (refused.get(stream.no)?.times ?? 0) + 1
    const waitMs = Math.min(limits.capMs, limits.baseMs * 2 ** Math.min(times - 1, 30))
    refused.set(stream.no, { times, untilMs: performance.now() + waitMs, error: String(error) })
    const { gatewayId: gateway, epoch, lane } = stream
    logger.warn(
      { sink: sink.name, gateway, epoch, lane, error },
      'the sink did not take records of this stream; they stay here',
    )
  }

  /** Each stream once, those that were never refused first. True when something was handed on. */
  async function round(): Promise<boolean> {
    const times = ({ no }: StreamBehind) => refused.get(no)?.times ?? 0
    const streams = [...inbox.behind()].sort((a, b) => times(a) - times(b))
    let [count, failedInARow] = [0, 0]
    for (const stream of streams) {
      if (closing.signal.aborted) break
      if ((refused.get(stream.no)?.untilMs ?? 0) > performance.now()) continue
      try {
        count += await relay(stream)
        refused.delete(stream.no)
        failedInARow = 0
      } catch (error) {
        refuse(stream, error)
        failedInARow += 1
        if (failedInARow >= MAX_FAILED_IN_A_ROW) throw error
      }
    }
    return count > 0
  }

  async function run(): Promise<void> {
    while (!closing.signal.aborted) {
      await backoff.ready(closing.signal)
      try {
        const isBusy = await round()
        failure = undefined
        backoff.succeeded()
        if (!isBusy) await idle()
      } catch (error) {
        failure = String(error)
        backoff.failed('busy')
      }
    }
  }

  /** Until the next look, or until a stream that was refused is due. */
  async function idle(): Promise<void> {
    const dueMs = Math.min(...[...refused.values()].map(({ untilMs }) => untilMs))
    await waker.sleep(Math.max(0, Math.min(SCAN_EVERY_MS, dueMs - performance.now())))
  }

  return {
    start() {
      running ??= run()
    },
    async close() {
      closing.abort()
      backoff.resume()
      await running
      await sink.close()
    },
    nudge: waker.wake,
    status: () => {
      const lastError = failure ?? [...refused.values()].at(-1)?.error
      return {
        sink: sink.name,
        relayed,
        waiting: inbox.waiting(),
        ...(lastError === undefined ? {} : { lastError }),
      }
    },
  }
}
