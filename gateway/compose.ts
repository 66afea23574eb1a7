/**
 * The only place that constructs parts. `composeBox` makes what answers and keeps the record;
 * `composeGateway` (compose-gateway) opens the box to the network. Both close in reverse order.
 */
import { randomFillSync } from 'node:crypto'
import { newId } from '@kefu-edge/device-sdk/protocol/ids'
import type { PlayReport } from '@kefu-edge/device-sdk/protocol/schemas'
import { type AnswerTurn, createAnswerTurn } from './answer-turn.ts'
import { createForgetDeviceRows, createForgetReportedRow } from './channels/device-rows.ts'
import { type Clock, systemClock } from './clock.ts'
import type { Config } from './config/schema.ts'
import type { LiveParts, OperationParts } from './console/operations.ts'
import { boxStatus, type LiveStatus } from './console/status.ts'
import { type Claims, createClaims, createForgetClaims } from './devices/claims.ts'
import { createPasswords, type Passwords } from './devices/passwords.ts'
import { createPermissions, type Permissions } from './devices/permissions.ts'
import { createForgetPresence } from './devices/presence.ts'
import { createRegistry, type Registry } from './devices/registry.ts'
import { createTwins, type Twins } from './devices/twin.ts'
import { createFollowUp } from './dialogue/follow-up.ts'
import { createContinuePending } from './dialogue/pending.ts'
import { loadPhrases, offeringAPerson, type Phrases } from './dialogue/phrases.ts'
import { createSessions, type Sessions } from './dialogue/sessions.ts'
import { recallFirst, type SessionSharing, shareSessions } from './dialogue/shared-sessions.ts'
import type { StaffLine } from './dialogue/staff-line.ts'
import { type Library, openLibrary } from './knowledge/library.ts'
import { trainInWorker } from './knowledge/train-in-worker.ts'
import { createLanguageModule } from './language/engine.ts'
import { addCosigners, cosignersOf } from './ledger/cosigners.ts'
import { ledgerMemory, loadKeyFiles } from './ledger/key-files.ts'
import type { FillRandom } from './ledger/key-ring.ts'
import { laneLimitsOf } from './ledger/lane-limits.ts'
import { createLedger, type FullLedger } from './ledger/ledger.ts'
import { readSetting } from './ledger/settings.ts'
import { createSubjectRights } from './ledger/subjects.ts'
import { createTimeFloor, type TimeFloor } from './ledger/time-floor.ts'
import type { Loggers } from './logger.ts'
import { createSkills, type Escalate } from './skills/skills.ts'
import { type BackupReport, writeBackup } from './storage/backup.ts'
import { type DataFolder, GATEWAY_ID, openDataFolder } from './storage/data-folder.ts'
import { openStore, type Store } from './storage/store.ts'
import { createUnderstandTurn, toTurn } from './understand-turn.ts'
import { VERSION } from './version.ts'
import { loadVoiceData, type VoiceData } from './voice/reading/voice-data.ts'
import { dropSounds, SOUND_FOLDER } from './voice/sound-folder.ts'
import { createSpeaker, type Speaker } from './voice/speaker.ts'
import type { SpeechSounds } from './voice/speech-sounds.ts'

const MINUTE_MS = 60_000

/** What a test or the demo puts in place of a part. */
export interface Overrides {
  readonly clock?: Clock
  readonly train?: typeof trainInWorker
}

/** Everything that answers and records; nothing that listens. */
export interface Box {
  readonly config: Config
  readonly clock: Clock
  readonly folder: DataFolder
  readonly store: Store
  readonly ledger: FullLedger
  readonly registry: Registry
  readonly claims: Claims
  readonly passwords: Passwords
  readonly permissions: Permissions
  readonly twins: Twins
  readonly sessions: Sessions
  /** The same, without telling other boxes of the site. */
  readonly ownSessions: Sessions
  readonly library: Library
  readonly answerTurn: AnswerTurn
  readonly speaker: Speaker
  readonly voiceData: VoiceData
  readonly phrases: Phrases
  /** Set by who opens the box to the network. */
  readonly hooks: BoxHooks
  readonly operations: OperationParts
  /** The floor under the clock; `clock` is this one. */
  readonly time: TimeFloor
  close(): Promise<void>
}

/** What only a running gateway can do, by the part of compose that sets it; a box on the command line does without. */
export interface BoxHooks {
  /** compose-fabric, where several boxes are on the site, and for as long as this one is joined. */
  site?: SiteHooks | undefined
  /** compose-cloud, where the core may be asked. */
  escalate?: Escalate
  /** compose-voice. */
  staff?: StaffLine
  /** compose-gateway, where the box makes sound of speech. */
  sounds?: SpeechSounds
  /** compose-devices. */
  onDeviceChanged?: OperationParts['onDeviceChanged']
  onDesired?: OperationParts['onDesired']
  /** compose-gateway. */
  status?: () => LiveStatus
  live?: LiveParts
}

/** What the other boxes of the site are told. */
export interface SiteHooks {
  readonly sharing: SessionSharing
  readonly onPlayed: (deviceId: string, report: PlayReport) => void
  readonly onSubscribed: (deviceId: string) => void
}

/**
 * Opens the data folder and makes the box. Throws `storage.in-use` when a gateway holds the folder.
 * Without `loggers`, as for a command, nothing is logged.
 */
export async function composeBox(
  config: Config,
  overrides: Overrides = {},
  loggers?: Pick<Loggers, 'knowledge'>,
): Promise<Box> {
  const folder = openDataFolder(config.dataDir)
  const closers: (() => void | Promise<void>)[] = [() => folder.release()]
  const close = async () => {
    for (const closer of closers.splice(0).reverse()) await closer()
  }
  try {
    const store = openStore({ path: folder.database, synchronous: config.storage.synchronous })
    closers.push(() => store.close())
    const time = createTimeFloor({ store, clock: overrides.clock ?? systemClock, random })
    const clock: Clock = time
    const ledger = openLedger(config, folder, store, time)
    const language = createLanguageModule({ now: clock.now })
    const train = overrides.train ?? trainInWorker
    const logger = loggers && { logger: loggers.knowledge }
    const library = await openLibrary({ store, clock, ledger, language, train, ...logger })
    const twins = createTwins(store)
    const registry = createRegistry(store, {
      ofRemoved: [
        twins.forget,
        createForgetPresence(store),
        createForgetClaims(store),
        createForgetDeviceRows(store),
      ],
      ofReplaced: [twins.forgetReported, createForgetReportedRow(store)],
    })
    const claims = createClaims(store, registry)
    const passwords = createPasswords()
    const permissions = createPermissions(config.permissions)
    const ownSessions = createSessions({
      store,
      clock,
      keys: ledger.subjectKeys,
      idleMs: config.limits.sessionIdleMinutes * MINUTE_MS,
    })
    const hooks: BoxHooks = {}
    const sessions = shareSessions(ownSessions, () => hooks.site?.sharing)
    const voiceData = loadVoiceData()
    const speaker = createSpeaker({ ...config.answers, sounds: () => hooks.sounds }, voiceData)
    const phrases = offeringAPerson(loadPhrases(), () => library.knows('handoff'))
    const skills = createSkills({
      library,
      phrases,
      usualVolumeOf: speaker.usualVolumeOf,
      escalate: () => hooks.escalate,
      staff: () => hooks.staff,
    })
    const understandTurn = createUnderstandTurn({
      library,
      continuePending: createContinuePending(phrases, library),
      followUp: createFollowUp(phrases, library),
      packsOf: (kind) => config.answers.packsByKind[kind],
    })
    const answerTurn = recallFirst(
      createAnswerTurn({
        store,
        clock,
        ledger,
        sessions,
        skills,
        understand: understandTurn.understand,
        voice: speaker,
        staff: () => hooks.staff,
      }),
      () => hooks.site?.sharing,
    )
    const subjects = createSubjectRights({
      store,
      clock,
      ledger,
      alsoErase: [(who) => void sessions.forget(who), () => forgetSounds(folder, hooks)],
    })
    const parts = {
      clock,
      time,
      store,
      ledger,
      registry,
      claims,
      passwords,
      permissions,
      twins,
      library,
      answerTurn,
    }
    const operations: OperationParts = {
      ...parts,
      subjects,
      explainTurn: (incoming) =>
        understandTurn.explain(toTurn(incoming, sessions.resume(incoming))),
      onDeviceChanged: (...change) => hooks.onDeviceChanged?.(...change),
      onDesired: (id) => hooks.onDesired?.(id),
      status: () => ({
        ...boxStatus({ ...parts, dataDir: config.dataDir }),
        ...(hooks.status?.() ?? { running: false }),
      }),
      makeBackup: (file, configFile) => makeBackup({ ...parts, config }, file, configFile),
      live: () => hooks.live,
    }
    return {
      ...parts,
      config,
      folder,
      sessions,
      ownSessions,
      speaker,
      voiceData,
      phrases,
      hooks,
      operations,
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

/** The sounds are a cache: whatever of it is still said is made again. */
function forgetSounds(folder: DataFolder, hooks: BoxHooks): void {
  hooks.sounds?.forget()
  dropSounds(folder.file(SOUND_FOLDER))
}

/** The record says who was copied when; the copy is a secret as the box is. */
async function makeBackup(
  { config, store, ledger, clock }: Pick<Box, 'config' | 'store' | 'ledger' | 'clock'>,
  file: string,
  configFile = config.configFile,
): Promise<BackupReport> {
  const { dataDir } = config
  const from = configFile === undefined ? { dataDir } : { dataDir, configFile }
  const report = await writeBackup(
    { store, ...from, gatewayId: ledger.gatewayId, version: VERSION, nowMs: clock.now() },
    file,
  )
  const body = { bytes: report.bytes, parts: report.manifest.parts.length }
  await store.commit(() =>
    ledger.append({ lane: 'audit', kind: 'backup.made', atMs: clock.now(), body }),
  )
  return report
}

const random: FillRandom = (bytes) => {
  randomFillSync(bytes)
}

function openLedger(config: Config, folder: DataFolder, store: Store, time: TimeFloor): FullLedger {
  const gatewayId = folder.readOrMake(GATEWAY_ID, () => `gw-${newId(time.now())}`)
  const keyDir = folder.file('keys')
  const mustExist = readSetting(store, 'master-check') !== undefined
  const keys = loadKeyFiles(keyDir, { gatewayId, random, mustExist })
  addCosigners(keyDir, config.cloud.cosigners)
  return createLedger({
    store,
    clock: time,
    time,
    keys,
    random,
    gatewayId,
    disclosure: config.cloud.disclose,
    cosigners: cosignersOf(keyDir),
    memory: ledgerMemory(keyDir),
    limits: laneLimitsOf(config.limits),
    hasCore: config.cloud.url !== undefined,
  })
}
