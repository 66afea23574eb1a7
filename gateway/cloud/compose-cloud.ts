/** The box's way to the cloud: identity, pinned link, enrolment, pusher, puller. Part of compose. */
import { readFileSync } from 'node:fs'
import { createLocalCarrier } from '@kefu-edge/cloud-sync/carrier'
import { createCosigning } from '@kefu-edge/cloud-sync/cosign-checkpoints'
import { createEscalator } from '@kefu-edge/cloud-sync/escalate'
import { loadIdentity } from '@kefu-edge/cloud-sync/identity'
import { createLink } from '@kefu-edge/cloud-sync/link'
import { NOTHING_HERE } from '@kefu-edge/cloud-sync/protocol/release'
import { createPuller, type Puller, type PullerOptions } from '@kefu-edge/cloud-sync/pull-packs'
import { openPullStore, type PullStore } from '@kefu-edge/cloud-sync/pull-store'
import { createLedgerPusher, type LedgerPusher } from '@kefu-edge/cloud-sync/push-ledger'
import { watchNetwork } from '@kefu-edge/cloud-sync/watch-network'
import type { Box } from '../compose.ts'
import type { Config } from '../config/schema.ts'
import type { LiveStatus } from '../console/status.ts'
import { type BranchCounts, createBranchCounts } from '../counting/branch-counts.ts'
import { GatewayError } from '../errors.ts'
import { LANES } from '../ledger/port.ts'
import type { Logger } from '../logger.ts'
import { createEnrolment } from './cloud-enrolment.ts'
import { createEscalation } from './cloud-escalation.ts'
import { createErasureReminder } from './cloud-set-back.ts'
import { witnessOf } from './cloud-witness.ts'
import { composeBacklog } from './compose-backlog.ts'

/** Kinds that are to stay in use; a command or an announcement that failed is told where it was given. */
const LASTING: ReadonlySet<string> = new Set(['pack', 'config', 'twin'])

export interface CloudLink {
  readonly pusher: LedgerPusher
  /** Begins to pull releases; after the rest of the gateway stands. */
  startPulling(targets: PullerOptions['targets']): void
  /** The network came back, or somebody does not want to wait. */
  nudge(): void
  /** Bandwidth window: while closed, backlog, packs and configuration wait. */
  setWindow(isOpen: boolean): void
  /** Where the configuration names a counting key. */
  readonly counts?: BranchCounts
  status(): NonNullable<LiveStatus['cloud']>
  close(): Promise<void>
}

/** Undefined where no cloud is configured. Throws `config.unreadable` when the CA file is not there. */
export function composeCloud(config: Config, box: Box, logger: Logger): CloudLink | undefined {
  const { url, caFile } = config.cloud
  if (url === undefined) return undefined
  const { ledger, clock } = box
  const identityFile = box.folder.file('keys/cloud.pem')
  const identity = loadIdentity(ledger.gatewayId, identityFile)
  const caPem = caFile === undefined ? undefined : readCa(caFile)
  const link = createLink({
    url,
    identity,
    clock,
    certificateTime: box.time.reading,
    ...(caPem === undefined ? {} : { caPem }),
  })
  const random = Math.random
  const common = { link, gatewayId: ledger.gatewayId, clock, random, logger }
  const enrolment = createEnrolment({ config, box, link, identity, logger })
  const backlog = composeBacklog(
    box,
    {
      database: box.folder.database,
      keyDir: box.folder.file('keys'),
      gatewayId: ledger.gatewayId,
      disclosure: config.cloud.disclose,
      url,
      caPem,
      identityFile,
    },
    createLocalCarrier({ source: ledger, link }),
    logger,
  )
  const remindOfErasures = createErasureReminder(box, logger)
  const pusher = createLedgerPusher({
    ...common,
    source: ledger,
    lanes: LANES,
    promptLanes: ['audit'],
    ...(backlog ? { backlogCarrier: backlog } : {}),
    enrol: enrolment.enrol,
    onSetBack: () => {
      remindOfErasures().catch((error: unknown) =>
        logger.error({ error }, 'the cloud core was put back and cannot be told who was erased'),
      )
    },
    limits: { drainPerSecond: config.cloud.drainPerSecond },
    // What waits for the time need not wait for the next round.
    onTime: takeTime(box.time, logger, () => puller?.nudge()),
  })
  const cosigning = createCosigning({
    ...common,
    ledger: {
      ...ledger,
      addCosignatures: async (size, lines) => {
        await enrolment.pinFirst()
        await ledger.addCosignatures(size, lines)
      },
    },
    onSetBack: remindOfErasures,
  })
  const isConnected = () => pusher.status().state === 'connected'
  if (config.cloud.escalate) {
    box.hooks.escalate = createEscalation({
      escalator: createEscalator({ ...common, isConnected }),
      deadlineMs: config.cloud.escalateDeadlineMs,
    })
  }
  const { counts } = config.cloud
  const counting = counts && createBranchCounts({ ...box, ...counts, link })
  if (counts) warnOfUnknown(counts.intents, box, logger)
  let puller: Puller | undefined
  let isClosed = false
  const nudge = () => {
    pusher.nudge()
    puller?.nudge()
  }
  const stopWatching = watchNetwork(nudge)
  pusher.start()
  cosigning.start()
  return {
    pusher,
    startPulling(targets) {
      const store = openReleases(box, logger)
      if (!store) return
      enrolment.whenPinned((publisherKey) => {
        if (isClosed) return
        const time = box.time.reading
        puller = createPuller({ ...common, publisherKey, targets, store, time })
        puller.start()
      })
    },
    nudge,
    setWindow: (isOpen) => {
      pusher.setWindow(isOpen)
      puller?.setWindow(isOpen)
    },
    ...(counting ? { counts: counting } : {}),
    status: () => ({
      ...statusOf(url, pusher),
      witness: witnessOf(cosigning),
      releases: releasesOf(puller),
    }),
    close: async () => {
      isClosed = true
      stopWatching()
      await Promise.all([puller?.close(), cosigning.close(), pusher.close()])
      await backlog?.close()
      link.close()
    },
  }
}

/** A name that is misspelt counts nothing, and a nought looks like a question that nobody asks. */
function warnOfUnknown(intents: readonly string[], { library }: Box, logger: Logger): void {
  const packs = library.list().filter(({ isActive }) => isActive)
  // Before the first pack there is nothing to compare with.
  if (packs.length === 0) return
  const unknown = intents.filter(
    (intent) => !packs.some(({ name, version }) => library.entry({ pack: name, version, intent })),
  )
  if (unknown.length === 0) return
  logger.warn(
    { intents: unknown },
    'no active pack has these intents of cloud.counts.intents: they count 0; kefu-edge doctor says what to do',
  )
}

/** What the core's clock says comes every few seconds; what changes by it is said once. */
function takeTime(time: Box['time'], logger: Logger, onKnown: () => void) {
  let isRefusalSaid = false
  return (coreMs: number, uncertaintyMs: number): void => {
    const wasInDoubt = time.doubt() !== undefined
    const here = new Date(time.now()).toISOString()
    const core = new Date(coreMs).toISOString()
    time.confirm(coreMs, uncertaintyMs).then(
      (isTaken) => {
        if (isTaken && wasInDoubt) {
          logger.info(
            { here, core },
            'the cloud core says what time it is: the time is not in doubt any more',
          )
          onKnown()
        }
        if (!isTaken && !isRefusalSaid) {
          logger.warn(
            { here, core },
            'the cloud core says a time that cannot be by what this box knows, which keeps its own: look at the clock of the core; of that of the box kefu-edge doctor says what to do',
          )
        }
        isRefusalSaid = !isTaken
      },
      (error: unknown) => logger.error({ error }, 'the time cannot be kept'),
    )
  }
}

/** A broken state file stops the pull, not the box: local functions go on. */
function openReleases(box: Box, logger: Logger): PullStore | undefined {
  const folder = box.folder.file('releases')
  try {
    return openPullStore(folder)
  } catch (error) {
    logger.error(
      { error, folder },
      'releases cannot be read; nothing is pulled until the folder is removed and the gateway started anew',
    )
    return undefined
  }
}

type CloudStatus = NonNullable<LiveStatus['cloud']>

function statusOf(url: string, pusher: LedgerPusher): Omit<CloudStatus, 'releases' | 'witness'> {
  const { state, lastEchoAtMs, roundTripMs, lastError } = pusher.status()
  return {
    url,
    state,
    ...(lastEchoAtMs === undefined ? {} : { lastEchoAt: new Date(lastEchoAtMs).toISOString() }),
    ...(roundTripMs === undefined ? {} : { roundTripMs }),
    ...(lastError ? { lastError: `${lastError.code} ${lastError.detail}` } : {}),
  }
}

function releasesOf(puller: Puller | undefined): CloudStatus['releases'] {
  const { releases = [], lastError } = puller?.status() ?? {}
  return {
    notInUse: releases
      .filter(
        ({ kind, phase, code }) =>
          LASTING.has(kind) &&
          (phase === 'refused' || phase === 'rolled-back') &&
          code !== NOTHING_HERE,
      )
      .map(({ kind, name, serial, phase, reason = '' }) => ({
        kind,
        name,
        serial,
        outcome: phase,
        reason,
      })),
    ...(lastError === undefined ? {} : { lastError }),
  }
}

function readCa(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw new GatewayError('config.unreadable', { detail: `cloud.caFile ${file}`, cause })
  }
}
