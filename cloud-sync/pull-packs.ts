/** Pulls releases: asks the core, verifies, fetches what is new, and hands it to `install-release.ts`. */
import type { KeyObject } from 'node:crypto'
import { type Backoff, createBackoff, sleep } from './backoff.ts'
import { fetchContent } from './fetch-content.ts'
import { createInstaller, type ReleaseTarget } from './install-release.ts'
import type { Clock, Link, Logger, Random, TrustedTime } from './ports.ts'
import { parseJson } from './protocol/parse.ts'
import {
  openRelease,
  type ReleaseKind,
  type ReleaseManifest,
  ReleasesAnswer,
  type ReleasesRequest,
} from './protocol/release.ts'
import type { PullRecord, PullStore } from './pull-store.ts'

/** How often the core is asked: a command waits for this at most. Ten thousand gateways make 330 a second. */
const PULL_EVERY_MS = 30_000
/** Small and of the moment: these do not wait for a bandwidth window. */
const URGENT_KINDS: ReadonlySet<ReleaseKind> = new Set(['twin', 'command', 'announcement'])

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
  readonly pullEveryMs?: number
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
  /** One round; false when the core gave no answer that counts. */
  pullOnce(): Promise<boolean>
  /** While closed, packs and configuration wait; twins, commands and announcements do not. */
  setWindow(open: boolean): void
  nudge(): void
}

export function createPuller(options: PullerOptions): Puller {
  const { link, gatewayId, store, clock, logger, targets } = options
  const time = options.time ?? (() => ({ nowMs: clock.now(), isKnown: true }))
  const closing = new AbortController()
  const backoff: Backoff = createBackoff(options.random)
  const installer = createInstaller({ targets, store, logger })
  let running: Promise<void> | undefined
  let isWindowOpen = true
  let lastPullAtMs: number | undefined
  let lastError: string | undefined
  let wake = () => {}

  async function pullOnce(): Promise<boolean> {
    await installer.finishInterrupted()
    const answer = await ask()
    if (!answer) return false
    for (const release of answer.releases) {
      const manifest = openRelease(release, options.publisherKey)
      if (!manifest.ok) {
        lastError = manifest.detail
        logger.error({ detail: manifest.detail }, 'a release does not verify and is not taken')
        continue
      }
      if (!(await take(manifest.value))) return false
    }
    lastPullAtMs = clock.now()
    return true
  }

  async function ask(): Promise<ReleasesAnswer | undefined> {
    const { nowMs } = time()
    const isSettled = (record: PullRecord) => !isWronglyExpired(record, nowMs)
    const request: ReleasesRequest = {
      settled: store.records().filter(isSettled).flatMap(toSettled),
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

  /** False: not settled now, to be tried again later. */
  async function take(manifest: ReleaseManifest): Promise<boolean> {
    const { kind, name, serial } = manifest
    const target = targets[kind]
    const before = store.find(kind, name)
    const now = time()
    const isSettled = before?.serial === serial && !isWronglyExpired(before, now.nowMs)
    const isOld = isSettled || (before !== undefined && before.serial > serial)
    const isOurs = !manifest.gateways || manifest.gateways.includes(gatewayId)
    if (!target || isOld || !isOurs) return true
    if (!isWindowOpen && !URGENT_KINDS.has(kind)) return true
    if (manifest.expiresAtMs <= now.nowMs) {
      if (now.isKnown) installer.expire(manifest)
      else waitForTime(manifest)
      return true
    }
    const base = before?.contentSerial
    const content = await fetchContent(link, gatewayId, manifest, {
      ...(base === undefined ? {} : { base, baseContent: store.content(kind, name, base) }),
      signal: closing.signal,
    })
    if (content.kind === 'no-answer') {
      lastError = content.detail
      return false
    }
    if (content.kind === 'wrong') {
      installer.settle(manifest, 'refused', { reason: content.detail })
      return true
    }
    await installer.install(target, manifest, content.bytes)
    return true
  }

  /** The core offers it again with each round, and then the time may be known. */
  function waitForTime({ kind, name, serial }: ReleaseManifest): void {
    lastError = `${kind} ${name} ${serial} waits until the time is known: it has expired by a time that is in doubt`
    logger.info({ kind, name, serial }, 'a release waits until the time is known')
  }

  async function run(): Promise<void> {
    const everyMs = options.pullEveryMs ?? PULL_EVERY_MS
    while (!closing.signal.aborted) {
      const isPassed = await pullOnce().catch((error: unknown) => {
        lastError = String(error)
        logger.error({ error }, 'pulling releases failed')
        return false
      })
      if (isPassed) backoff.succeeded()
      else backoff.failed('busy')
      const wait = new AbortController()
      wake = () => {
        backoff.resume()
        wait.abort()
      }
      closing.signal.addEventListener('abort', wake, { once: true })
      if (isPassed) await sleep(everyMs * (0.5 + options.random()), wait.signal)
      else await backoff.ready(wait.signal)
      closing.signal.removeEventListener('abort', wake)
    }
  }

  return {
    start() {
      running ??= run()
    },
    async close() {
      closing.abort()
      wake()
      await running
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
    nudge: () => wake(),
  }
}

/** It was refused as expired by a clock that was ahead: the right time shows that it is not over. */
const isWronglyExpired = ({ isExpired, expiresAtMs }: PullRecord, nowMs: number): boolean =>
  isExpired === true && nowMs < expiresAtMs

function toSettled(record: PullRecord): ReleasesRequest['settled'] {
  const { kind, name, serial, phase, reason, code } = record
  if (phase === 'activating') return []
  const why = { ...(reason ? { reason } : {}), ...(code ? { code } : {}) }
  return [{ kind, name, serial, outcome: phase, ...why }]
}
