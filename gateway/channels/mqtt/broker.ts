/** The MQTT broker of the gateway: the parts of this folder put together, and what the house may ask of them. */
import type { Aedes } from 'aedes'
import { GatewayError } from '../../errors.ts'
import type { Store } from '../../storage/store.ts'
import { type AssemblyParts, assemble } from './assemble.ts'
import { type BoxMessage, BoxMessages } from './box-message.ts'
import { NOTE_INTERVAL_MS } from './broker-clock.ts'
import type { ByteConnection } from './byte-connection.ts'
import { Reason } from './codec/reason-codes.ts'
import { isTopicName } from './codec/topics.ts'
import { admitsHandshake, handshakeFailed } from './connection/admission.ts'
import { autoClientId } from './connection/auto-client-id.ts'
import { Connection } from './connection/connection.ts'
import { hearGoodbyes } from './connection/farewell.ts'
import type { ConnectionEnd } from './connection/recent-ends.ts'
import type { Engine, EngineCounters } from './engine.ts'
import { catchUp, closeSilent, dropExpired } from './housekeeping.ts'
import type { MqttLimits } from './limits.ts'
import type { HousePolicy, MqttClock, MqttLogger, MqttPrincipal } from './ports.ts'
import type { DurableLog } from './queues/durable-log.ts'
import type { Router } from './routing/router.ts'
import { type ConnectionInfo, describeConnection } from './sessions/connection-info.ts'
import { disconnectClients, forgetClients } from './sessions/forget-clients.ts'
import { SYS_INTERVAL_MS } from './sys-topics.ts'
import { type Listener, type ListenOptions, listenTcp, socketConnection } from './tcp.ts'
import type { BrokerTotals } from './totals.ts'

/** What holds where the house says nothing: it offers, keeps and hears as MQTT alone has it. */
const QUIET_HOUSE = {
  authMethods: [],
  createClientId: autoClientId,
  mayRetain: () => true,
  principalOf: () => undefined,
  onPresence: () => {},
  onSubscriptions: () => {},
  onRefusedPublish: () => {},
  responseInformation: () => undefined,
  greeting: () => [],
} satisfies Partial<HousePolicy<MqttPrincipal>>
type LeftToChoice = keyof typeof QUIET_HOUSE

export interface MqttBrokerParts<P extends MqttPrincipal>
  extends Omit<HousePolicy<P>, LeftToChoice>,
    Partial<Pick<HousePolicy<P>, LeftToChoice>> {
  readonly store: Store
  readonly clock: MqttClock
  readonly logger: MqttLogger
  readonly limits?: Partial<MqttLimits>
  /** Of the gateway, for `$SYS/broker/version`. */
  readonly version?: string
}

export interface MqttBroker {
  /** Opens a TCP port; gives the port bound. For TLS there is `tls-port.ts`. */
  listen(options: ListenOptions): Promise<number>
  /** Takes a connection of any transport. */
  accept(connection: ByteConnection): void
  /** Whether a TLS handshake may begin; asked for each before it costs anything, since it counts them. */
  admitsHandshake(remoteAddress: string): boolean
  /** It came to nothing. With a reason that is shown where other refusals are; without, somebody only looked. */
  handshakeFailed(remoteAddress: string, reason?: string): void
  /**
   * A message of the box to its subscribers. Resolves when it is on disk for every session that is kept.
   * `alongside` writes rows of the caller's in the same commit: both are kept, or neither.
   */
  publish(message: BoxMessage, alongside?: () => void): Promise<void>
  /** Every client with a session. */
  connections(): ConnectionInfo[]
  /** The last connections that ended or were refused, newest first. */
  recentEnds(): ConnectionEnd[]
  /** Closes a client's connection by order of the operator; false when it is not connected. */
  disconnect(clientId: string, reason: string): boolean
  /** Closes all connections of these clients by order of the operator, and lets in none that is just logging in. */
  disconnectAll(isMeant: (clientId: string) => boolean, reason: string): void
  /**
   * Ends connections and sessions of these clients as if they had never been: no will is sent, nothing is
   * kept for them.
   */
  forget(isMeant: (clientId: string) => boolean, reason: string): void
  /** Topics of retained messages that a filter matches. */
  retainedTopics(filter: string): string[]
  /** Permissions have changed: what was decided before is asked anew. */
  permissionsChanged(): void
  /** Broker time, by which expiry is reckoned; see `broker-clock.ts`. */
  nowMs(): number
  /** Does now what has become due: a timer does it too, unless the clock is moved by hand. */
  runDue(): void
  readonly counters: Readonly<EngineCounters>
  /** What it holds now. Walks over all sessions. */
  totals(): BrokerTotals
  /** aedes as plug-ins know it: publish, subscribe, clients, events. */
  readonly aedes: Aedes
  close(): Promise<void>
}

/** Sockets held, those without a CONNECT included, as a multiple of the clients allowed. */
const SILENT_CONNECTIONS_FACTOR = 1.25
/** How often keep alive and connect time-outs are looked at. */
const WATCH_INTERVAL_MS = 1000
/** How often messages that nobody came for are looked through for expired ones. */
const EXPIRY_INTERVAL_MS = 60_000

export function createMqttBroker<P extends MqttPrincipal>(parts: MqttBrokerParts<P>): MqttBroker {
  const { store, clock, logger, limits = {}, version = '0', ...house } = parts
  return new Broker({ store, clock, logger, limits, version, policy: { ...QUIET_HOUSE, ...house } })
}

class Broker implements MqttBroker {
  private readonly engine: Engine
  private readonly router: Router
  private readonly durable: DurableLog
  private readonly messages: BoxMessages
  private readonly listeners: Listener[] = []
  private readonly timers: NodeJS.Timeout[] = []
  readonly totals: () => BrokerTotals
  private isClosed = false

  constructor(parts: Omit<AssemblyParts, 'closeByPlugin'>) {
    const assembly = assemble({
      ...parts,
      closeByPlugin: (clientId) => void this.disconnect(clientId, 'closed by a plug-in'),
    })
    const { sys } = assembly
    this.totals = assembly.totals
    this.engine = assembly.engine
    this.router = assembly.router
    this.durable = assembly.durable
    this.messages = new BoxMessages(this.engine)
    // What grew too old while the box was off must not reach a client that is back before the first round.
    dropExpired(this.engine)
    this.every(WATCH_INTERVAL_MS, () => closeSilent(this.engine))
    this.every(WATCH_INTERVAL_MS, () => catchUp(this.engine))
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
    const listener = await listenTcp(
      options,
      (socket) => this.accept(socketConnection(socket)),
      (error) => this.engine.logger.error({ err: error }, 'the MQTT listener failed'),
    )
    this.listeners.push(listener)
    return listener.port
  }

  admitsHandshake(remoteAddress: string): boolean {
    return admitsHandshake(this.engine, remoteAddress)
  }

  handshakeFailed(remoteAddress: string, reason?: string): void {
    handshakeFailed(this.engine, remoteAddress, reason)
  }

  accept(connection: ByteConnection): void {
    // Clients over the limit hear why in their CONNACK; a flood of sockets that say nothing is cut here.
    const { connections, limits } = this.engine
    if (connections.size >= limits.maxConnections * SILENT_CONNECTIONS_FACTOR) {
      connection.destroy()
      return
    }
    this.engine.connections.add(new Connection(connection, this.engine))
  }

  publish(message: BoxMessage, alongside: (() => void) | null = null): Promise<void> {
    if (this.isClosed) return Promise.reject(new GatewayError('storage.closed'))
    const { topic } = message
    if (!isTopicName(topic)) return Promise.reject(new TypeError(`not a topic name: ${topic}`))
    const application = this.messages.toMessage(message)
    return new Promise((resolve, reject) => {
      const kept = (error: unknown): void => (error === undefined ? resolve() : reject(error))
      const result = this.engine.dispatcher.dispatch(application, null, alongside, kept)
      if (result !== 'pending') resolve()
    })
  }

  connections(): ConnectionInfo[] {
    const { sessions, clock } = this.engine
    return [...sessions.all()].map((session) => describeConnection(session, clock))
  }

  recentEnds(): ConnectionEnd[] {
    const { recentEnds, clock } = this.engine
    return recentEnds.list().map((end) => ({ ...end, atMs: clock.wallOf(end.atMs) }))
  }

  disconnect(clientId: string, reason: string): boolean {
    const connection = this.engine.sessions.get(clientId)?.owner
    if (connection == null) return false
    connection.disconnect(Reason.administrativeAction, reason)
    return true
  }

  disconnectAll(isMeant: (clientId: string) => boolean, reason: string): void {
    disconnectClients(this.engine, isMeant, reason)
  }

  forget(isMeant: (clientId: string) => boolean, reason: string): void {
    forgetClients(this.engine, isMeant, reason)
  }

  retainedTopics(filter: string): string[] {
    return this.engine.retained.match(filter).map(({ topic }) => topic)
  }

  permissionsChanged(): void {
    this.engine.permissionsVersion++
    this.router.forget()
  }

  nowMs(): number {
    return this.engine.clock.nowMs()
  }

  runDue(): void {
    this.engine.deadlines.runDue()
  }

  async close(): Promise<void> {
    this.engine.isClosing = true
    this.engine.wills.suspend()
    this.engine.sessions.suspend()
    for (const timer of this.timers) clearInterval(timer)
    const closing = this.listeners.map((listener) => listener.close())
    await hearGoodbyes(this.engine)
    for (const connection of [...this.engine.connections]) {
      connection.disconnect(Reason.serverShuttingDown)
    }
    this.engine.clock.note()
    await this.engine.core.close()
    this.engine.sessions.close()
    this.engine.clock.close()
    this.engine.deadlines.close()
    // A socket's own close event still speaks (presence, wills): what it says is kept too.
    await Promise.all(closing)
    this.durable.flush()
    this.durable.flushLater()
    await this.engine.store.durable()
    this.isClosed = true
  }
}
