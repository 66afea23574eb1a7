/** Kept sessions that wait for their clients: so many a device, those that were left last. */
import type { Session } from './session.ts'

export interface AbsentSessionsParts {
  readonly maxPerDevice: number
  /** The device that a client id belongs to; a client without one is a device of its own. */
  readonly deviceOf: (clientId: string) => string
}

/** A session that has to go for a newer one. */
export interface CrowdedOut {
  readonly session: Session
  /** Of its device since the start. */
  readonly isFirst: boolean
}

export class AbsentSessions {
  private readonly parts: AbsentSessionsParts
  /** Of each device in the order in which they were left. */
  private readonly byDevice = new Map<string, Set<Session>>()
  /** Where each one stands: its device may have been removed since. */
  private readonly deviceIds = new Map<Session, string>()

  /** Devices that left too many since the start. */
  private readonly crowded = new Set<string>()

  constructor(parts: AbsentSessionsParts) {
    this.parts = parts
  }

  /** Adds one that was just left. Gives the one of the same device that has no room any more, if there is one. */
  add(session: Session): CrowdedOut | undefined {
    const deviceId = this.parts.deviceOf(session.clientId)
    const ofDevice = this.byDevice.get(deviceId) ?? new Set()
    this.byDevice.set(deviceId, ofDevice)
    this.deviceIds.set(session, deviceId)
    ofDevice.add(session)
    if (ofDevice.size <= this.parts.maxPerDevice) return undefined
    const [oldest] = ofDevice
    if (oldest === undefined) return undefined
    const isFirst = !this.crowded.has(deviceId)
    this.crowded.add(deviceId)
    return { session: oldest, isFirst }
  }

  /** Its client is back, or it has ended. */
  delete(session: Session): void {
    const deviceId = this.deviceIds.get(session)
    if (deviceId === undefined) return
    this.deviceIds.delete(session)
    const ofDevice = this.byDevice.get(deviceId)
    ofDevice?.delete(session)
    if (ofDevice?.size === 0) this.byDevice.delete(deviceId)
  }
}
