/** Failed MQTT logins, slowed down per address and device. */
import { FailedLogins } from '../../devices/failed-logins.ts'

const FREE_FAILURES_PER_CLIENT = 3

export class LoginGuard {
  private readonly logins: FailedLogins

  constructor(nowMs: () => number) {
    this.logins = new FailedLogins(nowMs, FREE_FAILURES_PER_CLIENT)
  }

  /** Milliseconds until this client may try again; 0: now. */
  waitMs(remoteAddress: string, clientId: string): number {
    return this.logins.waitMs(clientKey(remoteAddress, clientId))
  }

  failed(remoteAddress: string, clientId: string): void {
    this.logins.failed(clientKey(remoteAddress, clientId))
  }

  succeeded(remoteAddress: string, clientId: string): void {
    this.logins.succeeded(clientKey(remoteAddress, clientId))
  }
}

/** A device may use `ID:name` for further connections; they wait together, or each name would be a new try. */
const clientKey = (remoteAddress: string, clientId: string): string =>
  `${remoteAddress} ${clientId.split(':', 1)[0]}`
