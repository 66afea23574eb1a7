/** Failed MQTT logins, slowed down per address and device. Who gives no name at all cannot be let in, and holds up no other. */
import { FailedLogins, loginKey } from '../../../devices/failed-logins.ts'

const FREE_FAILURES_PER_CLIENT = 3

export class LoginGuard {
  private readonly logins: FailedLogins

  constructor(nowMs: () => number) {
    this.logins = new FailedLogins(nowMs, FREE_FAILURES_PER_CLIENT)
  }

  /** Milliseconds until this client may try again; 0: now. */
  waitMs(remoteAddress: string, name: string): number {
    return this.logins.waitMs(loginKey(remoteAddress, deviceNameOf(name)))
  }

  failed(remoteAddress: string, name: string): void {
    const deviceName = deviceNameOf(name)
    if (deviceName !== '') this.logins.failed(loginKey(remoteAddress, deviceName))
  }

  succeeded(remoteAddress: string, name: string): void {
    this.logins.succeeded(loginKey(remoteAddress, deviceNameOf(name)))
  }
}

/** A device may use `ID:name` for further connections; they wait together, or each name would be a new try. */
const deviceNameOf = (name: string): string => name.split(':', 1)[0] ?? ''
