/** The doctor's look into the database: is it whole, is the knowledge fresh, do devices come, is the record signed. */
import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { topicOf } from '@kefu-edge/device-sdk/protocol/topics'
import { parse } from 'yaml'
import type { Config } from '../config/schema.ts'
import { createRegistry } from '../devices/registry.ts'
import { GatewayError, toProblem } from '../errors.ts'
import type { FactsFile, Pack } from '../knowledge/pack-schema.ts'
import { createPackStore } from '../knowledge/pack-store.ts'
import { newestCheckpoint } from '../ledger/checkpoints.ts'
import { lastForkMs } from '../ledger/forks.ts'
import { laneLimitsOf } from '../ledger/lane-limits.ts'
import { balanceFromDatabase, unbalanced } from '../ledger/lanes.ts'
import { unnotedEnds } from '../ledger/lost-ends.ts'
import { unhandledByLane } from '../ledger/quarantine.ts'
import { savedTime } from '../ledger/time-floor.ts'
import { treeSize } from '../ledger/tree.ts'
import { packagePath } from '../paths.ts'
import { openStore, type Store } from '../storage/store.ts'
import { bad, ok, type Verdict, warn } from './finding.ts'

const DAY_MS = 86_400_000
const MINUTE_MS = 60_000
/** Time for somebody to look at an entry before it falls silent. */
const EXPIRING_DAYS = 14
/** A weekend and a holiday pass without anybody at a counter. */
const AWAY_DAYS = 7
/** The schedule signs every minute; ten missed are a fault. */
const UNSIGNED_WARN_MINUTES = 10
const LANE_WARN_PERCENT = 50
const LANE_BAD_PERCENT = 90
/** Of the facts that came with a pack: at half of them nobody has put in the site's own. */
const EXAMPLES_SHARE = 0.5
const NAMES_SHOWN = 5
/** Time for somebody to look for the second box. */
const FORKED_SAID_DAYS = 14

export interface RecordView {
  readonly verdicts: readonly Verdict[]
  /** As the box last kept it. */
  readonly time?: { readonly floorMs: number; readonly provenMs: number }
}

/** Reads only; works beside a running gateway. */
export async function checkRecord(
  config: Config,
  nowMs: number,
  isRunning: boolean,
): Promise<RecordView> {
  const path = join(config.dataDir, 'kefu.db')
  if (!existsSync(path)) return { verdicts: [ok('database', {}, 'none')] }
  let store: Store
  try {
    store = openStore({ path, readonly: true })
  } catch (error) {
    const problem = toProblem(error)
    const detail = error instanceof GatewayError ? error.message : String(error)
    return { verdicts: [bad('database', 'unreadable', { detail, next: problem.detail })] }
  }
  try {
    const whole = checkDatabase(store, path)
    if (whole.level === 'bad') return { verdicts: [whole] }
    const time = savedTime(store)
    const packs = createPackStore(store).active()
    const verdicts = [
      whole,
      ...checkPacks(packs, nowMs),
      ...checkCounts(packs, config),
      ...checkDevices(store, nowMs),
      ...checkLanes(store, config, nowMs),
      checkSignature(store, nowMs, isRunning),
    ]
    return { verdicts, ...(time ? { time } : {}) }
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error)
    return { verdicts: [bad('database', 'damaged', { detail })] }
  } finally {
    await store.close()
  }
}

function checkDatabase(store: Store, path: string): Verdict {
  const startedAt = performance.now()
  const [row] = store.prepare<{ quick_check: string }>('PRAGMA quick_check(1)').all()
  if (row?.quick_check !== 'ok') {
    return bad('database', 'damaged', { detail: row?.quick_check ?? 'quick_check' })
  }
  const ms = Math.round(performance.now() - startedAt)
  return ok('database', { size: (statSync(path).size / 1e6).toFixed(1), ms })
}

export function checkPacks(packs: readonly Pack[], nowMs: number): Verdict[] {
  if (packs.length === 0) return [bad('packs', 'none')]
  const found = packs.flatMap((pack) => [
    ...checkDates(pack, nowMs),
    ...checkExamples(pack),
    ...checkVersion(pack),
  ])
  const names = packs.map(({ manifest }) => `${manifest.pack} ${manifest.version}`).join(', ')
  return found.length > 0 ? found : [ok('packs', { packs: names })]
}

function checkDates({ manifest, intents }: Pack, nowMs: number): Verdict[] {
  const untilMs = (date: string | undefined) =>
    date === undefined ? Number.POSITIVE_INFINITY : Date.parse(`${date}T23:59:59`)
  const pack = manifest.pack
  const expired = intents.filter((intent) => untilMs(intent.valid?.until) < nowMs)
  const expiring = intents.filter((intent) => {
    const until = untilMs(intent.valid?.until)
    return until >= nowMs && until < nowMs + EXPIRING_DAYS * DAY_MS
  })
  const said = (list: typeof intents) => shortList(list.map((intent) => intent.intent))
  return [
    ...(expired.length > 0
      ? [warn('packs', 'expired', { pack, count: expired.length, names: said(expired) })]
      : []),
    ...(expiring.length > 0
      ? [
          warn('packs', 'expiring', {
            pack,
            count: expiring.length,
            days: EXPIRING_DAYS,
            names: said(expiring),
          }),
        ]
      : []),
  ]
}

/** A pack that came with the box says made-up hours and telephones until a site puts in its own. */
function checkExamples({ manifest, facts }: Pack): Verdict[] {
  const path = packagePath(`packs/${manifest.pack}/facts.yaml`)
  if (!existsSync(path)) return []
  const shipped = (parse(readFileSync(path, 'utf8')) as FactsFile).facts
  const names = Object.keys(facts)
  const same = names.filter((name) => JSON.stringify(facts[name]) === JSON.stringify(shipped[name]))
  if (names.length === 0 || same.length < names.length * EXAMPLES_SHARE) return []
  return [
    warn('packs', 'examples', { pack: manifest.pack, count: same.length, total: names.length }),
  ]
}

/** A box keeps the pack that it has when the program is renewed: what was learnt of emergencies since is in the other. */
function checkVersion({ manifest: { pack, version: here } }: Pack): Verdict[] {
  const path = packagePath(`packs/${pack}/pack.yaml`)
  if (!existsSync(path)) return []
  const { version: came } = parse(readFileSync(path, 'utf8')) as { readonly version: string }
  const isNewer = came.localeCompare(here, 'en', { numeric: true }) > 0
  const dir = packagePath(`packs/${pack}`)
  return isNewer ? [warn('packs', 'newer-came', { pack, here, came, dir })] : []
}

/** A name that is misspelt counts nothing, and a nought looks like a question that nobody asks. */
function checkCounts(packs: readonly Pack[], { cloud }: Config): Verdict[] {
  if (!cloud.counts || packs.length === 0) return []
  const known = new Set(packs.flatMap(({ intents }) => intents.map(({ intent }) => intent)))
  const names = cloud.counts.intents.filter((intent) => !known.has(intent))
  return names.length === 0 ? [] : [warn('counts', 'unknown', { names: shortList(names) })]
}

function checkDevices(store: Store, nowMs: number): Verdict[] {
  const devices = createRegistry(store)
    .list()
    .filter((device) => !device.isDisabled)
  if (devices.length === 0) return [warn('devices', 'none')]
  const presence = store.prepare<{ payload: Uint8Array }>(
    'SELECT payload FROM mqtt_retained WHERE topic = ?',
  )
  const away: string[] = []
  const never: string[] = []
  for (const { id, createdAtMs } of devices) {
    const row = presence.get(topicOf(id, 'presence'))
    const seen = row && readPresence(row.payload)
    if (!seen && nowMs - createdAtMs > DAY_MS) never.push(id)
    if (seen && !seen.online && nowMs - seen.sinceMs > AWAY_DAYS * DAY_MS) away.push(id)
  }
  const found = [
    ...(away.length > 0
      ? [warn('devices', 'away', { count: away.length, days: AWAY_DAYS, names: shortList(away) })]
      : []),
    ...(never.length > 0
      ? [warn('devices', 'never', { count: never.length, names: shortList(never) })]
      : []),
  ]
  return found.length > 0 ? found : [ok('devices', { count: devices.length })]
}

function readPresence(payload: Uint8Array): { online: boolean; sinceMs: number } | undefined {
  try {
    const { online, since } = JSON.parse(Buffer.from(payload).toString('utf8')) as {
      online?: unknown
      since?: unknown
    }
    return { online: online === true, sinceMs: Date.parse(String(since)) }
  } catch {
    return undefined
  }
}

function checkLanes(store: Store, config: Config, nowMs: number): Verdict[] {
  const lanes = balanceFromDatabase(store)
  const limits = laneLimitsOf(config.limits)
  const hasCore = config.cloud.url !== undefined
  const found: Verdict[] = unbalanced(lanes).map(({ lane }) =>
    bad('ledger', 'unbalanced', { lane }),
  )
  for (const { lane, pending } of lanes) {
    const { maxPending, whenFull } = limits[lane]
    const percent = Math.floor((pending * 100) / maxPending)
    // A lane that lets its oldest go, as all do where nobody comes for them, is full by design.
    if (hasCore && whenFull === 'refuse' && percent >= LANE_WARN_PERCENT) {
      const say = percent >= LANE_BAD_PERCENT ? bad : warn
      found.push(say('ledger', 'full', { lane, percent, pending }))
    }
  }
  for (const [lane, count] of unhandledByLane(store)) {
    found.push(warn('ledger', 'quarantined', { lane, count }))
  }
  for (const { index, epoch, atMs, erasuresLostSince: since } of unnotedEnds(store)) {
    const at = new Date(atMs).toISOString()
    found.push(
      since === undefined
        ? warn('ledger', 'end-missing', { index, epoch, at })
        : warn('ledger', 'erasures-lost', { since, epoch }),
    )
  }
  const forkedAtMs = lastForkMs(store)
  if (forkedAtMs !== undefined && nowMs - forkedAtMs < FORKED_SAID_DAYS * DAY_MS) {
    found.push(warn('ledger', 'forked', { at: new Date(forkedAtMs).toISOString() }))
  }
  if (found.length > 0) return found
  const pending = lanes.reduce((sum, lane) => sum + lane.pending, 0)
  const entries = treeSize(store)
  return [hasCore ? ok('ledger', { entries, pending }) : ok('ledger', { entries }, 'alone')]
}

function checkSignature(store: Store, nowMs: number, isRunning: boolean): Verdict {
  const size = treeSize(store)
  if (size === 0) return ok('checkpoint', {}, 'none')
  const newest = newestCheckpoint(store)
  const unsigned = size - (newest?.size ?? 0)
  const minutes = newest ? Math.floor((nowMs - newest.atMs) / MINUTE_MS) : UNSIGNED_WARN_MINUTES
  if (isRunning && unsigned > 0 && minutes > UNSIGNED_WARN_MINUTES) {
    return warn('checkpoint', 'old', { unsigned, minutes })
  }
  return ok('checkpoint', { size: newest?.size ?? 0 })
}

function shortList(names: readonly string[]): string {
  const shown = names.slice(0, NAMES_SHOWN).join(', ')
  return names.length > NAMES_SHOWN ? `${shown} …` : shown
}
