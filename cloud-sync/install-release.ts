/**
 * One release put to use: staged, switched, tested, and switched back by itself when its tests fail.
 *
 * Each step can be repeated: a crash before the switch begins again, one after it finishes the tests at
 * the next start, and a serial that was begun with is never begun with again once it is settled.
 */
import type { Logger } from './ports.ts'
import { NOTHING_HERE, type ReleaseKind, type ReleaseManifest } from './protocol/release.ts'
import { DELTA_KINDS, type PullRecord, type PullStore } from './pull-store.ts'

export type Verdict = { readonly kind: 'passed' } | ({ readonly kind: 'failed' } & Refusal)

/** `code` as the target names it: `NOTHING_HERE` where nothing at this box is concerned. */
export interface Refusal {
  readonly reason: string
  readonly code?: string | undefined
}

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

export interface Installer {
  /** Ends settled: in use, refused, or rolled back. Throws what a `rollback` throws. */
  install(target: ReleaseTarget, manifest: ReleaseManifest, content: Uint8Array): Promise<void>
  /** The power went during their switch: nobody knows whether it was made, nor whether their tests pass. */
  interrupted(): readonly ReleaseManifest[]
  finishInterrupted(manifest: ReleaseManifest): Promise<void>
  /** Notes what became of it, so that it is never begun with again. */
  settle(manifest: ReleaseManifest, phase: SettledPhase, why?: Refusal): void
  /** Its term is over; should the time turn out to have been wrong, it may be begun with all the same. */
  expire(manifest: ReleaseManifest): void
}

type SettledPhase = Exclude<PullRecord['phase'], 'activating'>

export function createInstaller(parts: {
  readonly targets: Partial<Record<ReleaseKind, ReleaseTarget>>
  readonly store: PullStore
  readonly logger: Logger
}): Installer {
  const { targets, store, logger } = parts
  /** Under way in this process; what a power cut interrupted is not among them. */
  const installing = new Set<string>()

  async function install(
    target: ReleaseTarget,
    manifest: ReleaseManifest,
    content: Uint8Array,
  ): Promise<void> {
    const { kind, name, serial } = manifest
    const staged = await attempt(() => target.stage(manifest, content))
    if (staged.kind === 'failed') {
      settle(manifest, 'refused', staged)
      return
    }
    store.keepContent(kind, name, serial, content)
    installing.add(`${kind}/${name}`)
    try {
      save(manifest, 'activating')
      await finish(target, manifest)
    } finally {
      installing.delete(`${kind}/${name}`)
    }
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
      settle(manifest, 'refused', switched)
      store.dropContent(kind, name, serial)
      return
    }
    const tested = await attempt(() => target.test(manifest))
    if (tested.kind === 'failed') {
      await target.rollback(manifest)
      settle(manifest, 'rolled-back', tested)
      store.dropContent(kind, name, serial)
      return
    }
    settle(manifest, 'active')
    if (!DELTA_KINDS.has(kind)) store.dropContent(kind, name, serial)
    if (previous !== undefined && previous !== serial) store.dropContent(kind, name, previous)
  }

  const interrupted = (): readonly ReleaseManifest[] =>
    store.records().flatMap(({ kind, phase, manifest }) => {
      const isUnderway = manifest && installing.has(`${kind}/${manifest.name}`)
      return phase === 'activating' && targets[kind] && manifest && !isUnderway ? [manifest] : []
    })

  async function finishInterrupted(manifest: ReleaseManifest): Promise<void> {
    const { kind, name, serial } = manifest
    const target = targets[kind]
    if (!target) return
    logger.warn({ kind, name }, 'finishing an interrupted release')
    const content = store.content(kind, name, serial)
    const staged = content
      ? await attempt(() => target.stage(manifest, content))
      : ({ kind: 'failed', reason: 'its content is gone' } as const)
    if (staged.kind === 'failed') settle(manifest, 'refused', staged)
    else await finish(target, manifest)
  }

  function settle(manifest: ReleaseManifest, phase: SettledPhase, why?: Refusal): void {
    const { reason, code } = why ?? {}
    save(manifest, phase, {
      ...(reason === undefined ? {} : { reason: reason.slice(0, 400) }),
      ...(code === undefined ? {} : { code: code.slice(0, 64) }),
    })
    const { kind, name, serial } = manifest
    if (code === NOTHING_HERE)
      logger.info({ kind, name, serial }, 'a release concerns nothing here')
    else if (reason) logger.warn({ kind, name, serial, phase, reason }, 'release not in use')
    else logger.info({ kind, name, serial, phase }, 'release in use')
  }

  function expire(manifest: ReleaseManifest): void {
    const { kind, name, serial } = manifest
    const reason = 'expired before it was taken'
    save(manifest, 'refused', { reason, isExpired: true })
    logger.warn({ kind, name, serial, reason }, 'release not in use')
  }

  function save(
    manifest: ReleaseManifest,
    phase: PullRecord['phase'],
    why: Pick<PullRecord, 'reason' | 'code' | 'isExpired'> = {},
  ): void {
    const { kind, name, serial, sha256, expiresAtMs } = manifest
    const previous = store.find(kind, name)?.contentSerial
    const contentSerial = phase === 'active' && DELTA_KINDS.has(kind) ? serial : previous
    store.save({
      kind,
      name,
      serial,
      sha256,
      phase,
      expiresAtMs,
      ...(phase === 'activating' ? { manifest } : {}),
      ...why,
      ...(contentSerial === undefined ? {} : { contentSerial }),
    })
  }

  return { install, interrupted, finishInterrupted, settle, expire }
}

/** A target that throws has failed; the release is not in use then. */
async function attempt(work: () => Promise<Verdict>): Promise<Verdict> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof Error)) return { kind: 'failed', reason: String(error) }
    const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined
    return { kind: 'failed', reason: error.message, code }
  }
}
