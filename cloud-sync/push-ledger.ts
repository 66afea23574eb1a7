/**
 * Pushes the ledger to the cloud core: in order per lane, each entry with effect once.
 *
 * Two workers share one link state. The first carries the critical lane alone, on its own socket; the
 * second carries the rest: lanes that are up to date before lanes with a backlog, prompt lanes beside both.
 * A lane at whose entries the core fails waits by itself. A batch is settled locally only after the core said
 * that it is in its store; whatever breaks before, the same batch goes again and the core drops what it has.
 * DESIGN.md has the drawing.
 */
import { type BackoffLimits, createBackoff, sleep } from './backoff.ts'
import type { Carrier } from './carrier.ts'
import { createHealth, type HealthStatus, type OnTime } from './health.ts'
import { STALL_TIMEOUT_MS } from './link.ts'
import type { Clock, LedgerSource, Link, Logger, Random } from './ports.ts'
import { createLanePusher, type LanePusher, type LaneStatus } from './push-lane.ts'
import { createTokenBucket } from './token-bucket.ts'

/** How long an idle pusher waits before it looks at the ledger again, where the source has no `onAppend`. */
const POLL_MS = 250
/** Ten requests a second and lane at most, however many turns: a request costs as much as a hundred entries. */
const LINGER_MS = 100
/**
 * Entries of a backlog a second, unless told otherwise: a million in 49 s, for a sixth of one core, so
 * that the asks of the day hardly notice.
 */
export const DRAIN_PER_SECOND = 20_500
/** What may go at once after a pause: more of it would hold the asks up as if there were no limit. */
const BURST_SECONDS = 0.25
/** Batches of one backlog lane before the others are looked at again. */
const BACKLOG_TURN_BATCHES = 4

export interface PusherLimits {
  /** Backlog entries a second (default DRAIN_PER_SECOND), 0 for as fast as it goes; critical and live entries are never held. */
  readonly drainPerSecond?: number
  readonly pollMs?: number
  /** How long live entries of the other lanes collect before they go; critical entries never wait. */
  readonly lingerMs?: number
  readonly stallTimeoutMs?: number
  readonly echoEveryMs?: number
  readonly maxBatchEntries?: number
  readonly maxBatchBytes?: number
  readonly backoff?: BackoffLimits
}

export interface PusherOptions {
  readonly source: LedgerSource
  /** In order of need; the first one is the critical lane. */
  readonly lanes: readonly string[]
  /**
   * Lanes of few entries that the core must not wait for (who was erased, why an epoch was opened): a backlog
   * of theirs waits neither for that of another lane nor for the window.
   */
  readonly promptLanes?: readonly string[]
  readonly link: Link
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly limits?: PusherLimits
  /** Brings what is backlog, where that is better done elsewhere than in this thread. */
  readonly backlogCarrier?: Carrier
  /** Called when the core does not know this gateway; `false` when it did not enrol. */
  readonly enrol?: () => Promise<boolean>
  /** Called when the core has less than it had acknowledged: it was put back from a copy. Must not throw. */
  readonly onSetBack?: () => void
  /** Called at each echo: a box without a battery clock learns the time from it. */
  readonly onTime?: OnTime
}

export interface PusherStatus extends HealthStatus {
  readonly lanes: readonly LaneStatus[]
  readonly isWindowOpen: boolean
}

export interface LedgerPusher {
  start(): void
  /** Ends the request in hand; what was not acknowledged goes again at the next start. */
  close(): Promise<void>
  status(): PusherStatus
  /** Pushes everything that waits now; false when it could not. For tests and `--once` tools. */
  pushOnce(): Promise<boolean>
  /** New entries are durable, or the network came back: go on now. */
  nudge(): void
  /** Bandwidth window: while closed backlogs wait, but for those of the critical lane and of prompt lanes. */
  setWindow(open: boolean): void
}

export function createLedgerPusher(options: PusherOptions): LedgerPusher {
  const { source, clock, random, logger, link, limits = {} } = options
  const closing = new AbortController()
  const backoff = createBackoff(random, limits.backoff)
  const enrol = options.enrol ? oneAtATime(options.enrol) : undefined
  const health = createHealth({
    link,
    gatewayId: source.gatewayId,
    clock,
    random,
    logger,
    ...(enrol ? { enrol } : {}),
    ...(options.onTime ? { onTime: options.onTime } : {}),
    ...(limits.echoEveryMs ? { echoEveryMs: limits.echoEveryMs } : {}),
  })
  const drainPerSecond = limits.drainPerSecond ?? DRAIN_PER_SECOND
  const drain = createTokenBucket(drainPerSecond, drainPerSecond * BURST_SECONDS, clock.monotonic)
  const { backlogCarrier, ...common } = options
  const lanes = options.lanes.map((lane, rank) =>
    createLanePusher({
      ...common,
      // The other thread may have to wait for a core; a critical entry never does.
      ...(backlogCarrier && rank > 0 ? { backlogCarrier } : {}),
      ...(enrol ? { enrol } : {}),
      lane,
      ...(rank === 0 ? { sockets: 'critical' } : {}),
      backoff,
      ownBackoff: createBackoff(random, limits.backoff),
      health,
      signal: closing.signal,
      stallTimeoutMs: limits.stallTimeoutMs ?? STALL_TIMEOUT_MS,
      ...(limits.maxBatchEntries ? { maxBatchEntries: limits.maxBatchEntries } : {}),
      ...(limits.maxBatchBytes ? { maxBatchBytes: limits.maxBatchBytes } : {}),
    }),
  )
  const [critical, ...rest] = lanes
  const promptLanes = new Set(options.promptLanes)
  const running: Promise<void>[] = []
  const idlers = new Set<() => void>()
  let isWindowOpen = true
  let stopListening: (() => void) | undefined

  function wake(): void {
    for (const go of idlers) go()
  }

  function resume(): void {
    backoff.resume()
    for (const lane of lanes) lane.resume()
  }

  /** Ends at `wake`: hundreds of times a second on a busy box, hence without an AbortController. */
  function idle(): Promise<void> {
    if (closing.signal.aborted) return Promise.resolve()
    return new Promise((resolve) => {
      const go = () => {
        clearTimeout(timer)
        idlers.delete(go)
        resolve()
      }
      const timer = setTimeout(go, limits.pollMs ?? POLL_MS)
      idlers.add(go)
    })
  }

  /** Lanes up to date first, so that a backlog never delays what just happened. */
  async function pushRound(group: readonly LanePusher[]): Promise<number> {
    let sent = 0
    const due = group.filter((lane) => !lane.isHeld())
    for (const lane of due) if (!lane.isBacklog()) sent += await lane.pushBatches(1)
    return closing.signal.aborted ? sent : sent + (await pushBacklog(due))
  }

  /** The first lane in order of need that has a backlog gets a few batches, and each prompt lane one. */
  async function pushBacklog(due: readonly LanePusher[]): Promise<number> {
    let passed = 0
    const behind = due.filter(isDraining)
    for (const lane of behind) {
      if (lane === critical) passed += await lane.pushBatches(BACKLOG_TURN_BATCHES)
      else if (lane === behind[0]) passed += await drainLane(lane, BACKLOG_TURN_BATCHES)
      else if (isPrompt(lane)) passed += await drainLane(lane, 1)
    }
    return passed
  }

  const isPrompt = (lane: LanePusher): boolean =>
    lane === critical || promptLanes.has(lane.status().lane)

  /** It has a backlog that need not wait for the window. */
  const isDraining = (lane: LanePusher): boolean =>
    lane.isBacklog() && (isWindowOpen || isPrompt(lane))

  async function drainLane(lane: LanePusher, batches: number): Promise<number> {
    const waitMs = drain.waitMs()
    if (waitMs > 0) await sleep(waitMs * (1 + random() / 4), closing.signal)
    const before = lane.status().sent
    const passed = await lane.pushBatches(batches)
    drain.take(lane.status().sent - before)
    return passed
  }

  async function work(group: readonly LanePusher[], lingerMs: number): Promise<void> {
    while (!closing.signal.aborted) {
      await backoff.ready(closing.signal)
      try {
        if ((await pushRound(group)) === 0) await idle()
        else if (lingerMs > 0 && !group.some(isDraining)) {
          await sleep(lingerMs, closing.signal)
        }
      } catch (error) {
        // The source or the disk under it failed: nothing was settled, the same entries come again.
        health.failed('source', String(error))
        logger.error({ error }, 'reading or settling the ledger failed')
        backoff.failed('busy')
      }
    }
  }

  return {
    start() {
      if (running.length > 0 || closing.signal.aborted) return
      stopListening = source.onAppend?.(wake)
      if (critical) running.push(work([critical], 0))
      if (rest.length > 0) running.push(work(rest, limits.lingerMs ?? LINGER_MS))
      running.push(health.run(closing.signal, backoff))
    },
    async close() {
      stopListening?.()
      closing.abort()
      wake()
      resume()
      await Promise.all(running)
    },
    status: () => ({
      ...health.status(),
      lanes: lanes.map((lane) => lane.status()),
      isWindowOpen,
    }),
    async pushOnce() {
      for (const lane of lanes) if (!(await lane.pushAll())) return false
      return true
    },
    nudge() {
      resume()
      wake()
    },
    setWindow(open) {
      isWindowOpen = open
      wake()
    },
  }
}

/** Lanes and health find out together that the core does not know this gateway. */
function oneAtATime(work: () => Promise<boolean>): () => Promise<boolean> {
  let running: Promise<boolean> | undefined
  return () => {
    running ??= work().finally(() => {
      running = undefined
    })
    return running
  }
}
