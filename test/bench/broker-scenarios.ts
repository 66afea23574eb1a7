/** What bench:broker has each broker do. The load comes from mqttload, which knows no broker. */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { BrokerUnderLoad, Needs, Peer } from './broker-peers.ts'
import { buildLoadGenerator, cpuSeconds, scratchFolder } from './support.ts'

/** One run: figures by name, as mqttload calls them. */
export interface Result {
  readonly [figure: string]: number | string | undefined
}

export interface Scenario {
  readonly name: string
  readonly what: string
  readonly needs: Needs
  readonly figures: readonly string[]
  isFor(peer: Peer): boolean
  run(broker: BrokerUnderLoad): Promise<Result>
}

const SECONDS = process.env.SECONDS ?? '2'
/** Within 20,000 open files; half of them belong to the load generator. */
const CONNECTIONS = process.env.CONNECTIONS ?? '5000'
/** Published before the kill in most runs: several times what a window holds. */
const KILL_AFTER_MS = 700
/** A run that hangs is cut; the longest good one takes half of that. */
const LOAD_DEADLINE_MS = 120_000
const PAYLOAD = ['--payload-size', '128']
const TIMED = [...PAYLOAD, '--duration', SECONDS, '--warmup', '0.5', '--quiet', '1']
/** 10 sessions at QoS 1 that are away while the messages come. */
const KEPT = [...PAYLOAD, '--subs', '10', '--window', '20']

const mqttload = buildLoadGenerator()

function load(broker: BrokerUnderLoad, args: readonly string[]): Promise<Result> {
  const to = ['--port', String(broker.port()), '--pid', String(broker.pid())]
  return new Promise((resolve, reject) => {
    const child = spawn(mqttload, [...args, ...to], { stdio: ['ignore', 'pipe', 'pipe'] })
    const timer = setTimeout(() => child.kill('SIGKILL'), LOAD_DEADLINE_MS)
    let out = ''
    let err = ''
    child.stdout.on('data', (chunk: Buffer) => {
      out += chunk.toString()
    })
    child.stderr.on('data', (chunk: Buffer) => {
      err += chunk.toString()
    })
    child.on('close', (code) => {
      clearTimeout(timer)
      if (code !== 0 || out === '') reject(new Error(`mqttload ${args.join(' ')}: ${err || code}`))
      else resolve(JSON.parse(out) as Result)
    })
  })
}

const THROUGHPUT = ['delivered_per_s', 'broker_cpu_us_per_msg', 'p50_us', 'p99_us', 'lost']

function simple(
  name: string,
  what: string,
  figures: readonly string[],
  args: readonly string[],
): Scenario {
  return {
    name,
    what,
    needs: {},
    figures,
    isFor: (peer) => !peer.isDurableOnly,
    run: (broker) => load(broker, args),
  }
}

function durable(name: string, what: string, figures: readonly string[], run: Scenario['run']) {
  return { name, what, figures, run, needs: { isDurable: true }, isFor: () => true }
}

/** Acknowledged before SIGKILL, delivered after the restart, or lost. */
async function kill(broker: BrokerUnderLoad): Promise<Result> {
  const state = ['--state', join(scratchFolder(), 'state')]
  const args = [...KEPT, '--messages', '200000', '--quiet', '1.5', '--timeout', '20', ...state]
  const publishing = load(broker, ['store-publish', ...args])
  await sleep(KILL_AFTER_MS)
  await broker.killAndStart()
  const published = await publishing
  const drained = await load(broker, ['store-drain', ...args])
  return { ...drained, acked: published.acked, acked_per_s: published.acked_per_s }
}

/** 500 clients at 2 requests a second each; what one of them feels while another client floods. */
const CALM = ['rtt', '--clients', '500', '--rate', '1000', '--responder', ...TIMED]
const FLOOD = [
  ...['fanin', '--pubs', '1', '--subs', '1', '--window', '0', '--payload-size', '1024'],
  ...['--clientid-prefix', 'abuser', '--topic-prefix', 'abuse', '--warmup', '0', '--quiet', '0'],
]

/** Windows beside the flood; one without stands before and after each. */
const FLOODED_WINDOWS = 2

/** In turn without and beside: what drifts meanwhile (other work, warm code) drifts for both. */
async function abuse(broker: BrokerUnderLoad): Promise<Result> {
  const calm = async () => Number((await load(broker, CALM)).p99_us)
  await calm()
  const alone = [await calm()]
  const beside: FloodedWindow[] = []
  for (let at = 0; at < FLOODED_WINDOWS; at++) {
    beside.push(await besideFlood(broker))
    alone.push(await calm())
  }
  const aloneUs = mean(alone)
  const abusedUs = mean(beside.map((one) => one.p99Us))
  return {
    p99_alone_us: Math.round(aloneUs),
    p99_abused_us: Math.round(abusedUs),
    p99_change_percent: Math.round((abusedUs / aloneUs - 1) * 100),
    qps_abused: Math.round(mean(beside.map((one) => one.qps))),
    flood_per_s: Math.round(mean(beside.map((one) => one.floodPerSecond))),
    cpu_seconds_abused: Number(mean(beside.map((one) => one.cpuSeconds)).toFixed(2)),
  }
}

interface FloodedWindow {
  readonly p99Us: number
  readonly qps: number
  readonly floodPerSecond: number
  readonly cpuSeconds: number
}

async function besideFlood(broker: BrokerUnderLoad): Promise<FloodedWindow> {
  const cpuBefore = cpuSeconds(broker.pid())
  // Begins before the calm clients connect and ends after their last answer.
  const flood = load(broker, [...FLOOD, '--duration', String(Number(SECONDS) + 4)])
  await sleep(500)
  const { p99_us, qps } = await load(broker, CALM)
  const { delivered_per_s } = await flood
  return {
    p99Us: Number(p99_us),
    qps: Number(qps),
    floodPerSecond: Number(delivered_per_s),
    cpuSeconds: cpuSeconds(broker.pid()) - cpuBefore,
  }
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length

const SCENARIOS: readonly Scenario[] = [
  simple('fanin-q0', '50 publishers → 1 subscriber, QoS 0, window 100', THROUGHPUT, [
    ...['fanin', '--pubs', '50', '--subs', '1', '--window', '100', ...TIMED],
  ]),
  simple('fanin-q1', '50 publishers → 1 subscriber, QoS 1, window 20', THROUGHPUT, [
    ...['fanin', '--pubs', '50', '--subs', '1', '--qos', '1', '--window', '20', ...TIMED],
  ]),
  simple('fanout-q0', '1 publisher → 1,000 subscribers, QoS 0, window 4', THROUGHPUT, [
    ...['fanout', '--subs', '1000', '--window', '4', ...TIMED],
  ]),
  simple('fanout-q1', '1 publisher → 1,000 subscribers, QoS 1, window 4', THROUGHPUT, [
    ...['fanout', '--subs', '1000', '--qos', '1', '--window', '4', ...TIMED],
  ]),
  simple(
    'rtt',
    '50 clients ask one that answers, closed loop',
    ['qps', 'broker_cpu_us_per_msg', 'p50_us', 'p99_us'],
    ['rtt', '--clients', '50', '--responder', ...TIMED],
  ),
  durable(
    'store',
    '2,000 QoS 1 messages for 10 sessions that are away (ours: synchronous=FULL)',
    ['acked_per_s', 'broker_cpu_us_per_msg', 'drain_seconds', 'lost_acked', 'duplicates'],
    (broker) => load(broker, ['store', '--messages', '2000', '--quiet', '1', ...KEPT]),
  ),
  durable(
    'store-long',
    'the same with 20,000 messages',
    ['acked_per_s', 'broker_cpu_us_per_msg', 'drain_seconds', 'lost_acked', 'duplicates'],
    (broker) => load(broker, ['store', '--messages', '20000', '--quiet', '1', ...KEPT]),
  ),
  durable(
    'kill',
    'SIGKILL amid QoS 1 for 10 sessions that are away; lost: acknowledged, never delivered',
    ['acked', 'sessions_present', 'lost_acked', 'duplicates'],
    kill,
  ),
  simple(
    'idle',
    `${CONNECTIONS} connections with one subscription each`,
    ['connects_per_s', 'broker_cpu_us_per_connect', 'bytes_per_conn', 'failed'],
    ['idle', CONNECTIONS, '--concurrency', '64', '--subscribe', '--hold', '1'],
  ),
  {
    ...simple(
      'abuse',
      'p99 of 500 clients without and beside one that floods',
      ['p99_alone_us', 'p99_abused_us', 'p99_change_percent', 'qps_abused', 'flood_per_s'],
      [],
    ),
    needs: { hasLimits: true },
    run: abuse,
  },
]

/** Those that SCENARIOS, a regular expression, names. 20,000 messages one save each take Mosquitto minutes. */
export function pickScenarios(): readonly Scenario[] {
  const wanted = new RegExp(`^(${process.env.SCENARIOS ?? '.*'})$`)
  return SCENARIOS.map((one) =>
    one.name === 'store-long' ? { ...one, isFor: (peer: Peer) => peer.name !== 'mosquitto' } : one,
  ).filter((one) => wanted.test(one.name))
}
