/**
 * Logins that HTTP, WebSocket and the admin API refuse, for the operator: counted all, told one by one while
 * they are few and different, the rest as a sum with the next one told. MQTT has its own (mqtt/refusals), with
 * reason codes and among the ends of connections.
 */
import type { Admission, Claim } from '../devices/admission.ts'
import type { ErrorCode } from '../error-table.ts'
import { codeOf, toProblem } from '../errors.ts'
import type { Logger } from '../logger.ts'
import { FewTold } from './few-told.ts'

export type Door = 'http' | 'websocket' | 'admin'

export interface RefusedLoginsParts {
  /** Monotonic. */
  readonly nowMs: () => number
  readonly logger: Pick<Logger, 'warn'>
  readonly count: (door: Door, code: ErrorCode) => void
}

export class RefusedLogins {
  readonly #parts: RefusedLoginsParts
  readonly #told = new FewTold()
  #untold = 0

  constructor(parts: RefusedLoginsParts) {
    this.#parts = parts
  }

  note(door: Door, { remoteAddress, deviceId }: Omit<Claim, 'token'>, error: unknown): void {
    const { nowMs, logger, count } = this.#parts
    const code = codeOf(error)
    const { title } = toProblem(error)
    count(door, code)
    const device = deviceId?.slice(0, 64)
    if (!this.#told.tells(`${door} ${remoteAddress} ${device} ${code}`, nowMs())) {
      this.#untold += 1
      return
    }
    const before = this.#untold > 0 ? { moreBefore: this.#untold } : {}
    this.#untold = 0
    logger.warn({ door, remoteAddress, device, code, reason: title, ...before }, 'login refused')
  }

  /** The same admission for one door, noting what it refuses. */
  watch(door: Door, admission: Admission): Admission {
    const noted = <T>(claim: Claim, login: () => T): T => {
      try {
        const known = login()
        if (known instanceof Promise) known.catch((error: unknown) => this.note(door, claim, error))
        return known
      } catch (error) {
        this.note(door, claim, error)
        throw error
      }
    }
    return {
      admit: (claim) => noted(claim, () => admission.admit(claim)),
      login: (claim) => noted(claim, () => admission.login(claim)),
    }
  }
}
