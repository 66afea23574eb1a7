/** The box in one look: what `kefu-edge status`, the console and a support bundle show. */
import type { CosignOutcome } from '@kefu-edge/cloud-sync/cosign-checkpoints'
import type { BridgeStatus } from '../bridge/bridge.ts'
import type { Clock } from '../clock.ts'
import type { Registry } from '../devices/registry.ts'
import type { SiteStatus } from '../fabric/site-link.ts'
import type { Library } from '../knowledge/library.ts'
import type { FullLedger } from '../ledger/ledger.ts'
import type { LaneBalance } from '../ledger/port.ts'
import type { TimeFloor } from '../ledger/time-floor.ts'
import type { JobStatus } from '../schedule/schedule.ts'
import { VERSION } from '../version.ts'

/** What a box knows without a network. */
export interface BoxStatus {
  readonly version: string
  readonly node: string
  readonly gatewayId: string
  readonly dataDir: string
  readonly now: string
  readonly isTimeInDoubt: boolean
  /** The clock jumped so many days ahead and nobody confirmed it: nothing is removed for them. */
  readonly unprovenDays: number
  readonly packs: readonly {
    readonly name: string
    readonly version: string
    readonly testScore: number
  }[]
  readonly devices: {
    readonly registered: number
    readonly disabled: number
    /** Not as they should be: reported state is not the desired one. */
    readonly drifting: number
  }
  readonly ledger: {
    readonly entries: number
    readonly checkpoint?: { readonly entries: number; readonly at: string }
    /** When the core last showed another history under the numbers of this record. */
    readonly forkedAt?: string
    readonly lanes: readonly LaneBalance[]
  }
}

/** What only the running gateway knows. */
export interface LiveStatus {
  readonly running: true
  readonly pid: number
  readonly startedAt: string
  readonly ports: { readonly http: number; readonly mqtt: number }
  readonly adapter: string
  readonly mqttClients: number
  readonly webSockets: number
  readonly memoryBytes: number
  readonly cloud?: {
    readonly url: string
    readonly state: 'connecting' | 'connected' | 'away'
    readonly lastEchoAt?: string
    readonly roundTripMs?: number
    readonly lastError?: string
    /** How far the core has cosigned the record since the start. */
    readonly witness: {
      readonly entries: number
      /** When the core's name last stood under the newest tree head. */
      readonly at?: string
      readonly outcome?: CosignOutcome['kind']
      readonly detail?: string
      /** The core saw another past of this record: it was cut, changed, or a copy of the box runs as well. */
      readonly inconsistency?: string
    }
    readonly releases: {
      /** Refused or rolled back here, and not followed by one that is in use. */
      readonly notInUse: readonly {
        readonly kind: string
        readonly name: string
        readonly serial: number
        readonly outcome: string
        readonly reason: string
      }[]
      /** Why the last round of asking for releases did not take all that was offered. */
      readonly lastError?: string
    }
  }
  readonly bridges?: readonly BridgeStatus[]
  /** Where several boxes are on the site. */
  readonly site?: SiteStatus
  readonly jobs: readonly JobStatus[]
}

export type Status = BoxStatus & (LiveStatus | { readonly running: false })

export function boxStatus(parts: {
  readonly dataDir: string
  readonly clock: Clock
  readonly ledger: FullLedger
  readonly registry: Registry
  readonly library: Library
  readonly time: Pick<TimeFloor, 'doubt' | 'unprovenDays'>
  readonly twins: { drifting(): number }
}): BoxStatus {
  const { ledger, registry, library, clock, time } = parts
  const devices = registry.list()
  const checkpoint = ledger.latestCheckpoint()
  const forkedAtMs = ledger.forkedAtMs()
  return {
    version: VERSION,
    node: process.version,
    gatewayId: ledger.gatewayId,
    dataDir: parts.dataDir,
    now: new Date(clock.now()).toISOString(),
    isTimeInDoubt: time.doubt() !== undefined,
    unprovenDays: time.unprovenDays(),
    packs: library
      .list()
      .filter((pack) => pack.isActive)
      .map(({ name, version, testScore }) => ({ name, version, testScore })),
    devices: {
      registered: devices.length,
      disabled: devices.filter((device) => device.isDisabled).length,
      drifting: parts.twins.drifting(),
    },
    ledger: {
      entries: ledger.size(),
      ...(checkpoint
        ? {
            checkpoint: {
              entries: checkpoint.size,
              at: new Date(checkpoint.atMs).toISOString(),
            },
          }
        : {}),
      ...(forkedAtMs === undefined ? {} : { forkedAt: new Date(forkedAtMs).toISOString() }),
      lanes: ledger.balance(),
    },
  }
}
