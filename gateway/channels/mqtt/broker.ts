/** The MQTT broker of the gateway: the parts of this folder put together, and what the house may ask of them. */
import { randomUUID } from 'node:crypto'
import type { Aedes } from 'aedes'
import { GatewayError } from '../../errors.ts'
import type { Store } from '../../storage/store.ts'
import { AedesCore } from './aedes/core.ts'
import { BrokerClock, NOTE_INTERVAL_MS } from './broker-clock.ts'
import type { ByteConnection } from './byte-connection.ts'
import type { Properties, Qos } from './codec/packets.ts'
import { Reason } from './codec/reason-codes.ts'
import { isTopicName } from './codec/topics.ts'
import { Connection } from './connection.ts'
import { Deadlines } from './deadlines.ts'
import { Dispatcher } from './dispatcher.ts'
import { DurableLog } from './durable-log.ts'
import type { Engine, EngineCounters, EnginePolicy } from './engine.ts'
import { closeSilent, dropExpired } from './housekeeping.ts'
import { DEFAULT_LIMITS, type MqttLimits } from './limits.ts'
import { LoginGuard } from './login-guard.ts'
import { forwardedProperties, Message } from './message.ts'
import type {
  AuthenticateResult,
  AuthMethod,
  AuthorizeAction,
  AuthorizeResult,
  DeviceMessage,
  DeviceMessageOutcome,
  MqttClock,
  MqttCredentials,
  MqttLogger,
  MqttPrincipal,
  PresenceChange,
  RefusedPublish,
} from './ports.ts'
import { QueueRows } from './queue-rows.ts'
import { RatePacer } from './rate-pacer.ts'
import { type ConnectionEnd, RecentEnds } from './recent-ends.ts'
import { RetainedMessages } from './retained.ts'
import { Router } from './router.ts'
import type { Session, SessionCounters } from './session.ts'
import { SessionRows } from './session-rows.ts'
import { Sessions } from './sessions.ts'
import { SharedGroups } from './shared-groups.ts'
import { SYS_INTERVAL_MS, SysTopics } from './sys-topics.ts'
import { type Listener, type ListenOptions, listenTcp } from './tcp.ts'
import { Wills } from './wills.ts'
import { WriteGatherer } from './write-gatherer.ts'

export interface MqttBrokerParts<P extends MqttPrincipal> {
  readonly store: Store
  readonly clock: MqttClock
  readonly logger: MqttLogger
  readonly limits?: Partial<MqttLimits>
  /** Of the gateway, for `$SYS/broker/version`. */
  readonly version?: string
  /** Who is it? May take its time; the connection waits. */
  authenticate(credentials: MqttCredentials): Promise<AuthenticateResult<P>> | AuthenticateResult<P>
  /** May it? Remembered until `permissionsChanged`. For `subscribe`, `topic` is a filter. */
  authorize(principal: P, action: AuthorizeAction, topic: string): AuthorizeResult
  /** Enhanced authentication methods of MQTT 5. */
  readonly authMethods?: readonly AuthMethod<P>[]
  /** Whether messages of this topic are for the box itself. */
  isDeviceMessageTopic(topic: string): boolean
  /** Takes a message to the box; its acknowledgement leaves once the outcome is known. */
  onDeviceMessage(message: DeviceMessage<P>): Promise<DeviceMessageOutcome> | DeviceMessageOutcome
  onPresence?(change: PresenceChange<P>): void
  onRefusedPublish?(refused: RefusedPublish<P>): void
  /** Topic prefix an MQTT 5 client may use for responses, when it asks. */
  responseInformation?(principal: P): string | undefined
}

export interface BoxMessage {
  readonly topic: string
  readonly payload: Uint8Array | string
  readonly qos?: Qos
  readonly retain?: boolean
  readonly properties?: Properties
}

export interface ConnectionInfo {
  readonly clientId: string
  readonly isConnected: boolean
  readonly remoteAddress: string | undefined
  readonly transport: string | undefined
  readonly protocolVersion: number | undefined
  readonly connectedAtMs: number
  readonly disconnectedAtMs: number
  /** Plain words: why the last connection ended. */
  readonly lastDisconnectReason: string | null
  readonly subscriptions: number
  readonly inflight: number
  readonly queuedMessages: number
  readonly queuedBytes: number
  readonly counters: Readonly<SessionCounters>
}

export interface MqttBroker {
  /** Opens a TCP or TLS port; gives the port bound. */
  listen(options: ListenOptions): Promise<number>
  /** Takes a connection of any transport. */
  accept(connection: ByteConnection): void
  /** A message of the box to its subscribers. Resolves when it is on disk for every session that is kept. */
  publish(message: BoxMessage): Promise<void>
  /** Every client with a session. */
  connections(): ConnectionInfo[]
  /** The last connections that ended or were refused, newest first. */
  recentEnds(): ConnectionEnd[]
  /** Closes a client's connection by order of the operator; false when it is not connected. */
  disconnect(clientId: string, reason: string): boolean
  /** Permissions have changed: what was decided before is asked anew. */
  permissionsChanged(): void
  readonly counters: Readonly<EngineCounters>
  /** aedes as plug-ins know it: publish, subscribe, clients, events. */
  readonly aedes: Aedes
  close(): Promise<void>
}

/** How often keep alive and connect time-outs are looked at. */
const WATCH_INTERVAL_MS = 1000
/** How often messages that nobody came for are looked through for expired ones. */
const EXPIRY_INTERVAL_MS = 60_000
const ALLOWED_OUTCOME: AuthorizeResult = { ok: true }

export function createMqttBroker<P extends MqttPrincipal>(parts: MqttBrokerParts<P>): MqttBroker {
  const { store, clock, logger, limits = {}, version = '0' } = parts
  return new Broker(store, clock, logger, limits, toPolicy(parts), version)
}

/** The engine knows principals only as such; whoever made them gets the same objects back. */
function toPolicy<P extends MqttPrincipal>(parts: MqttBrokerParts<P>): EnginePolicy {
  const known = (principal: MqttPrincipal): P => principal as P
  const methods = (parts.authMethods ?? []) as readonly AuthMethod<MqttPrincipal>[]
  return {
    authenticate: (credentials) => parts.authenticate(credentials),
    authorize: (principal, action, topic) => parts.authorize(known(principal), action, topic),
    authMethods: new Map(methods.map((method) => [method.name, method])),
    isDeviceMessageTopic: (topic) => parts.isDeviceMessageTopic(topic),
    onDeviceMessage: (message) => parts.onDeviceMessage(message as DeviceMessage<P>),
    onPresence: (change) => parts.onPresence?.(change as PresenceChange<P>),
    onRefusedPublish: (refused) => parts.onRefusedPublish?.(refused as RefusedPublish<P>),
    responseInformation: (principal) => parts.responseInformation?.(known(principal)),
    createClientId: () => `auto-${randomUUID()}`,
  }
}

class Broker implements MqttBroker {
  private readonly engine: Engine
  private readonly router: Router
  private readonly durable: DurableLog
  private readonly listeners: Listener[] = []
  private readonly timers: NodeJS.Timeout[] = []
  private isClosed = false

  constructor(
    store: Store,
    clock: MqttClock,
    logger: MqttLogger,
    limitOverrides: Partial<MqttLimits>,
    policy: EnginePolicy,
    version: string,
  ) {
    const limits: MqttLimits = { ...DEFAULT_LIMITS, ...limitOverrides }
    const brokerClock = new BrokerClock(store, clock)
    const { nowMs } = brokerClock
    const mayReceive = (session: Session, topic: string): boolean =>
      (session.principal === null
        ? ALLOWED_OUTCOME
        : policy.authorize(session.principal, 'receive', topic)
      ).ok
    const counters = createCounters()
    const deadlines = new Deadlines(nowMs)
    const router = new Router(mayReceive)
    const groups = new SharedGroups(router)
    const queueRows = new QueueRows(
      store,
      (name, filter) => groups.find(name, filter),
      limits.maxQueuedAgeMs,
      nowMs,
    )
    const sessionRows = new SessionRows(store)
    const retained = new RetainedMessages(limits, nowMs)
    const durable = new DurableLog(store, queueRows, (topic) => {
      const kept = queueRows.retained(topic)
      if (kept === undefined) retained.delete(topic)
      else retained.set(kept)
    })
    const dispatcher: Dispatcher = new Dispatcher({
      router,
      retained,
      durable,
      mayReceive,
      notify: (listener, message) => core.notify(listener, message),
    })
    const core: AedesCore = new AedesCore({
      store,
      router,
      logger,
      deliver: (message, done) => {
        const kept = (error: unknown): void =>
          done(error === undefined ? undefined : new Error('not stored', { cause: error }))
        if (dispatcher.dispatch(message, null, null, kept, false) !== 'pending') done()
      },
      retain: (message) => retained.set(message),
      close: (clientId) => void this.disconnect(clientId, 'closed by a plug-in'),
    })
    const wills = new Wills({
      store,
      rows: sessionRows,
      clock: brokerClock,
      deadlines,
      publish: (message) => void dispatcher.dispatch(message, null, null, null),
    })
    const sessions = new Sessions({
      store,
      rows: sessionRows,
      queue: queueRows,
      clock: brokerClock,
      deadlines,
      router,
      groups,
      wills,
      outbound: { totals: counters, limits, log: durable, nowMs, mayReceive },
      returnToGroup: (delivery) => dispatcher.returnToGroup(delivery),
    })
    this.router = router
    this.durable = durable
    this.engine = {
      store,
      policy,
      limits,
      clock: brokerClock,
      logger,
      deadlines,
      dispatcher,
      retained,
      sessions,
      sessionRows,
      queueRows,
      wills,
      core,
      loginGuard: new LoginGuard(nowMs),
      connectPacer: new RatePacer(limits.maxConnectsPerSecond, 1, nowMs()),
      recentEnds: new RecentEnds(),
      gatherer: new WriteGatherer(),
      counters,
      connections: new Set(),
      permissionsVersion: 0,
      isClosing: false,
    }
    for (const message of queueRows.allRetained()) retained.set(message)
    sessions.restore()
    wills.restore()
    const sys = new SysTopics({ engine: this.engine, router, groups, version })
    this.every(WATCH_INTERVAL_MS, () => closeSilent(this.engine))
    this.every(EXPIRY_INTERVAL_MS, () => dropExpired(this.engine))
    this.every(NOTE_INTERVAL_MS, () => this.engine.clock.note())
    this.every(SYS_INTERVAL_MS, () => sys.update())
    sys.update()
  }

  private every(intervalMs: number, work: () => void): void {
    this.timers.push(setInterval(work, intervalMs).unref())
  }

  get counters(): Readonly<EngineCounters> {
    return this.engine.counters
  }

  get aedes(): Aedes {
    return this.engine.core.aedes
  }

  async listen(options: ListenOptions): Promise<number> {
    const listener = await listenTcp(options, (connection) => this.accept(connection))
    this.listeners.push(listener)
    return listener.port
  }

  accept(connection: ByteConnection): void {
    this.engine.connections.add(new Connection(connection, this.engine))
  }

  publish(message: BoxMessage): Promise<void> {
    const { topic, payload, qos = 0, retain = false, properties } = message
    if (this.isClosed) return Promise.reject(new GatewayError('storage.closed'))
    if (!isTopicName(topic)) return Promise.reject(new TypeError(`not a topic name: ${topic}`))
    const expiry = properties?.messageExpiryInterval
    const application = new Message({
      topic,
      payload: typeof payload === 'string' ? Buffer.from(payload) : asBuffer(payload),
      qos,
      retain,
      properties: forwardedProperties(properties),
      expiresAtMs: expiry === undefined ? undefined : this.engine.clock.nowMs() + expiry * 1000,
    })
    return new Promise((resolve, reject) => {
      const kept = (error: unknown): void => (error === undefined ? resolve() : reject(error))
      const result = this.engine.dispatcher.dispatch(application, null, null, kept)
      if (result !== 'pending') resolve()
    })
  }

  connections(): ConnectionInfo[] {
    return [...this.engine.sessions.all()].map(describe)
  }

  recentEnds(): ConnectionEnd[] {
    return this.engine.recentEnds.list()
  }

  disconnect(clientId: string, reason: string): boolean {
    const connection = this.engine.sessions.get(clientId)?.owner
    if (connection == null) return false
    connection.disconnect(Reason.administrativeAction, reason)
    return true
  }

  permissionsChanged(): void {
    this.engine.permissionsVersion++
    this.router.forget()
  }

  async close(): Promise<void> {
    this.engine.isClosing = true
    for (const timer of this.timers) clearInterval(timer)
    const closing = this.listeners.map((listener) => listener.close())
    for (const connection of [...this.engine.connections]) {
      connection.disconnect(Reason.serverShuttingDown)
    }
    this.engine.clock.note()
    await this.engine.core.close()
    this.engine.sessions.close()
    this.engine.deadlines.close()
    // A socket's own close event still speaks (presence, wills): what it says is kept too.
    await Promise.all(closing)
    this.durable.flush()
    this.durable.flushLater()
    await this.engine.store.durable()
    this.isClosed = true
  }
}

const asBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)

function createCounters(): EngineCounters {
  return {
    messagesReceived: 0,
    messagesSent: 0,
    publishesReceived: 0,
    publishesSent: 0,
    publishesDropped: 0,
    bytesReceived: 0,
    bytesSent: 0,
    connects: 0,
    refusedConnects: 0,
    refusedPublishes: 0,
  }
}

function describe(session: Session): ConnectionInfo {
  const { connection } = session
  return {
    clientId: session.clientId,
    isConnected: connection !== null,
    remoteAddress: connection?.io.remoteAddress,
    transport: connection?.io.transport,
    protocolVersion: connection?.version,
    connectedAtMs: session.connectedAtMs,
    disconnectedAtMs: session.disconnectedAtMs,
    lastDisconnectReason: session.disconnectReason,
    subscriptions: session.subscriptions.size,
    inflight: session.outbound.inflightCount,
    queuedMessages: session.outbound.count,
    queuedBytes: session.outbound.bytes,
    counters: session.counters,
  }
}
