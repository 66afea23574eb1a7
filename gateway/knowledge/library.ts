/**
 * The library: the active packs and the language engine that asks each of them, switched as one. Each pack has
 * a model of its own, so that one that comes or goes changes nothing of what another understands.
 *
 * An install is whole or not at all: read, checked, trained beside the running engine, tried on the
 * packs' own test questions, written in one transaction, and only then switched to.
 */
import { createHash } from 'node:crypto'
import type { Clock } from '../clock.ts'
import { GatewayError } from '../errors.ts'
import type { EngineParts } from '../language/engine-parts.ts'
import { remembering } from '../language/memo.ts'
import { LanguageModelError } from '../language/model-error.ts'
import type { LanguageEngine, LanguageModule, TrainedModel } from '../language/port.ts'
import type { Ledger } from '../ledger/port.ts'
import type { Logger } from '../logger.ts'
import type { Store } from '../storage/store.ts'
import type { KnowledgeRef } from '../turn.ts'
import { refuseDrowned, refuseWorse } from './install-gate.ts'
import { learnedModel } from './learned-model.ts'
import type { Command, Pack, PackIntent } from './pack-schema.ts'
import { createPackStore, type InstalledPack, type KeptModel } from './pack-store.ts'
import { missedAmongAll, type PackTestResult, runPackTests } from './pack-tests.ts'
import type { TrainingWork } from './train-in-worker.ts'

/** Same pack, same seed, same model: a box can be compared with another. */
export const TRAINING_SEED = 20_261_122
/** Counts into a model's identity: a new engine never loads the old engine's bytes. */
const ENGINE_VERSION = 8

export interface LibraryParts {
  readonly store: Store
  readonly clock: Clock
  readonly ledger: Pick<Ledger, 'append'>
  readonly language: LanguageModule
  /** Trains away from the main thread. */
  readonly train: (work: TrainingWork) => Promise<TrainedModel>
  /** Absent: nobody looks on, as on the command line. */
  readonly logger?: Pick<Logger, 'info'>
}

export interface InstallResult {
  readonly name: string
  readonly version: string
  readonly digest: string
  readonly tests: PackTestResult
}

export interface Library {
  readonly engine: LanguageEngine
  entry(ref: KnowledgeRef): { readonly pack: Pack; readonly intent: PackIntent } | undefined
  /** Whether an active pack understands the command. */
  knows(command: Command): boolean
  list(): readonly InstalledPack[]
  /** Trains and tests a pack without switching to it; throws what `install` would throw. */
  check(pack: Pack): Promise<PackTestResult>
  /**
   * Throws `pack.risk-lower`, `pack.score-lower`, `pack.drowns-another` with the questions that broke; nothing is
   * changed then.
   */
  install(pack: Pack): Promise<InstallResult>
  /** Back to the version before; throws `pack.not-installed`. */
  rollback(name: string): Promise<InstallResult>
  /** Switches a pack off; throws `pack.not-installed`. */
  remove(name: string): Promise<void>
}

interface Shelf {
  readonly packs: readonly Pack[]
  readonly entries: ReadonlyMap<string, { pack: Pack; intent: PackIntent }>
  readonly engine: LanguageEngine
  /** Every pack ready to be asked, in the order of `packs`. */
  readonly ready: readonly Ready[]
}

interface Ready extends KeptModel {
  readonly parts: EngineParts
}

interface Tried {
  /** Which packs, in which versions. */
  readonly set: string
  readonly shelf: Shelf
  readonly tests: PackTestResult
}

const keyOf = (pack: string, intent: string): string => `${pack}/${intent}`

/** Opens the library with what is installed; trains first where no model of these packs is kept. */
export async function openLibrary(parts: LibraryParts): Promise<Library> {
  const { store, clock, ledger, language, logger } = parts
  const packs = createPackStore(store)
  let shelf: Shelf = { packs: [], entries: new Map(), engine: language.join([]), ready: [] }
  // Nobody is answered before there is something to answer with: that training takes all it can get.
  const opened = await shelve(packs.active(), false, (active) => {
    const named = active.map(({ manifest }) => `${manifest.pack} ${manifest.version}`)
    logger?.info(
      { packs: named },
      'no model of the installed packs that this program reads is kept: they are learnt anew before the ports open',
    )
  })
  if (opened.ready.some(({ model }) => model)) {
    await store.commit(() => packs.keepModels(opened.ready, clock.now()))
  }
  shelf = opened
  let tried: Tried | undefined
  let queue: Promise<unknown> = Promise.resolve()

  async function shelve(
    active: readonly Pack[],
    givesWay: boolean,
    beforeLearning: (unlearnt: readonly Pack[]) => void = () => {},
  ): Promise<Shelf> {
    const entries = new Map<string, { pack: Pack; intent: PackIntent }>()
    for (const pack of active) {
      for (const intent of pack.intents)
        entries.set(keyOf(pack.manifest.pack, intent.intent), { pack, intent })
    }
    const found = active.map((pack) => ({ pack, known: learntBefore(pack) }))
    const unlearnt = found.flatMap(({ pack, known }) => (known ? [] : [pack]))
    if (unlearnt.length > 0) beforeLearning(unlearnt)
    const ready: Ready[] = []
    for (const { pack, known } of found) ready.push(known ?? (await learn(pack, givesWay)))
    const engine = remembering(language.join(ready.map((one) => one.parts)))
    return { packs: active, entries, engine, ready }
  }

  async function learn(pack: Pack, givesWay: boolean): Promise<Ready> {
    const model = await parts.train({ pack, seed: TRAINING_SEED, givesWay })
    return { modelKey: modelKeyOf(pack), model, parts: language.load(pack, model) }
  }

  /** A pack by what was learnt of it before: in use now, kept, or in the build. */
  function learntBefore(pack: Pack): Ready | undefined {
    const modelKey = modelKeyOf(pack)
    const used = shelf.ready.find((one) => one.modelKey === modelKey)
    if (used) return { modelKey, parts: used.parts }
    const kept = readable(pack, packs.model(modelKey))
    if (kept) return { modelKey, parts: kept }
    const model = learnedModel(modelKey)
    const built = readable(pack, model)
    return built && model && { modelKey, model, parts: built }
  }

  /** Undefined where there is no model, or none that this program can read: what was learnt can be learnt again. */
  function readable(pack: Pack, model: TrainedModel | undefined): EngineParts | undefined {
    if (!model) return undefined
    try {
      return language.load(pack, model)
    } catch (error) {
      if (!(error instanceof LanguageModelError)) throw error
      logger?.info({ code: error.code, why: error.message }, 'a kept model cannot be read')
      return undefined
    }
  }

  /** One change of the shelf at a time; answers go on from the old one until the switch. */
  function inTurn<T>(change: () => Promise<T>): Promise<T> {
    const next = queue.then(change, change)
    queue = next.catch(() => {})
    return next
  }

  const without = (name: string) => shelf.packs.filter((pack) => pack.manifest.pack !== name)

  const withPack = (pack: Pack): Pack[] =>
    [...without(pack.manifest.pack), pack].sort((a, b) =>
      a.manifest.pack < b.manifest.pack ? -1 : 1,
    )

  /** The shelf with this pack, trained and tried beside the one in use. A second call finds it ready. */
  async function tryOut(pack: Pack): Promise<Tried> {
    const packs = withPack(pack)
    const set = packs.map(modelKeyOf).join()
    if (tried?.set !== set) {
      const next = await shelve(packs, shelf.packs.length > 0)
      tried = { set, shelf: next, tests: await runPackTests(pack, next.engine) }
    }
    return tried
  }

  async function switchTo(
    pack: Pack,
    kind: 'pack.installed' | 'pack.rolled-back',
  ): Promise<InstallResult> {
    const { pack: name, version } = pack.manifest
    const out = await tryOut(pack)
    if (kind === 'pack.installed') await refuseHarm(pack, out)
    const { shelf: next, tests } = out
    const nowMs = clock.now()
    await store.commit(() => {
      packs.activate(pack, tests.score, nowMs)
      packs.keepModels(next.ready, nowMs)
      ledger.append({
        lane: 'audit',
        kind,
        atMs: nowMs,
        body: { pack: name, version, digest: pack.digest, testScore: tests.score },
      })
    })
    shelf = next
    tried = undefined
    return { name, version, digest: pack.digest, tests }
  }

  /** The version that answers now, with what it makes of its own questions. */
  async function active(name: string) {
    const pack = shelf.packs.find((one) => one.manifest.pack === name)
    return pack && { pack, tests: await runPackTests(pack, shelf.engine) }
  }

  /** Throws where the pack is worse than the one before, or drowns what another understands. */
  async function refuseHarm(pack: Pack, { shelf: next, tests }: Tried): Promise<void> {
    refuseWorse({ pack, tests }, await active(pack.manifest.pack))
    if (next.packs.length < 2) return
    const missed = (one: Pack, { engine, entries }: Shelf) =>
      missedAmongAll(one, engine, (ref) => entries.get(keyOf(ref.pack, ref.intent))?.intent)
    const compared = next.packs.map(async (one) => ({
      pack: one,
      // What is new cannot have drowned yet: it is held to what it understands alone.
      before: one.manifest.pack === pack.manifest.pack ? tests.failures : await missed(one, shelf),
      after: await missed(one, next),
    }))
    refuseDrowned(await Promise.all(compared))
  }

  return {
    get engine() {
      return shelf.engine
    },
    entry: (ref) => shelf.entries.get(keyOf(ref.pack, ref.intent)),
    knows: (command) =>
      shelf.packs.some(({ intents }) => intents.some((intent) => intent.command === command)),
    list: () => packs.list(),
    check: (pack) =>
      inTurn(async () => {
        const out = await tryOut(pack)
        await refuseHarm(pack, out)
        return out.tests
      }),
    install: (pack) => inTurn(() => switchTo(pack, 'pack.installed')),
    rollback: (name) =>
      inTurn(async () => {
        const previous = packs.previous(name)
        if (!previous)
          throw new GatewayError('pack.not-installed', { detail: `${name}: no earlier version` })
        return switchTo(previous, 'pack.rolled-back')
      }),
    remove: (name) =>
      inTurn(async () => {
        const next = await shelve(without(name), shelf.packs.length > 0)
        const nowMs = clock.now()
        await store.commit(() => {
          if (!packs.deactivate(name))
            throw new GatewayError('pack.not-installed', { detail: name })
          ledger.append({ lane: 'audit', kind: 'pack.removed', atMs: nowMs, body: { pack: name } })
          packs.keepModels(next.ready, nowMs)
        })
        shelf = next
      }),
  }
}

/** Identity of a model: the pack it is trained on, the seed, and the engine that reads it. */
export const modelKeyOf = ({ manifest, digest }: Pack): string =>
  createHash('sha256')
    .update(`engine ${ENGINE_VERSION} seed ${TRAINING_SEED}\0${manifest.pack}\0${digest}`)
    .digest('hex')
