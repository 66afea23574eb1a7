/** One round: a site under load, one fault, its repair, and what is left. */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { randomFrom } from '../seeded-random.ts'
import { flipBits } from './bit-flips.ts'
import { compareBooks, startSampling } from './books.ts'
import { startLoad } from './devices.ts'
import type { Fault } from './fault.ts'
import { type Findings, judge } from './judge.ts'
import { pause, until } from './program.ts'
import { isDrained, openSite, readBalance, type Site, type Template } from './site.ts'
import { mountSmallDisk, unmountSmallDisk } from './small-disk.ts'

export interface RoundReport extends Findings {
  readonly fault: string
  readonly seed: number
  readonly unbalanced: number
  /** Looks at the books on the metrics page, in the database, and at a database that was not readable. */
  readonly samples: number
  readonly databaseSamples: number
  readonly unreadable: number
  /** How often the fault took effect, and whether it may do so in no single round. */
  readonly bites: number
  readonly mayMiss: boolean
  /** Counts that say nothing, as nothing was counted: 0 acknowledged, 0 looks, 0 flips. */
  readonly blind: number
  /** A thread was to fold the log from the first pages on, and did. */
  readonly folding: number
  readonly folded: number
  readonly refused: number
  readonly refusals: Readonly<Record<string, number>>
  readonly answersLost: number
  /** Entries that were not at the core long after the repair. */
  readonly notDelivered: number
  /** A program that ended of itself, or would not end. */
  readonly ended: number
  /** Silent where it must refuse aloud, refusing without need, or deaf after the repair. */
  readonly stuck: number
  readonly bitFlips: number
  readonly bitFlipsFound: number
  readonly seconds: number
}

/** Twice the longest wait of the backoff, and more: on a starved machine a short fault makes many attempts fail. */
const DRAIN_TIMEOUT_MS = 150_000
/** In the rounds of other faults. */
const FEW_FLIPS = 5
const SAMPLE_EVERY_MS = 120
/** Of all rounds; in the others SQLite folds the log itself, as in a box that is asked now and then. */
const FOLDING_SHARE = 0.5

export interface Workshop {
  readonly template: Template
  /** Where rounds have their folders. */
  readonly folder: string
  /** The preloaded library; undefined where it cannot be built. */
  readonly library: string | undefined
}

/** A program that does not start again after the fault is a finding too, so this does not reject for it. */
export async function runRound(
  workshop: Workshop,
  fault: Fault,
  seed: number,
): Promise<RoundReport> {
  const folder = join(workshop.folder, `round-${seed}`)
  if (fault.needs === 'disk') mountSmallDisk(folder)
  try {
    const library = fault.needs === 'library' ? workshop.library : undefined
    const isFolding = randomFrom(seed + 2)() < FOLDING_SHARE
    const site = await openSite(workshop.template, folder, { library, isFolding })
    try {
      const report = await runOn(site, fault, seed)
      return { ...report, folding: isFolding ? 1 : 0, folded: site.hasFolded() ? 1 : 0 }
    } catch (error) {
      const why = error instanceof Error ? (error.stack ?? error.message) : String(error)
      return {
        ...NOTHING_FOUND,
        mayMiss: fault.mayMiss ?? false,
        fault: fault.name,
        seed,
        folding: isFolding ? 1 : 0,
        ended: 1,
        details: [why],
      }
    } finally {
      await site.close()
    }
  } finally {
    if (fault.needs === 'disk') unmountSmallDisk(folder)
    rmSync(folder, { recursive: true, force: true })
  }
}

async function runOn(
  site: Site,
  fault: Fault,
  seed: number,
): Promise<Omit<RoundReport, 'folding' | 'folded'>> {
  const startedAt = performance.now()
  const random = randomFrom(seed)
  await Promise.all([site.startCore(), site.startGateway()])
  const load = startLoad(site, randomFrom(seed + 1), `r${seed}`)
  const sampling = startSampling(site, SAMPLE_EVERY_MS)
  await pause(100 + random() * 400)
  let bites = 0
  const bit = (times: number) => {
    bites += times
  }
  const erased = new Map<string, ReadonlySet<string>>()
  const broke = await fault.inject({ site, random, load, bit, erased })
  await pause(100 + random() * 200)
  await load.stop()
  const waiting = await waitUntilDrained(site)
  const books = await sampling.stop()
  const different = await compareBooks(site)
  const ended = [...endedAlone(site), ...broke.filter((line) => line.startsWith('ended'))]
  const found = await judge(site, load.acknowledged, {
    isRestoring: fault.isRestoring ?? false,
    erased,
  })
  const exitCode = await site.stop()
  if (exitCode !== 0) ended.push(`ended: the gateway stopped with ${exitCode}`)
  const flipped = await flipBits(site.gatewayDir, fault.flips ?? FEW_FLIPS, random)
  const stuck = broke.filter((line) => line.startsWith('stuck'))
  const needless = Object.keys(load.refusals()).filter((code) => !fault.mayRefuse?.(code))
  if (needless.length > 0) {
    stuck.push(`stuck: refused without need: ${JSON.stringify(load.refusals())}`)
  }
  const { samples, databaseSamples, unreadable } = books
  const { acknowledged } = found
  const blind = blindOf({ acknowledged, samples, databaseSamples, bitFlips: flipped.bitFlips })
  return {
    ...found,
    changed: found.changed + load.changed(),
    fault: fault.name,
    seed,
    unbalanced: books.unbalanced + different.length,
    samples,
    databaseSamples,
    unreadable,
    bites,
    mayMiss: fault.mayMiss ?? false,
    blind: blind.length,
    refused: load.refused(),
    refusals: load.refusals(),
    answersLost: site.link.answersLost(),
    notDelivered: waiting.length,
    ended: ended.length,
    stuck: stuck.length,
    bitFlips: flipped.bitFlips,
    bitFlipsFound: flipped.bitFlipsFound,
    seconds: (performance.now() - startedAt) / 1000,
    details: [
      ...found.details,
      ...books.details,
      ...different,
      ...blind,
      ...waiting,
      ...ended,
      ...stuck,
      ...flipped.details,
    ],
  }
}

export const NOTHING_FOUND: Omit<RoundReport, 'fault' | 'seed'> = {
  acknowledged: 0,
  lost: 0,
  changed: 0,
  doubled: 0,
  coreWrong: 0,
  notWhole: 0,
  unbalanced: 0,
  samples: 0,
  databaseSamples: 0,
  unreadable: 0,
  bites: 0,
  mayMiss: false,
  blind: 0,
  folding: 0,
  folded: 0,
  refused: 0,
  refusals: {},
  answersLost: 0,
  notDelivered: 0,
  ended: 0,
  stuck: 0,
  bitFlips: 0,
  bitFlipsFound: 0,
  seconds: 0,
  details: [],
}

/** In words, which of these nothing was counted of. */
export const blindOf = (counts: Readonly<Record<string, number>>): string[] =>
  Object.entries(counts).flatMap(([name, count]) =>
    count > 0 ? [] : [`blind: ${name} is 0, so the round shows nothing of it`],
  )

async function waitUntilDrained(site: Site): Promise<string[]> {
  const isDone = await until(DRAIN_TIMEOUT_MS, async () => (await isDrained(site)) || undefined)
  if (isDone) return []
  return [`not delivered after ${DRAIN_TIMEOUT_MS} ms: ${JSON.stringify(await readBalance(site))}`]
}

function endedAlone(site: Site): string[] {
  return [site.gateway(), site.core()].flatMap((program) =>
    program?.isGone() ? [`ended: a program ended of itself: ${program.lastWords()}`] : [],
  )
}
