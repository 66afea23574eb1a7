/** What the handlers of one connection share: the parts of the broker, wired in `assemble.ts`. */
import type { Store } from '../../storage/store.ts'
import type { AedesCore } from './aedes/core.ts'
import type { BrokerClock } from './broker-clock.ts'
import type { ConnectGate } from './connection/connect-gate.ts'
import type { Connection } from './connection/connection.ts'
import type { DeviceConnections } from './connection/device-connections.ts'
import type { FairTurns } from './connection/fair-turns.ts'
import type { LoginGuard } from './connection/login-guard.ts'
import type { RecentEnds } from './connection/recent-ends.ts'
import type { Refusals } from './connection/refusals.ts'
import type { WriteGatherer } from './connection/write-gatherer.ts'
import type { Deadlines } from './deadlines.ts'
import type { MqttLimits } from './limits.ts'
import type { HousePolicy, MqttLogger, MqttPrincipal } from './ports.ts'
import type { QueueRows } from './queues/queue-rows.ts'
import type { Dispatcher } from './routing/dispatcher.ts'
import type { InPassing } from './routing/in-passing.ts'
import type { RetainedMessages } from './routing/retained.ts'
import type { SessionRows } from './sessions/session-rows.ts'
import type { Sessions } from './sessions/sessions.ts'
import type { Wills } from './sessions/wills.ts'

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
  /** Read of all clients together and not handled yet, where reading goes on meanwhile. */
  readonly held: { bytes: number }
  /** Grows when permissions change, so that decisions remembered by a connection are asked anew. */
  permissionsVersion: number
  isClosing: boolean
}
