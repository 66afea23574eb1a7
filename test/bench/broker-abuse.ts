/**
 * One abuser among 500: what the others feel. The 500 stay connected throughout; the flood comes and goes
 * beside them, so that what drifts meanwhile (other work, warm code) drifts for both. The figure is the
 * 99th percentile of half seconds, and the median of those: on a shared machine that stands still for some
 * milliseconds now and then, the percentile of a whole run would tell of the machine.
 */
import { spawnSync } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { connectAsync } from 'mqtt'
import type { BrokerUnderLoad } from './broker-peers.ts'
import { load, type Result } from './load.ts'
import { cpuSeconds, median } from './support.ts'

/** Times that the flood comes; it is away before and after each. */
const FLOODS = Number(process.env.FLOODS ?? 10)
/** Of each stretch with and without it. */
const STRETCH_SECONDS = 3
const SLICE_SECONDS = 0.5
/** Left out at the start of a flood, which may spend what the limits let it save up. */
const SETTLE_SECONDS = 2
/** Left out after one, whose connection another of the same name has taken over by then. */
const CLEAR_SECONDS = 1
/**
 * Broker and the others' load on one core, the flood on the other: what the flooding process does to the
 * machine is not the broker's doing, and between two virtual cores a wake-up takes longer, and less evenly,
 * than an answer. PIN=0 leaves it to the scheduler.
 */
const IS_PINNED = process.env.PIN !== '0'
const CORE = '0'
const FLOOD_CORE = '1'

/** 500 clients at 2 requests a second each. */
const OTHERS = [
  ...['rtt', '--clients', '500', '--rate', '1000', '--responder', '--payload-size', '128'],
  ...['--warmup', '2', '--quiet', '1', '--slice', String(SLICE_SECONDS)],
]
const ABUSER = 'abuser'
/** FLOOD=none: two clients that only stay connected instead, so that the bench's own noise shows. */
const IS_CONTROL = process.env.FLOOD === 'none'
const NAMED = ['--clientid-prefix', ABUSER]
const FLOOD = [
  ...['fanin', '--pubs', '1', '--subs', '1', '--window', '0', '--payload-size', '1024'],
  ...['--topic-prefix', 'abuse', '--warmup', '0', '--quiet', '0', ...NAMED],
]
const floodFor = (seconds: number): readonly string[] =>
  IS_CONTROL
    ? ['idle', '2', '--hold', String(seconds), ...NAMED]
    : [...FLOOD, '--duration', String(seconds)]

/** One stretch of time, by the clock that the load generator uses too. */
interface Stretch {
  readonly fromNs: number
  readonly toNs: number
  readonly isFlooded: boolean
  readonly brokerCpu: number
  readonly floodPerSecond: number
}

export async function abuse(broker: BrokerUnderLoad): Promise<Result> {
  if (IS_PINNED) spawnSync('taskset', ['-acp', CORE, String(broker.pid())])
  const on = (core: string) => (IS_PINNED ? { core } : {})
  const oneSeconds = 2 * STRETCH_SECONDS + SETTLE_SECONDS + CLEAR_SECONDS
  const allSeconds = (FLOODS + 1) * oneSeconds + FLOODS + 4
  const others = load(broker, [...OTHERS, '--duration', String(allSeconds)], on(CORE))
  await sleep(3000)
  const stretches = [await stretch(broker, CLEAR_SECONDS)]
  for (let at = 0; at < FLOODS; at++) {
    const seconds = STRETCH_SECONDS + SETTLE_SECONDS + 0.5
    const flood = load(broker, floodFor(seconds), on(FLOOD_CORE))
    const beside = await stretch(broker, SETTLE_SECONDS)
    const floodPerSecond = Number((await flood).delivered_per_s ?? 0)
    await dropWhatLiesAhead(broker)
    stretches.push(
      { ...beside, isFlooded: true, floodPerSecond },
      await stretch(broker, CLEAR_SECONDS),
    )
  }
  return figures(await others, stretches)
}

/**
 * What a flood wrote ahead lies in the kernel's buffers, megabytes of it, and a broker that holds it back would
 * read it for a minute yet. Who connects by its name takes its connection over, and with it all that.
 */
async function dropWhatLiesAhead(broker: BrokerUnderLoad): Promise<void> {
  const options = { clientId: `${ABUSER}-p0`, reconnectPeriod: 0 }
  const successor = await connectAsync(`mqtt://127.0.0.1:${broker.port()}`, options)
  await successor.endAsync()
}

async function stretch(broker: BrokerUnderLoad, settleSeconds: number): Promise<Stretch> {
  await sleep(settleSeconds * 1000)
  const fromNs = Number(process.hrtime.bigint())
  const cpu = cpuSeconds(broker.pid())
  await sleep(STRETCH_SECONDS * 1000)
  const toNs = Number(process.hrtime.bigint())
  const brokerCpu = cpuSeconds(broker.pid()) - cpu
  return { fromNs, toNs, isFlooded: false, brokerCpu, floodPerSecond: 0 }
}

function figures(others: Result, stretches: readonly Stretch[]): Result {
  const slices = others.slice_p99_us
  if (!Array.isArray(slices)) throw new Error('the load generator reported no slices')
  const [beside, alone] = [true, false].map((isFlooded) => {
    const chosen = stretches.filter((one) => one.isFlooded === isFlooded)
    const p99 = chosen.flatMap((one) => slicesWithin(one, slices, Number(others.slices_from_ns)))
    return { chosen, p99 }
  })
  if (beside === undefined || alone === undefined) throw new Error('unreachable')
  const [aloneUs, besideUs] = [median(alone.p99), median(beside.p99)]
  const cpu = (of: typeof beside): number => median(of.chosen.map((one) => one.brokerCpu))
  return {
    p99_alone_us: aloneUs,
    p99_abused_us: besideUs,
    p99_change_percent: Number(((besideUs / aloneUs - 1) * 100).toFixed(1)),
    p99_alone_quartiles_us: quartiles(alone.p99),
    p99_abused_quartiles_us: quartiles(beside.p99),
    half_seconds: `${alone.p99.length}+${beside.p99.length}`,
    qps: others.qps,
    flood_per_s: median(beside.chosen.map((one) => one.floodPerSecond)),
    cpu_alone_percent: Number(((cpu(alone) / STRETCH_SECONDS) * 100).toFixed(1)),
    cpu_abused_percent: Number(((cpu(beside) / STRETCH_SECONDS) * 100).toFixed(1)),
  }
}

/** The half seconds that lie wholly within a stretch. */
function slicesWithin(stretch: Stretch, slices: readonly number[], startNs: number): number[] {
  const lengthNs = SLICE_SECONDS * 1e9
  return slices.filter((_, at) => {
    const fromNs = startNs + at * lengthNs
    return fromNs >= stretch.fromNs && fromNs + lengthNs <= stretch.toNs
  })
}

function quartiles(values: readonly number[]): string {
  const sorted = [...values].sort((a, b) => a - b)
  return [0.25, 0.75].map((share) => sorted[Math.floor(sorted.length * share)]).join('-')
}
