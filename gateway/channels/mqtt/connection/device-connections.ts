/** How many connections each device has open: what one token may hold at once has a bound. */
import { Reason } from '../codec/reason-codes.ts'
import type { Engine } from '../engine.ts'
import type { Connection } from './connection.ts'

export class DeviceConnections {
  private readonly maxPerDevice: number
  readonly deviceOf: (clientId: string) => string
  private readonly open = new Map<string, number>()

  /** `deviceOf` names the device that a client id belongs to; a client without one is a device of its own. */
  constructor(maxPerDevice: number, deviceOf: (clientId: string) => string) {
    this.maxPerDevice = maxPerDevice
    this.deviceOf = deviceOf
  }

  /** Counts a client in. Gives the device to count out again, or undefined where it has as many as it may. */
  enter(clientId: string): string | undefined {
    const deviceId = this.deviceOf(clientId)
    const open = this.open.get(deviceId) ?? 0
    if (open >= this.maxPerDevice) return undefined
    this.open.set(deviceId, open + 1)
    return deviceId
  }

  leave(deviceId: string): void {
    const open = this.open.get(deviceId) ?? 0
    if (open > 1) this.open.set(deviceId, open - 1)
    else this.open.delete(deviceId)
  }
}

type Parts = Pick<Engine, 'connections' | 'deviceConnections'>

/**
 * Counts a client in, as `enter` does. Where there is no place for the device itself, under its own id, the one of
 * its named connections that was silent longest gives way: forgotten ones must not lock it out.
 */
export function enterDevice(parts: Parts, clientId: string): string | undefined {
  const { deviceConnections } = parts
  const deviceId = deviceConnections.enter(clientId)
  if (deviceId !== undefined || deviceConnections.deviceOf(clientId) !== clientId) return deviceId
  silentLongest(parts, clientId)?.disconnect(
    Reason.quotaExceeded,
    'its device came itself and has as many connections as it may (mqtt.maxConnectionsPerDevice)',
  )
  return deviceConnections.enter(clientId)
}

function silentLongest({ connections, deviceConnections }: Parts, deviceId: string) {
  let silent: Connection | undefined
  for (const connection of connections) {
    const { session, clientId, lastHeardMs } = connection
    if (session === null || deviceConnections.deviceOf(clientId) !== deviceId) continue
    if (silent === undefined || lastHeardMs < silent.lastHeardMs) silent = connection
  }
  return silent
}
