/** One round: a site under load, one fault, its repair, and what is left. */
import { join } from 'node:path'
import { randomFrom } from '../ledger-rounds.ts'
import { startLoad } from './devices.ts'
import type { Fault } from './faults.ts'
import { type Findings, judge, startSampling } from './judge.ts'
import { pause, until } from './program.ts'
import { isDrained, openSite, readBalance, type Site, type Template } from './site.ts'

export interface RoundReport extends Findings {
  readonly fault: string
  readonly seed: number
  readonly unbalanced: number
  readonly samples: number
  readonly refused: number
  readonly answersLost: number
  /** Entries that were not at the core long after the repair. */
  readonly notDelivered: number
  /** A program that ended of itself, or would not end. */
  readonly ended: number
  readonly seconds: number
}

/** Backoff after a fault of a second stays below a few seconds; busy machines take longer. */
const DRAIN_TIMEOUT_MS = 45_000
const SAMPLE_EVERY_MS = 120

/** Throws only where the harness itself cannot go on. */
export async function runRound(
  template: Template,
  fault: Fault,
  seed: number,
  folder: string,
): Promise<RoundReport> {
  const startedAt = performance.now()
  const random = randomFrom(seed)
  const site = await openSite(template, join(folder, `round-${seed}`))
  try {
    await site.startCore()
    await site.startGateway()
    const load = startLoad(site, randomFrom(seed + 1), `r${seed}`)
    const sampling = startSampling(site, SAMPLE_EVERY_MS)
    await pause(100 + random() * 400)
    await fault.inject(site, random)
    await pause(100 + random() * 200)
    await load.stop()
    const waiting = await waitUntilDrained(site)
    const books = await sampling.stop()
    const ended = endedAlone(site)
    const found = await judge(site, load.acknowledged)
    const details = [...found.details, ...books.details, ...waiting, ...ended]
    const exitCode = await site.stop()
    if (exitCode !== 0) details.push(`the gateway ended with ${exitCode}`)
    return {
      ...found,
      changed: found.changed + load.changed(),
      fault: fault.name,
      seed,
      unbalanced: books.unbalanced,
      samples: books.samples,
      refused: load.refused(),
      answersLost: site.link.answersLost(),
      notDelivered: waiting.length,
      ended: ended.length + (exitCode === 0 ? 0 : 1),
      seconds: (performance.now() - startedAt) / 1000,
      details,
    }
  } finally {
    await site.remove()
  }
}

async function waitUntilDrained(site: Site): Promise<string[]> {
  const isDone = await until(DRAIN_TIMEOUT_MS, async () => (await isDrained(site)) || undefined)
  if (isDone) return []
  return [`not delivered after ${DRAIN_TIMEOUT_MS} ms: ${JSON.stringify(await readBalance(site))}`]
}

function endedAlone(site: Site): string[] {
  return [site.gateway(), site.core()].flatMap((program) =>
    program?.isGone() ? [`a program ended of itself: ${program.lastWords()}`] : [],
  )
}
