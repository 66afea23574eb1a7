/** What the handlers of one connection share: the parts of the broker, wired in `broker.ts`. */
import type { Store } from '../../storage/store.ts'
import type { AedesCore } from './aedes/core.ts'
import type { BrokerClock } from './broker-clock.ts'
import type { ConnectGate } from './connect-gate.ts'
import type { Connection } from './connection.ts'
import type { Deadlines } from './deadlines.ts'
import type { DeviceConnections } from './device-connections.ts'
import type { Dispatcher } from './dispatcher.ts'
import type { FairTurns } from './fair-turns.ts'
import type { InPassing } from './in-passing.ts'
import type { MqttLimits } from './limits.ts'
import type { LoginGuard } from './login-guard.ts'
import type { HousePolicy, MqttLogger, MqttPrincipal } from './ports.ts'
import type { QueueRows } from './queue-rows.ts'
import type { RecentEnds } from './recent-ends.ts'
import type { Refusals } from './refusals.ts'
import type { RetainedMessages } from './retained.ts'
import type { SessionRows } from './session-rows.ts'
import type { Sessions } from './sessions.ts'
import type { Wills } from './wills.ts'
import type { WriteGatherer } from './write-gatherer.ts'

export interface EngineCounters {
  messagesReceived: number
  messagesSent: number
  publishesReceived: number
  publishesSent: number
  publishesDropped: number
  /** Messages for a shared subscription that no member of the group could take. */
  sharedDropped: number
  bytesReceived: number
  bytesSent: number
  connects: number
  refusedConnects: number
  refusedPublishes: number
  /** Taken, and not retained as was asked: there was no room. */
  notRetained: number
}

export interface Engine {
  readonly store: Store
  readonly policy: HousePolicy<MqttPrincipal>
  readonly limits: MqttLimits
  readonly clock: BrokerClock
  readonly recentEnds: RecentEnds
  readonly logger: MqttLogger
  readonly deadlines: Deadlines
  readonly dispatcher: Dispatcher
  readonly retained: RetainedMessages
  readonly inPassing: InPassing
  readonly sessions: Sessions
  readonly sessionRows: SessionRows
  readonly queueRows: QueueRows
  readonly wills: Wills
  readonly core: AedesCore
  readonly loginGuard: LoginGuard
  readonly connectGate: ConnectGate
  readonly refusals: Refusals
  readonly gatherer: WriteGatherer
  readonly turns: FairTurns
  readonly counters: EngineCounters
  readonly connections: Set<Connection>
  readonly deviceConnections: DeviceConnections
  /** Waiting for all sockets together. */
  readonly buffered: { bytes: number }
  /** Grows when permissions change, so that decisions remembered by a connection are asked anew. */
  permissionsVersion: number
  isClosing: boolean
}
