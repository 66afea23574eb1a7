/** Many copies of a scenario side by side: a ward, a branch, a chain of shops. */
import { randomFor } from './random.ts'
import { type RunOptions, type RunResult, runScenario } from './run-scenario.ts'
import type { Scenario } from './scenario.ts'

/** Copies start within this time of each other, as people do. */
const START_SPREAD_MS = 1_000
export const FLEET_MAX = 1_000

export interface FleetResult {
  readonly ok: boolean
  readonly copies: number
  readonly asks: number
  readonly answered: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly failures: readonly string[]
}

/** The scenario with every device id made its own: `kiosk-1` of copy 3 is `kiosk-1-003`. */
export function copyOf(scenario: Scenario, number: number): Scenario {
  const suffix = `-${String(number).padStart(3, '0')}`
  return {
    ...scenario,
    devices: scenario.devices.map((device) => ({
      ...device,
      ...(device.subject === undefined
        ? {}
        : { subject: { ...device.subject, id: device.subject.id + suffix } }),
    })),
  }
}

/** Runs `copies` of the scenario at once; copy n draws from seed + n. */
export async function runFleet(options: RunOptions, copies: number): Promise<FleetResult> {
  const seed = options.seed ?? options.scenario.seed ?? 1
  const start = randomFor(seed, 'fleet')
  const runs = Array.from({ length: copies }, async (_, index) => {
    const delayMs = start() * START_SPREAD_MS
    await new Promise((resolve) => setTimeout(resolve, delayMs))
    const suffix = `-${String(index + 1).padStart(3, '0')}`
    return runScenario({
      ...options,
      scenario: copyOf(options.scenario, index + 1),
      seed: seed + index,
      credentials: (device) => options.credentials({ ...device, id: device.id + suffix }),
    })
  })
  return summary(await Promise.all(runs))
}

function summary(results: readonly RunResult[]): FleetResult {
  const latenciesMs = results.flatMap((r) => r.latenciesMs).sort((a, b) => a - b)
  const at = (share: number) => latenciesMs[Math.floor((latenciesMs.length - 1) * share)] ?? 0
  const sum = (of: (r: RunResult) => number) => results.reduce((total, r) => total + of(r), 0)
  return {
    ok: results.every((r) => r.ok),
    copies: results.length,
    asks: sum((r) => r.asks),
    answered: sum((r) => r.answered),
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    failures: results.flatMap((r) => r.failures),
  }
}
