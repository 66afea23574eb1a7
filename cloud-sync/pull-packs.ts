/** Pulls releases: asks the core, verifies, fetches what is new, and hands it to `install-release.ts`. */
import type { KeyObject } from 'node:crypto'
import { createBackoff, createWaker } from './backoff.ts'
import { createBeside } from './beside.ts'
import { type Base, createFetcher } from './fetch-content.ts'
import { createInstaller, type ReleaseTarget } from './install-release.ts'
import type { Clock, Link, Logger, Random, TrustedTime } from './ports.ts'
import { parseJson } from './protocol/parse.ts'
import {
  isSameContent,
  MAX_SETTLED,
  openRelease,
  type ReleaseKind,
  type ReleaseManifest,
  ReleasesAnswer,
  type ReleasesRequest,
  URGENT_KINDS,
} from './protocol/release.ts'
import type { PullRecord, PullStore } from './pull-store.ts'

/** How often the core is asked: a command waits for this at most. Ten thousand gateways make 330 a second. */
const PULL_EVERY_MS = 30_000

/**
 * Twins, commands and announcements have names of their own, and their records would grow without end. So
 * long after its term the core has been told of what became of it, also where the box was away for days.
 */
const FORGET_AFTER_MS = 7 * 86_400_000

/** A command may run a job for an hour: what comes behind it waits so long, in order, and then no longer. */
const COMMAND_PATIENCE_MS = 1000

export interface PullerOptions {
  readonly link: Link
  readonly gatewayId: string
  /** Pinned at enrolment. */
  readonly publisherKey: KeyObject
  readonly targets: Partial<Record<ReleaseKind, ReleaseTarget>>
  readonly store: PullStore
  readonly clock: Clock
  /** Time that terms are judged by; without it, that of the clock. */
  readonly time?: () => TrustedTime
  readonly random: Random
  readonly logger: Logger
}

export interface PullerStatus {
  readonly isWindowOpen: boolean
  readonly lastPullAtMs?: number
  readonly lastError?: string
  readonly releases: readonly PullRecord[]
}

export interface Puller {
  start(): void
  close(): Promise<void>
  status(): PullerStatus
  /** One round, and the end of what it began; false when the core gave no answer that counts. */
  pullOnce(): Promise<boolean>
  /** While closed, packs and configuration wait; twins, commands and announcements do not. */
  setWindow(open: boolean): void
  nudge(): void
}

export function createPuller(options: PullerOptions): Puller {
  const { link, gatewayId, store, clock, logger, targets } = options
  const time = options.time ?? (() => ({ nowMs: clock.now(), isKnown: true }))
  const closing = new AbortController()
  const backoff = createBackoff(options.random)
  const waker = createWaker(closing.signal)
  const fetchContent = createFetcher(link, gatewayId)
  const installer = createInstaller({ targets, store, logger })
  let running: Promise<void> | undefined
  let isWindowOpen = true
  let lastPullAtMs: number | undefined
  let lastError: string | undefined
  /** Packs and configuration on their way: minutes on a slow link, and then a pack is learnt. */
  let bulk: Promise<boolean> | undefined
  const commands = createBeside(COMMAND_PATIENCE_MS)

  /** Asks, takes what is urgent, and begins with the rest, which later rounds do not wait for. */
  async function round(): Promise<boolean> {
    for (const manifest of installer.interrupted()) {
      await patiently(manifest, () => installer.finishInterrupted(manifest))
    }
    forgetOld()
    const answer = await ask()
    if (!answer) return false
    const offered = answer.releases.flatMap(verified)
    const isPassed = await takeAll(offered.filter(({ kind }) => URGENT_KINDS.has(kind)))
    const rest = offered.filter(({ kind }) => !URGENT_KINDS.has(kind))
    if (rest.length > 0) bulk ??= takeBulk(rest)
    if (isPassed) lastPullAtMs = clock.now()
    return isPassed
  }

  async function pullOnce(): Promise<boolean> {
    const isPassed = await round()
    await commands.settled()
    return (await (bulk ?? true)) && isPassed
  }

  /** Undefined: it is a command that goes on beside the rounds; a round tells the core once it is over. */
  function patiently<T>(
    { kind, name }: ReleaseManifest,
    work: () => Promise<T>,
  ): Promise<T | false | undefined> {
    if (kind !== 'command') return work()
    return commands.run(name, async () => {
      const outcome = await work().catch(failed)
      // The core hears of what is settled at once; what did not come is asked for with the next round.
      if (outcome !== false && outcome !== 'later' && outcome !== 'no-link') wake()
      return outcome
    })
  }

  /** Its term is over, so it is never begun with again. A time in doubt ends no term. */
  function forgetOld(): void {
    const { nowMs, isKnown } = time()
    if (!isKnown) return
    store.forget(
      ({ kind, phase, expiresAtMs }) =>
        URGENT_KINDS.has(kind) && phase !== 'activating' && expiresAtMs + FORGET_AFTER_MS < nowMs,
    )
  }

  function verified(release: ReleasesAnswer['releases'][number]): ReleaseManifest[] {
    const manifest = openRelease(release, options.publisherKey)
    if (manifest.ok) return [manifest.value]
    lastError = manifest.detail
    logger.error({ detail: manifest.detail }, 'a release does not verify and is not taken')
    return []
  }

  async function takeBulk(manifests: readonly ReleaseManifest[]): Promise<boolean> {
    try {
      return await takeAll(manifests)
    } catch (error) {
      return failed(error)
    } finally {
      bulk = undefined
    }
  }

  /** One that the core does not give holds up none behind it; without a link none would come. */
  async function takeAll(manifests: readonly ReleaseManifest[]): Promise<boolean> {
    let isPassed = true
    for (const manifest of manifests) {
      const taken = await patiently(manifest, () => take(manifest))
      if (taken === 'no-link') return false
      if (taken === 'later' || taken === false) isPassed = false
    }
    return isPassed
  }

  function failed(error: unknown): false {
    lastError = String(error)
    logger.error({ error }, 'pulling releases failed')
    return false
  }

  /** What would be taken if it came now. */
  function kindsNow(): string[] {
    const isUrgentOnly = bulk !== undefined || !isWindowOpen
    return (Object.keys(targets) as ReleaseKind[]).filter(
      (kind) => !isUrgentOnly || URGENT_KINDS.has(kind),
    )
  }

  async function ask(): Promise<ReleasesAnswer | undefined> {
    const { nowMs } = time()
    const isSettled = (record: PullRecord) => !isWronglyExpired(record, nowMs)
    const request: ReleasesRequest = {
      settled: store.records().filter(isSettled).flatMap(toSettled).slice(-MAX_SETTLED),
      kinds: kindsNow(),
    }
    const result = await link.request({
      method: 'POST',
      path: `/v1/gateways/${gatewayId}/releases`,
      contentType: 'application/json',
      body: Buffer.from(JSON.stringify(request)),
      signal: closing.signal,
    })
    if (result.kind === 'failure') {
      lastError = `link.${result.failure}`
      return undefined
    }
    const answer = parseJson(ReleasesAnswer, result.body)
    if (result.status !== 200 || !answer.ok) {
      lastError = answer.ok ? `status ${result.status}` : answer.detail
      return undefined
    }
    lastError = undefined
    return answer.value
  }

  async function take(manifest: ReleaseManifest): Promise<Taken> {
    const { kind, name, serial } = manifest
    const target = targets[kind]
    const before = store.find(kind, name)
    const now = time()
    const isSettled =
      before?.serial === serial &&
      isSameContent(before.sha256, manifest.sha256) &&
      !isWronglyExpired(before, now.nowMs)
    const isOld = isSettled || (before !== undefined && before.serial > serial)
    const isOurs = !manifest.gateways || manifest.gateways.includes(gatewayId)
    if (!target || isOld || !isOurs) return 'done'
    if (!isWindowOpen && !URGENT_KINDS.has(kind)) return 'done'
    if (manifest.expiresAtMs <= now.nowMs) {
      if (now.isKnown) installer.expire(manifest)
      else waitForTime(manifest)
      return 'done'
    }
    const content = await fetchContent(manifest, baseOf(before), closing.signal)
    if (content.kind === 'no-answer' || content.kind === 'not-given') {
      lastError = content.detail
      return content.kind === 'no-answer' ? 'no-link' : 'later'
    }
    if (content.kind === 'wrong') {
      installer.settle(manifest, 'refused', { reason: content.detail })
      return 'done'
    }
    await installer.install(target, manifest, content.bytes)
    return 'done'
  }

  function baseOf(record: PullRecord | undefined): Base | undefined {
    if (record?.contentSerial === undefined) return undefined
    const { kind, name, contentSerial: serial } = record
    const content = store.content(kind, name, serial)
    return content && { serial, content }
  }

  /** The core offers it again with each round, and then the time may be known. */
  function waitForTime({ kind, name, serial }: ReleaseManifest): void {
    lastError = `${kind} ${name} ${serial} waits until the time is known: it has expired by a time that is in doubt`
    logger.info({ kind, name, serial }, 'a release waits until the time is known')
  }

  async function run(): Promise<void> {
    while (!closing.signal.aborted) {
      const isPassed = await round().catch(failed)
      if (isPassed) backoff.succeeded()
      else backoff.failed('busy')
      if (isPassed) await waker.sleep(PULL_EVERY_MS * (0.5 + options.random()))
      else await waker.ready(backoff)
    }
  }

  function wake(): void {
    backoff.resume()
    waker.wake()
  }

  return {
    start() {
      running ??= run()
    },
    async close() {
      closing.abort()
      wake()
      await running
      await commands.settled()
      await bulk
    },
    status: () => ({
      isWindowOpen,
      releases: store.records(),
      ...(lastPullAtMs === undefined ? {} : { lastPullAtMs }),
      ...(lastError === undefined ? {} : { lastError }),
    }),
    pullOnce,
    setWindow(open) {
      isWindowOpen = open
      if (open) wake()
    },
    nudge: wake,
  }
}

/** Settled or nothing of ours; to be tried again; to be tried again once there is a link. */
type Taken = 'done' | 'later' | 'no-link'

/** It was refused as expired by a clock that was ahead: the right time shows that it is not over. */
const isWronglyExpired = ({ isExpired, expiresAtMs }: PullRecord, nowMs: number): boolean =>
  isExpired === true && nowMs < expiresAtMs

function toSettled(record: PullRecord): ReleasesRequest['settled'] {
  const { kind, name, serial, sha256, phase, reason, code } = record
  if (phase === 'activating') return []
  const why = { ...(reason ? { reason } : {}), ...(code ? { code } : {}) }
  return [{ kind, name, serial, ...(sha256 ? { sha256 } : {}), outcome: phase, ...why }]
}
