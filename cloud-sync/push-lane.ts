/** One lane on its way up: read, send, settle; what to do when the core will not take a batch. */
import type { Backoff } from './backoff.ts'
import { createBatchSize } from './batch-size.ts'
import { type Carrier, createLocalCarrier, type Parcel } from './carrier.ts'
import type { Delivery } from './deliver.ts'
import { CLOUD_ERRORS } from './errors.ts'
import type { Health } from './health.ts'
import type { Clock, LedgerSource, Link, LinkRequest, Logger } from './ports.ts'
import { type BatchHead, readBatch } from './push-batch.ts'
import { createSuspicion } from './suspicion.ts'

export interface LanePusherOptions extends Pick<LinkRequest, 'sockets'> {
  readonly lane: string
  readonly source: LedgerSource
  readonly link: Link
  readonly clock: Clock
  readonly logger: Logger
  /** Of the link: shared by all lanes. */
  readonly backoff: Backoff
  /** Of this lane: what the core fails at, or will not take, of its entries holds no other lane. */
  readonly ownBackoff: Backoff
  readonly health: Health
  readonly signal: AbortSignal
  readonly stallTimeoutMs: number
  readonly maxBatchEntries?: number
  readonly maxBatchBytes?: number
  /** Brings what is backlog, where that is better done elsewhere than in this thread. */
  readonly backlogCarrier?: Carrier
  readonly enrol?: () => Promise<boolean>
  /** The core has less than it had acknowledged. Must not throw. */
  readonly onSetBack?: () => void
}

export interface LaneStatus {
  readonly lane: string
  /** Entries acknowledged by the core since the start. */
  readonly sent: number
  readonly quarantined: number
  /** The core's high-water mark as last heard; 0 before. */
  readonly acknowledged: number
  readonly isBacklog: boolean
}

export interface LanePusher {
  status(): LaneStatus
  isBacklog(): boolean
  /** The core failed at its entries: not due yet. */
  isHeld(): boolean
  /** Somebody does not want to wait. */
  resume(): void
  /** Up to `count` batches while they succeed; resolves with how many did. */
  pushBatches(count: number): Promise<number>
  /** Until the lane is empty; false when a batch did not pass. */
  pushAll(): Promise<boolean>
}

export function createLanePusher(options: LanePusherOptions): LanePusher {
  const { lane, source, logger, backoff, ownBackoff, health, signal, stallTimeoutMs } = options
  const sendLimits = {
    stallTimeoutMs,
    signal,
    ...(options.sockets ? { sockets: options.sockets } : {}),
  }
  const local = createLocalCarrier(options)
  const size = createBatchSize(options.maxBatchEntries, options.maxBatchBytes)
  /** The core's mark. */
  let acknowledged = 0
  let markEpoch = ''
  let sent = 0
  let quarantined = 0
  let isBacklog = false
  const suspicion = createSuspicion()

  function prepare(after: number): Promise<Parcel | undefined> {
    const carrier = (isBacklog && options.backlogCarrier) || local
    const mark = { epoch: markEpoch, sequence: acknowledged }
    return carrier.prepare({ lane, after, size: size.current(), mark })
  }

  /** True where the epoch of the batch is over. */
  async function settle(
    batch: BatchHead,
    delivery: Delivery & { kind: 'stored' },
  ): Promise<boolean> {
    const { refused, isUnchecked } = delivery
    // More than was ever written here: the core speaks of another history of this epoch.
    const isForked = batch.epoch === source.epoch() && delivery.acknowledged > source.accepted(lane)
    if (isForked && isUnchecked) {
      await fork(batch, batch.firstSequence)
      return true
    }
    for (const { sequence, code } of refused) await quarantine(sequence, code)
    await source.acknowledge(lane, batch.lastSequence)
    sent += batch.count - refused.length
    acknowledged = delivery.acknowledged
    markEpoch = batch.epoch
    if (isForked) await fork(batch, batch.lastSequence + 1)
    return isForked
  }

  /** What the core has under these numbers is not ours: nothing of it is settled, all of it goes anew. */
  async function fork({ epoch }: BatchHead, fromSequence: number): Promise<void> {
    await source.fork(lane, epoch, fromSequence)
    acknowledged = 0
    markEpoch = ''
    // A core that says so of every epoch must not have them opened without end.
    ownBackoff.failed('busy')
    logger.warn(
      { lane, epoch, fromSequence },
      'the core has other entries than this record under the same numbers: the data folder was put back, or a copy of it runs as well; they go up in a new epoch, kefu-edge doctor says what to do',
    )
  }

  async function quarantine(sequence: number, reason: string): Promise<void> {
    await source.quarantine(lane, sequence, reason)
    quarantined += 1
    logger.warn({ lane, sequence, reason }, 'entry quarantined: the core cannot take it')
  }

  /** Sends one batch; the next one is read and packed while the core works on this one. */
  async function push(
    prepared: Parcel,
    wantsNext: boolean,
  ): Promise<{ readonly passed: boolean; readonly next: Parcel | undefined }> {
    const { batch } = prepared
    isBacklog = batch.isBacklog
    const startedAt = options.clock.monotonic()
    const answer = prepared.send(sendLimits)
    const next =
      wantsNext && batch.isBacklog && batch.epoch === markEpoch && !suspicion.isSuspicious
        ? prepareAhead(batch)
        : undefined
    const delivery = await answer
    const ahead = await next
    if (delivery.kind !== 'stored') {
      await recover(batch, delivery)
      return { passed: false, next: undefined }
    }
    const isOver = await settle(batch, delivery)
    backoff.succeeded()
    if (!isOver) ownBackoff.succeeded()
    health.stored(options.clock.monotonic() - startedAt)
    size.answered(batch, options.clock.monotonic() - startedAt)
    suspicion.stored()
    const isNext = !isOver && ahead?.batch.epoch === batch.epoch
    return { passed: true, next: isNext ? ahead : undefined }
  }

  /** The core's mark will be the end of the batch in hand, if that passes; else this is thrown away. */
  function prepareAhead(batch: BatchHead): Promise<Parcel | undefined> {
    return prepare(batch.lastSequence).catch(() => undefined)
  }

  async function recover(batch: BatchHead, delivery: Exclude<Delivery, { kind: 'stored' }>) {
    switch (delivery.kind) {
      case 'ahead':
        logger.warn(
          { lane, believed: acknowledged, acknowledged: delivery.acknowledged },
          'the core has less than it had acknowledged: it was put back from a copy. What it had acknowledged is not sent again and stands as missing on its page; what waits here goes on from its mark',
        )
        options.onSetBack?.()
        acknowledged = delivery.acknowledged
        markEpoch = batch.epoch
        return
      case 'forked': {
        const { fromSequence } = delivery
        if (fromSequence > batch.firstSequence) await source.acknowledge(lane, fromSequence - 1)
        await fork(batch, fromSequence)
        return
      }
      case 'unknown-gateway':
        health.failed('gateway.unknown', 'not enrolled')
        await options.enrol?.()
        backoff.failed('busy')
        return
      case 'unacceptable':
        health.failed(delivery.code, delivery.detail)
        if (!(await isolate(batch, 'refused', delivery.code))) ownBackoff.failed('busy')
        return
      case 'too-large':
        waitForProxy(batch, delivery.detail)
        return
      case 'core-failed':
        health.failed(delivery.code, delivery.detail)
        if (delivery.isAtBatch && (await isolate(batch, 'failed', delivery.code))) return
        if (delivery.isAtBatch) ownBackoff.failed('busy', delivery.retryAfterMs)
        else backoff.failed('busy', delivery.retryAfterMs)
        return
      case 'no-answer':
        if (delivery.failure === 'aborted') return
        health.failed(`link.${delivery.failure}`, delivery.detail)
        if (delivery.failure === 'timeout') size.halve(batch)
        backoff.failed(delivery.failure)
        return
    }
  }

  /** Whoever refuses the size knows nothing of the entries: smaller batches, and none is set apart. */
  function waitForProxy(batch: BatchHead, request: string): void {
    const detail = `${request}. ${CLOUD_ERRORS['proxy.too-large'].next}`
    if (size.tooLarge(batch)) {
      logger.info({ lane, detail }, 'a proxy refuses requests of this size: smaller ones go')
      return
    }
    health.failed('proxy.too-large', detail)
    logger.warn(
      { lane, sequence: batch.firstSequence, detail },
      'a proxy refuses one entry as too large: it and what follows in its lane wait here',
    )
    ownBackoff.failed('busy')
  }

  /** True when something changed: a smaller batch or one entry less; the next try need not wait. */
  async function isolate(
    batch: BatchHead,
    how: 'refused' | 'failed',
    code: string,
  ): Promise<boolean> {
    const verdict = suspicion.blame(batch, how, health.isEchoing())
    if (verdict === 'halve') size.halve(batch)
    if (verdict === 'quarantine') await quarantine(batch.firstSequence, code)
    return verdict !== 'try-again'
  }

  async function pushBatches(count: number): Promise<number> {
    let passed = 0
    let prepared = await prepare(0)
    if (!prepared) isBacklog = false
    while (prepared && passed < count && !signal.aborted) {
      const outcome = await push(prepared, passed + 1 < count)
      if (!outcome.passed) break
      passed += 1
      prepared = outcome.next ?? (passed < count ? await prepare(0) : undefined)
    }
    return passed
  }

  return {
    status: () => ({ lane, sent, quarantined, acknowledged, isBacklog }),
    isBacklog: () => isBacklog,
    isHeld: () => ownBackoff.isWaiting,
    resume: () => ownBackoff.resume(),
    pushBatches,
    async pushAll() {
      while (!signal.aborted) {
        const batch = await readBatch(source, lane, 0, { entries: 1, bytes: 1 })
        if (!batch) return true
        if ((await pushBatches(1)) === 0) return false
      }
      return false
    },
  }
}
