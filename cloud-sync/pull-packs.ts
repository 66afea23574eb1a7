/**
 * Pulls releases: verified, staged, switched, tested, and switched back by themselves when the tests fail.
 *
 * Each step can be repeated: a crash before the switch begins again, one after it finishes the tests at
 * the next start, and a serial that was begun with is never begun with again once it is settled.
 */
import type { KeyObject } from 'node:crypto'
import { type Backoff, createBackoff, sleep } from './backoff.ts'
import { fetchContent } from './fetch-content.ts'
import type { Clock, Link, Logger, Random } from './ports.ts'
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

/** Done once; nothing that a later delta could be made against. */
const ONCE_KINDS: ReadonlySet<ReleaseKind> = new Set(['command', 'announcement'])

export type Verdict =
  | { readonly kind: 'passed' }
  | { readonly kind: 'failed'; readonly reason: string }

/** Where releases of a kind go; the gateway implements it for packs, configuration, twins … */
export interface ReleaseTarget {
  /** Puts the content beside what is in use and checks it; nothing changes for anybody yet. */
  stage(manifest: ReleaseManifest, content: Uint8Array): Promise<Verdict>
  /**
   * Switches to what was staged, whole or not at all. After a power cut it may be called again for the
   * same serial, and then must not do its work twice.
   */
  activate(manifest: ReleaseManifest): Promise<void>
  /** The release's own tests on what is in use now; a pack asks its test questions. */
  test(manifest: ReleaseManifest): Promise<Verdict>
  /** Switches back to what was in use before `activate`. */
  rollback(manifest: ReleaseManifest): Promise<void>
}

export interface PullerOptions {
  readonly link: Link
  readonly gatewayId: string
  /** Pinned at enrolment. */
  readonly publisherKey: KeyObject
  readonly targets: Partial<Record<ReleaseKind, ReleaseTarget>>
  readonly store: PullStore
  readonly clock: Clock
  /** Time that terms are judged by: the last known good time where the clock is in doubt. */
  readonly trustedTimeMs?: () => number
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
  const nowMs = options.trustedTimeMs ?? clock.now
  const closing = new AbortController()
  const backoff: Backoff = createBackoff(options.random)
  let running: Promise<void> | undefined
  let isWindowOpen = true
  let lastPullAtMs: number | undefined
  let lastError: string | undefined
  let wake = () => {}

  async function pullOnce(): Promise<boolean> {
    await finishInterrupted()
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
    const request: ReleasesRequest = { settled: store.records().flatMap(toSettled) }
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
    const isOld = before !== undefined && before.serial >= serial
    const isOurs = !manifest.gateways || manifest.gateways.includes(gatewayId)
    if (!target || isOld || !isOurs) return true
    if (!isWindowOpen && !URGENT_KINDS.has(kind)) return true
    if (manifest.expiresAtMs <= nowMs()) {
      settle(manifest, 'refused', 'expired before it was taken')
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
      settle(manifest, 'refused', content.detail)
      return true
    }
    await install(target, manifest, content.bytes)
    return true
  }

  async function install(
    target: ReleaseTarget,
    manifest: ReleaseManifest,
    content: Uint8Array,
  ): Promise<void> {
    const { kind, name, serial } = manifest
    const staged = await attempt(() => target.stage(manifest, content))
    if (staged.kind === 'failed') {
      settle(manifest, 'refused', staged.reason)
      return
    }
    store.keepContent(kind, name, serial, content)
    save(manifest, 'activating')
    await finish(target, manifest)
  }

  /** From here on a crash comes back to this very point, so `activate` may come twice. */
  async function finish(target: ReleaseTarget, manifest: ReleaseManifest): Promise<void> {
    const { kind, name, serial } = manifest
    const previous = store.find(kind, name)?.contentSerial
    const switched = await attempt(async () => {
      await target.activate(manifest)
      return { kind: 'passed' }
    })
    if (switched.kind === 'failed') {
      settle(manifest, 'refused', switched.reason)
      store.dropContent(kind, name, serial)
      return
    }
    const tested = await attempt(() => target.test(manifest))
    if (tested.kind === 'failed') {
      await target.rollback(manifest)
      settle(manifest, 'rolled-back', tested.reason)
      store.dropContent(kind, name, serial)
      return
    }
    settle(manifest, 'active')
    if (ONCE_KINDS.has(kind)) store.dropContent(kind, name, serial)
    if (previous !== undefined && previous !== serial) store.dropContent(kind, name, previous)
  }

  /** The power went during the switch: nobody knows whether it was made, nor whether its tests pass. */
  async function finishInterrupted(): Promise<void> {
    for (const { kind, phase, manifest } of store.records()) {
      const target = targets[kind]
      if (phase !== 'activating' || !target || !manifest) continue
      logger.warn({ kind, name: manifest.name }, 'finishing an interrupted release')
      const content = store.content(kind, manifest.name, manifest.serial)
      const staged = content
        ? await attempt(() => target.stage(manifest, content))
        : ({ kind: 'failed', reason: 'its content is gone' } as const)
      if (staged.kind === 'failed') settle(manifest, 'refused', staged.reason)
      else await finish(target, manifest)
    }
  }

  function settle(
    manifest: ReleaseManifest,
    phase: 'active' | 'refused' | 'rolled-back',
    reason?: string,
  ): void {
    save(manifest, phase, reason)
    const { kind, name, serial } = manifest
    if (reason) logger.warn({ kind, name, serial, phase, reason }, 'release not in use')
    else logger.info({ kind, name, serial, phase }, 'release in use')
  }

  function save(manifest: ReleaseManifest, phase: PullRecord['phase'], reason?: string): void {
    const { kind, name, serial, expiresAtMs } = manifest
    const previous = store.find(kind, name)?.contentSerial
    const contentSerial = phase === 'active' && !ONCE_KINDS.has(kind) ? serial : previous
    store.save({
      kind,
      name,
      serial,
      phase,
      expiresAtMs,
      ...(phase === 'activating' ? { manifest } : {}),
      ...(reason ? { reason: reason.slice(0, 400) } : {}),
      ...(contentSerial === undefined ? {} : { contentSerial }),
    })
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

/** A target that throws has failed; the release is not in use then. */
async function attempt(work: () => Promise<Verdict>): Promise<Verdict> {
  try {
    return await work()
  } catch (error) {
    return { kind: 'failed', reason: error instanceof Error ? error.message : String(error) }
  }
}

function toSettled(record: PullRecord): ReleasesRequest['settled'] {
  const { kind, name, serial, phase, reason } = record
  if (phase === 'activating') return []
  return [{ kind, name, serial, outcome: phase, ...(reason ? { reason } : {}) }]
}
