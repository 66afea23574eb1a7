import type { Store } from '../../storage/store.ts'
import { AedesCore } from './aedes/core.ts'
import { BrokerClock } from './broker-clock.ts'
import { ConnectGate } from './connection/connect-gate.ts'
import { DeviceConnections } from './connection/device-connections.ts'
import { FairTurns } from './connection/fair-turns.ts'
import { LoginGuard } from './connection/login-guard.ts'
import { RecentEnds } from './connection/recent-ends.ts'
import { Refusals } from './connection/refusals.ts'
import { WriteGatherer } from './connection/write-gatherer.ts'
import { Deadlines } from './deadlines.ts'
import type { Engine, EngineCounters } from './engine.ts'
import { DEFAULT_LIMITS, type MqttLimits } from './limits.ts'
import type { AuthorizeResult, HousePolicy, MqttClock, MqttLogger, MqttPrincipal } from './ports.ts'
import { DurableLog } from './queues/durable-log.ts'
import { QueueRows } from './queues/queue-rows.ts'
import { Dispatcher } from './routing/dispatcher.ts'
import { InPassing } from './routing/in-passing.ts'
import { RetainedMessages } from './routing/retained.ts'
import { replayRetained } from './routing/retained-replay.ts'
import { Router } from './routing/router.ts'
import { SharedGroups } from './routing/shared-groups.ts'
import { EndedQueues } from './sessions/ended-queues.ts'
import { sendWill } from './sessions/send-will.ts'
import type { Session } from './sessions/session.ts'
import { SessionRows } from './sessions/session-rows.ts'
import { Sessions } from './sessions/sessions.ts'
import { Wills } from './sessions/wills.ts'
import { SysTopics } from './sys-topics.ts'
import { type BrokerTotals, countTotals } from './totals.ts'

export interface AssemblyParts {
  readonly store: Store
  readonly clock: MqttClock
  readonly logger: MqttLogger
  readonly limits: Partial<MqttLimits>
  readonly policy: HousePolicy<MqttPrincipal>
  readonly version: string
  /** A plug-in wants a client gone. */
  readonly closeByPlugin: (clientId: string) => void
}

export interface Assembly {
  readonly engine: Engine
  readonly router: Router
  readonly durable: DurableLog
  readonly sys: SysTopics
  readonly totals: () => BrokerTotals
}

const ALLOWED_OUTCOME: AuthorizeResult = { ok: true }

export function assemble(parts: AssemblyParts): Assembly {
  const { store, clock, logger, policy } = parts
  const limits: MqttLimits = { ...DEFAULT_LIMITS, ...parts.limits }
  const brokerClock = new BrokerClock(store, clock)
  const { nowMs } = brokerClock
  const mayReceive = (session: Session, topic: string): boolean =>
    (session.principal === null
      ? ALLOWED_OUTCOME
      : policy.authorize(session.principal, 'receive', topic)
    ).ok
  const deviceOf = (clientId: string): string => policy.principalOf(clientId)?.id ?? clientId
  const counters = createCounters()
  const deadlines = new Deadlines(nowMs)
  const recentEnds = new RecentEnds()
  const router = new Router(mayReceive)
  const groups = new SharedGroups(router)
  const queueRows = new QueueRows(
    store,
    (name, filter) => groups.find(name, filter),
    limits.maxQueuedAgeMs,
    brokerClock,
  )
  const sessionRows = new SessionRows(store)
  const retained = new RetainedMessages(limits, nowMs, deviceOf)
  const inPassing = new InPassing({
    store,
    clock: brokerClock,
    counters,
    logger,
    queueRows,
    retained,
  })
  const durable = new DurableLog(store, queueRows, (topic) => {
    const kept = queueRows.retained(topic)
    if (kept === undefined) retained.delete(topic)
    else retained.set(kept)
  })
  const dispatcher: Dispatcher = new Dispatcher({
    router,
    retained,
    durable,
    totals: counters,
    mayReceive,
    notify: (listener, message) => core.notify(listener, message),
  })
  const core: AedesCore = new AedesCore({
    store,
    router,
    logger,
    wallAheadMs: () => clock.nowMs() - nowMs(),
    deliver: (message, done) => {
      const kept = (error: unknown): void =>
        done(error === undefined ? undefined : new Error('not stored', { cause: error }))
      if (dispatcher.dispatch(message, null, null, kept, false) !== 'pending') done()
    },
    retain: (message) => retained.set(message),
    close: parts.closeByPlugin,
  })
  const wills = new Wills({
    store,
    rows: sessionRows,
    clock: brokerClock,
    deadlines,
    send: (message, principal) =>
      sendWill(
        {
          policy,
          dispatcher,
          inPassing,
          logger,
          counters,
          sessionOf: (id) => sessions.get(id),
        },
        message,
        principal,
      ),
  })
  const sessions: Sessions = new Sessions({
    store,
    rows: sessionRows,
    queue: queueRows,
    ended: new EndedQueues({
      store,
      queue: queueRows,
      isHeld: (sessionRow) => sessions.holds(sessionRow),
      returnToGroup: (delivery, exceptClientId) =>
        dispatcher.returnToGroup(delivery, exceptClientId),
    }),
    clock: brokerClock,
    deadlines,
    router,
    groups,
    wills,
    outbound: {
      totals: counters,
      queued: { bytes: 0 },
      limits,
      log: durable,
      nowMs,
      mayReceive,
      onFull: ({ clientId, outbound }) =>
        logger.warn(
          {
            clientId,
            messages: outbound.count,
            bytes: outbound.bytes,
            queueOverflow: limits.queueOverflow,
          },
          'the queue of a client is full: mqtt.queueOverflow says what gives way, mqtt.maxQueuedMessages, maxQueuedBytes and maxTotalQueuedBytes how much it holds',
        ),
    },
    absent: {
      maxPerDevice: limits.maxKeptSessions,
      deviceOf,
    },
    // Once a device: one that comes under ever new names would fill the log, and is counted besides.
    onCrowdedOut: ({ session: { clientId, outbound }, isFirst }) =>
      logger[isFirst ? 'warn' : 'debug'](
        { clientId, messages: outbound.count, kept: limits.maxKeptSessions },
        'a device left more sessions than mqtt.maxKeptSessions: its oldest ended, with what waited in it. A program should keep its client id',
      ),
    returnToGroup: (delivery) => dispatcher.returnToGroup(delivery),
    replayRetained: (subscription) => replayRetained(engine, subscription),
  })
  const engine: Engine = {
    store,
    policy,
    limits,
    clock: brokerClock,
    logger,
    deadlines,
    dispatcher,
    retained,
    inPassing,
    sessions,
    sessionRows,
    queueRows,
    wills,
    core,
    loginGuard: new LoginGuard(nowMs),
    connectGate: new ConnectGate(limits.maxConnectsPerSecond, nowMs),
    refusals: new Refusals({ counters, logger, recentEnds, deadlines, nowMs }),
    recentEnds,
    gatherer: new WriteGatherer(),
    turns: new FairTurns(),
    counters,
    connections: new Set(),
    deviceConnections: new DeviceConnections(limits.maxConnectionsPerDevice, deviceOf),
    buffered: { bytes: 0 },
    held: { bytes: 0 },
    permissionsVersion: 0,
    isClosing: false,
  }
  retained.restore(queueRows.allRetained())
  sessions.restore()
  wills.restore()
  const totals = () => countTotals(engine, router, groups)
  const sys = new SysTopics({ engine, totals, version: parts.version })
  return { engine, router, durable, sys, totals }
}

function createCounters(): EngineCounters {
  return {
    messagesReceived: 0,
    messagesSent: 0,
    publishesReceived: 0,
    publishesSent: 0,
    publishesDropped: 0,
    sharedDropped: 0,
    bytesReceived: 0,
    bytesSent: 0,
    connects: 0,
    refusedConnects: 0,
    refusedPublishes: 0,
    notRetained: 0,
  }
}
