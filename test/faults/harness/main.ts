/**
 * `npm run faults`: breaks a real site in seeded ways and looks whether a promise broke with it.
 * The built gateway and core run as processes; exit code 0 all held, 1 a promise broke, 2 used wrong.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { Fault } from './fault.ts'
import { FAULTS } from './faults.ts'
import { type RoundReport, runRound } from './round.ts'
import { buildShim } from './shim.ts'
import { makeTemplate } from './site.ts'
import { canMount } from './small-disk.ts'
import { brokenIn, createTally, hasHeld } from './tally.ts'

const DEVICES = 8
const DEFAULT_ROUNDS = 20

const USAGE = `npm run faults -- [--rounds N] [--seed S] [--only NAME] [--json]
  --rounds N    rounds to run, one fault each, in turn (default ${DEFAULT_ROUNDS})
  --seed S      seed of the first round; each next one has the next seed (default: of the time)
  --only NAME   this fault in every round; may be repeated
  --json        nothing but one JSON line a round and one of the sum
Again alone: the seed and the name of a round with --rounds 1.
Faults:
${FAULTS.map((fault) => `  ${fault.name.padEnd(18)} ${fault.what}`).join('\n')}
`

interface Arguments {
  readonly rounds: number
  readonly seed: number
  readonly faults: readonly Fault[]
  readonly isJson: boolean
}

function readArguments(): Arguments | undefined {
  try {
    const { values } = parseArgs({
      options: {
        rounds: { type: 'string', default: String(DEFAULT_ROUNDS) },
        seed: { type: 'string', default: String(Math.floor(Date.now() / 1000) % 1_000_000) },
        only: { type: 'string', multiple: true, default: [] },
        json: { type: 'boolean', default: false },
      },
    })
    const rounds = Number(values.rounds)
    const seed = Number(values.seed)
    const faults = values.only.length
      ? FAULTS.filter(({ name }) => values.only.includes(name))
      : FAULTS
    const isKnown = values.only.every((name) => FAULTS.some((fault) => fault.name === name))
    const areNumbers = [rounds, seed].every((one) => Number.isSafeInteger(one) && one >= 0)
    if (!areNumbers || rounds === 0 || !isKnown) return undefined
    return { rounds, seed, faults, isJson: values.json }
  } catch {
    return undefined
  }
}

async function main(): Promise<number> {
  const given = readArguments()
  if (!given) {
    process.stderr.write(USAGE)
    return 2
  }
  const folder = mkdtempSync(join(tmpdir(), 'kefu-faults-'))
  try {
    const library = buildShim(folder)
    const hasDisk = canMount(join(folder, 'disk'))
    const isPossible = ({ needs }: Fault) =>
      needs === 'library' ? library !== undefined : needs !== 'disk' || hasDisk
    const faults = given.faults.filter(isPossible)
    const skipped = given.faults.filter((fault) => !isPossible(fault)).map(({ name }) => name)
    if (skipped.length > 0) {
      process.stderr.write(
        `Not possible here: ${skipped.join(', ')} (needs Linux, cc; disk-full needs root)\n`,
      )
    }
    if (faults.length === 0) return 2
    const template = await makeTemplate(join(folder, 'template'), DEVICES)
    const tally = createTally(skipped)
    let isStopped = false
    // The round goes on to its end, so that nothing is left running or mounted.
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.on(signal, () => {
        isStopped = true
      })
    }
    for (let n = 0; n < given.rounds && !isStopped; n++) {
      const fault = faults[n % faults.length]
      if (!fault) continue
      const report = await runRound({ template, folder, library }, fault, given.seed + n)
      tally.add(report)
      say(report, n, given.isJson)
    }
    const sum = tally.sum()
    process.stdout.write(`${JSON.stringify(sum)}\n`)
    return hasHeld(sum) ? 0 : 1
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function say(report: RoundReport, n: number, isJson: boolean): void {
  if (isJson) {
    process.stdout.write(`${JSON.stringify(report)}\n`)
    return
  }
  const { fault, seed, acknowledged, refused, bites, seconds, details } = report
  const verdict = brokenIn(report) === 0 ? 'held' : 'BROKEN'
  process.stdout.write(
    `${String(n + 1).padStart(5)}  ${verdict}  --only ${fault.padEnd(18)} --seed ${seed}  acknowledged ${acknowledged}, refused ${refused}, bit ${bites}, ${seconds.toFixed(1)} s\n`,
  )
  for (const line of details) process.stdout.write(`       ${line}\n`)
}

process.exitCode = await main()
