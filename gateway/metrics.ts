/** What the box counts, in Prometheus' words. Rooms are given the functions, never the registry. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { ErrorCode } from './error-table.ts'
import type { LaneBalance } from './ledger/port.ts'
import type { Channel } from './turn.ts'

/** From 0.25 ms to 2.5 s: an answer is a matter of milliseconds, the cloud of seconds. */
const ANSWER_SECONDS = [0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 2.5]

export interface Metrics {
  answered(channel: Channel, status: string, seconds: number): void
  refused(channel: Channel, code: ErrorCode): void
  /** The page for `GET /metrics`. */
  page(): Promise<string>
}

/** One figure of a room: a name, and what it is now, once or by label. */
export interface Figure {
  readonly name: string
  readonly help: string
  readonly labelNames?: readonly string[]
  /** It only grows while the process lives. */
  readonly isCounter?: boolean
  readonly read: () => readonly {
    readonly labels?: Record<string, string>
    readonly value: number
  }[]
}

export interface MetricSources {
  readonly connections: () => number
  readonly balance: () => readonly LaneBalance[]
  readonly cloudConnected: () => boolean
  /** Figures of other rooms, read when the page is asked for. */
  readonly figures?: readonly Figure[]
}

export function createMetrics(sources: MetricSources): Metrics {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry, prefix: 'kefu_' })
  const answers = new Histogram({
    name: 'kefu_answer_seconds',
    help: 'Time from ask received to answer on disk',
    labelNames: ['channel', 'status'],
    buckets: ANSWER_SECONDS,
    registers,
  })
  const problems = new Counter({
    name: 'kefu_problems_total',
    help: 'Messages refused, by code',
    labelNames: ['channel', 'code'],
    registers,
  })
  new Gauge({
    name: 'kefu_mqtt_connections',
    help: 'MQTT clients connected now',
    registers,
    collect() {
      this.set(sources.connections())
    },
  })
  new Gauge({
    name: 'kefu_cloud_connected',
    help: '1 after an end-to-end echo from the store of the cloud core, else 0',
    registers,
    collect() {
      this.set(sources.cloudConnected() ? 1 : 0)
    },
  })
  new Gauge({
    name: 'kefu_ledger_entries',
    help: 'Ledger entries by lane and state; accepted = delivered + pending + expired + quarantined',
    labelNames: ['lane', 'state'],
    registers,
    collect() {
      for (const { lane, ...states } of sources.balance()) {
        for (const [state, count] of Object.entries(states)) this.set({ lane, state }, count)
      }
    },
  })
  for (const figure of sources.figures ?? []) {
    if (figure.isCounter) showCounter(figure, registers)
    else showGauge(figure, registers)
  }
  return {
    answered: (channel, status, seconds) => answers.observe({ channel, status }, seconds),
    refused: (channel, code) => problems.inc({ channel, code }),
    page: () => registry.metrics(),
  }
}

function showCounter({ name, help, labelNames = [], read }: Figure, registers: Registry[]): void {
  new Counter({
    name,
    help,
    labelNames,
    registers,
    collect() {
      this.reset()
      for (const { labels = {}, value } of read()) this.inc(labels, value)
    },
  })
}

function showGauge({ name, help, labelNames = [], read }: Figure, registers: Registry[]): void {
  new Gauge({
    name,
    help,
    labelNames,
    registers,
    collect() {
      const now = read()
      // What is gone is no series any more: clients come and go under names without number.
      this.reset()
      // And what is unknown is none, where `reset` leaves a figure without labels at 0.
      if (now.length === 0 && labelNames.length === 0) this.remove()
      for (const { labels = {}, value } of now) this.set(labels, value)
    },
  })
}
