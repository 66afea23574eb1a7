/** Who may log in by SCRAM, and what the others are told: the same as if they might. */
import { createHmac, randomBytes } from 'node:crypto'
import type { Device } from '../turn.ts'
import type { Registry } from './registry.ts'
import {
  KEY_BYTES,
  PASSWORD_ITERATIONS,
  SALT_BYTES,
  type ScramKeys,
  TOKEN_ITERATIONS,
} from './scram.ts'

export interface ScramUser extends ScramKeys {
  readonly principal: Device
}

export interface ScramUsersParts {
  readonly registry: Registry
  /** Of this box, kept over restarts: challenges for unknown names are made from it. */
  readonly secret: Buffer
  /** Whether a client may go by this id as this user. */
  readonly isClientOf: (deviceId: string, clientId: string) => boolean
}

/**
 * Finds a user for the exchange. Whoever may not log in gets keys too, the same for the same name and
 * for no secret at all: the exchange takes the same steps and fails at its end, so that nobody learns
 * which names exist (RFC 5802 section 9 leaves that to the server).
 */
export function createScramUsers(parts: ScramUsersParts) {
  const { registry, secret, isClientOf } = parts
  const unknown = (username: string): ScramUser => {
    const salt = createHmac('sha256', secret).update(`salt ${username}`).digest()
    return {
      principal: { id: username, kind: 'nobody', groups: [] },
      salt: salt.subarray(0, SALT_BYTES),
      // Half of the names that do not exist look like staff, half like devices.
      iterations: (salt[SALT_BYTES] ?? 0) % 2 === 0 ? TOKEN_ITERATIONS : PASSWORD_ITERATIONS,
      // The hash of no key that anybody has.
      storedKey: randomBytes(KEY_BYTES),
      serverKey: randomBytes(KEY_BYTES),
    }
  }
  return (username: string, clientId: string): ScramUser => {
    const device = registry.get(username)
    const login = registry.login(username)
    const isIn = device !== undefined && !device.isDisabled && isClientOf(username, clientId)
    return isIn && login ? { ...login.scram, principal: device } : unknown(username)
  }
}
