/** How many connections each device has open: what one token may hold at once has a bound. */
export class DeviceConnections {
  private readonly maxPerDevice: number
  private readonly deviceOf: (clientId: string) => string
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
