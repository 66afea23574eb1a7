/** `$SYS` topics by the names that Mosquitto's users know (mosquitto(8), "Broker status"). */
import type { Engine, EngineCounters } from './engine.ts'
import { Message } from './routing/message.ts'
import type { BrokerTotals } from './totals.ts'

/** Mosquitto's default `sys_interval`. */
export const SYS_INTERVAL_MS = 10_000
/** Load figures: per minute, as moving averages over these many minutes. */
const LOAD_MINUTES = [1, 5, 15] as const

export interface SysParts {
  readonly engine: Engine
  readonly totals: () => BrokerTotals
  readonly version: string
}

type LoadName =
  | 'messages/received'
  | 'messages/sent'
  | 'publish/received'
  | 'publish/sent'
  | 'bytes/received'
  | 'bytes/sent'
  | 'connections'

export class SysTopics {
  private readonly parts: SysParts
  private readonly startedAtMs: number
  private readonly loads = new Map<string, number>()
  private readonly lastSent = new Map<string, string>()
  private previous: EngineCounters
  private mostClients = 0

  constructor(parts: SysParts) {
    this.parts = parts
    this.startedAtMs = parts.engine.clock.nowMs()
    this.previous = { ...parts.engine.counters }
    this.publish('version', `kefu-edge version ${parts.version}`)
  }

  /** Publishes what has changed since the last time. Called every `SYS_INTERVAL_MS`. */
  update(): void {
    const { engine } = this.parts
    const { counters } = engine
    const totals = this.parts.totals()
    const { sessions, connected } = totals
    const stored = totals.queuedMessages + totals.retainedMessages
    this.mostClients = Math.max(this.mostClients, connected)
    const uptimeSeconds = Math.floor((engine.clock.nowMs() - this.startedAtMs) / 1000)
    this.publish('uptime', `${uptimeSeconds} seconds`)
    this.publish('clients/total', sessions)
    this.publish('clients/connected', connected)
    this.publish('clients/active', connected)
    this.publish('clients/disconnected', sessions - connected)
    this.publish('clients/inactive', sessions - connected)
    this.publish('clients/maximum', this.mostClients)
    this.publish('clients/expired', totals.expiredSessions)
    this.publish('messages/received', counters.messagesReceived)
    this.publish('messages/sent', counters.messagesSent)
    this.publish('messages/stored', stored)
    this.publish('messages/inflight', totals.inflight)
    this.publish('store/messages/count', stored)
    this.publish('store/messages/bytes', totals.queuedBytes + totals.retainedBytes)
    this.publish('retained messages/count', totals.retainedMessages)
    this.publish('subscriptions/count', totals.subscriptions)
    this.publish('shared_subscriptions/count', totals.sharedGroups)
    this.publish('shared_subscriptions/messages/dropped', counters.sharedDropped)
    this.publish('publish/messages/received', counters.publishesReceived)
    this.publish('publish/messages/sent', counters.publishesSent)
    this.publish('publish/messages/dropped', counters.publishesDropped)
    this.publish('bytes/received', counters.bytesReceived)
    this.publish('bytes/sent', counters.bytesSent)
    this.updateLoads()
  }

  private updateLoads(): void {
    const now = this.parts.engine.counters
    const before = this.previous
    this.previous = { ...now }
    this.load('messages/received', now.messagesReceived - before.messagesReceived)
    this.load('messages/sent', now.messagesSent - before.messagesSent)
    this.load('publish/received', now.publishesReceived - before.publishesReceived)
    this.load('publish/sent', now.publishesSent - before.publishesSent)
    this.load('bytes/received', now.bytesReceived - before.bytesReceived)
    this.load('bytes/sent', now.bytesSent - before.bytesSent)
    this.load('connections', now.connects - before.connects)
  }

  /** An exponential moving average of the rate per minute, as a Unix load average is made. */
  private load(name: LoadName, count: number): void {
    const intervalMinutes = SYS_INTERVAL_MS / 60_000
    const perMinute = count / intervalMinutes
    for (const minutes of LOAD_MINUTES) {
      const key = `load/${name}/${minutes}min`
      const decay = Math.exp(-intervalMinutes / minutes)
      const value = (this.loads.get(key) ?? 0) * decay + perMinute * (1 - decay)
      this.loads.set(key, value)
      this.publish(key, value.toFixed(2))
    }
  }

  /** Retained in memory only: figures of a past run are of no use. */
  private publish(name: string, value: string | number): void {
    const text = String(value)
    if (this.lastSent.get(name) === text) return
    this.lastSent.set(name, text)
    const topic = `$SYS/broker/${name}`
    const payload = Buffer.from(text)
    const { dispatcher, retained } = this.parts.engine
    retained.set(new Message({ topic, payload, qos: 0, retain: true }))
    dispatcher.dispatch(new Message({ topic, payload, qos: 0, retain: false }), null, null, null)
  }
}
