/** What bench:broker has each broker do. The load comes from mqttload, which knows no broker. */
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { abuse } from './broker-abuse.ts'
import type { BrokerUnderLoad, Needs, Peer } from './broker-peers.ts'
import { load, type Result } from './load.ts'
import { scratchFolder } from './support.ts'

export interface Scenario {
  readonly name: string
  readonly what: string
  readonly needs: Needs
  readonly figures: readonly string[]
  isFor(peer: Peer): boolean
  run(broker: BrokerUnderLoad): Promise<Result>
}

const SECONDS = process.env.SECONDS ?? '2'
/** Broker and load generator may have 20,000 open files each. */
const CONNECTIONS = process.env.CONNECTIONS ?? '10000'
const IDLE = ['idle', CONNECTIONS, '--concurrency', '64', '--subscribe', '--hold', '2']
/** Published before the kill in most runs: several times what a window holds. */
const KILL_AFTER_MS = 700
const PAYLOAD = ['--payload-size', '128']
const TIMED = [...PAYLOAD, '--duration', SECONDS, '--warmup', '0.5', '--quiet', '1']
/** 10 sessions at QoS 1 that are away while the messages come. */
const KEPT = [...PAYLOAD, '--subs', '10', '--window', '20']

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
    IDLE,
  ),
  {
    name: 'idle-known',
    what: `${CONNECTIONS} devices with a token, presence and a subscription each`,
    figures: ['connects_per_s', 'broker_cpu_us_per_connect', 'bytes_per_conn', 'failed'],
    needs: { devices: Number(CONNECTIONS) },
    isFor: (peer) => peer.name === 'kefu-edge',
    run: (broker) => {
      const topic = ['--res', 'kefu/v1/ml-i%d/answer']
      return load(broker, [...IDLE, ...topic, '--pass-file', broker.tokensFile])
    },
  },
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
