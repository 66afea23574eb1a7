/**
 * npm run bench:broker: the MQTT broker beside Debian's Mosquitto, in turn within each round, every
 * run on a freshly started broker. Prints a table and one JSON line a scenario. Three rounds take about
 * eight minutes.
 *
 *   ROUNDS=5 SECONDS=2 SCENARIOS='fanin.*|kill' npm run bench:broker
 *
 * Compare CPU per message and the ratios within a round: load and broker share the machine, so that
 * what goes through in a second swings with whatever else runs there. PROFILE=DIR leaves CPU profiles
 * of the gateway. CONNECTIONS is what `idle` holds; broker and load generator each need as many open files.
 */
import { type BrokerUnderLoad, createPeers, type Peer } from './broker-peers.ts'
import { pickScenarios, type Scenario } from './broker-scenarios.ts'
import type { Result } from './load.ts'
import { machine, median, table } from './support.ts'

const ROUNDS = Number(process.env.ROUNDS ?? 3)
/** Ours is measured against this one. */
const REFERENCE = 'mosquitto'

interface Run extends Result {
  readonly scenario: string
  readonly peer: string
  readonly round: number
}

async function runOnce(peer: Peer, scenario: Scenario): Promise<Result> {
  let broker: BrokerUnderLoad | undefined
  try {
    broker = await peer.start(scenario.needs)
    return await scenario.run(broker)
  } finally {
    await broker?.remove()
  }
}

/** Median over the rounds of one figure; undefined where no run has it. */
function medianOf(runs: readonly Run[], figure: string): number | undefined {
  const values = runs.map((run) => run[figure]).filter((value) => typeof value === 'number')
  return values.length === 0 ? undefined : median(values)
}

/** Work per CPU second against the reference, paired within each round. */
function workRatio(runs: readonly Run[], reference: readonly Run[]): number | undefined {
  const ratios = runs.flatMap((run) => {
    const other = reference.find((one) => one.round === run.round)
    const [mine, theirs] = [cpuOf(run), other && cpuOf(other)]
    return mine && theirs ? [theirs / mine] : []
  })
  return ratios.length === 0 ? undefined : median(ratios)
}

const cpuOf = (run: Result): number | undefined => {
  const value = run.broker_cpu_us_per_msg ?? run.broker_cpu_us_per_connect
  return typeof value === 'number' ? value : undefined
}

const short = (value: number | undefined): string =>
  value === undefined ? '–' : String(value >= 100 ? Math.round(value) : Number(value.toFixed(2)))

async function main(): Promise<void> {
  const scenarios = pickScenarios()
  const runs: Run[] = []
  const { peers, missing } = await createPeers()
  for (const name of missing) console.error(`not installed, left out: ${name}`)
  for (let round = 1; round <= ROUNDS; round++) {
    for (const scenario of scenarios) {
      for (const peer of peers.filter((one) => scenario.isFor(one))) {
        const result = await runOnce(peer, scenario)
        runs.push({ round, scenario: scenario.name, peer: peer.name, ...result })
        console.error(round, scenario.name, peer.name, JSON.stringify(result))
      }
    }
  }
  console.log(`${machine()}; median of ${ROUNDS} rounds, peers in turn\n`)
  for (const scenario of scenarios) report(scenario, runs)
}

function report(scenario: Scenario, runs: readonly Run[]): void {
  const all = runs.filter((run) => run.scenario === scenario.name)
  const reference = all.filter((run) => run.peer === REFERENCE)
  const names = [...new Set(all.map((run) => run.peer))]
  const rows = names.map((peer) => {
    const mine = all.filter((run) => run.peer === peer)
    const figures = scenario.figures.map((figure) => medianOf(mine, figure))
    return { peer, figures, ratio: workRatio(mine, reference) }
  })
  console.log(`**${scenario.name}**: ${scenario.what}\n`)
  console.log(
    table(
      ['peer', ...scenario.figures, `work per CPU second / ${REFERENCE}`],
      rows.map(({ peer, figures, ratio }) => [peer, ...figures.map(short), short(ratio)]),
    ),
  )
  const line = rows.map(({ peer, figures, ratio }) => ({
    peer,
    ...Object.fromEntries(scenario.figures.map((figure, at) => [figure, figures[at]])),
    ...(ratio === undefined ? {} : { workPerCpuSecond: Number(ratio.toFixed(2)) }),
  }))
  console.log(`\n${JSON.stringify({ scenario: scenario.name, rounds: ROUNDS, peers: line })}\n`)
}

await main()
