/** Who may come in: tokens checked in one place for every channel, failed logins slowed down. */
import { createHash } from 'node:crypto'
import type { Clock } from '../clock.ts'
import { GatewayError } from '../errors.ts'
import type { Device } from '../turn.ts'
import type { Registry } from './registry.ts'

/**
 * Failures of one device at one address before it has to wait. A device with a stale token slows itself
 * only, not the ward behind the same address; tokens are too long to be guessed either way.
 */
const FREE_FAILURES = 10
/** The wait doubles from 1 s with each further failure, up to this. */
const MAX_WAIT_MS = 60_000
/** Failing devices remembered; the oldest go first. */
const MAX_REMEMBERED = 10_000

export interface Claim {
  readonly token: string | undefined
  /** The id the channel gives; absent for a bare bearer token. */
  readonly deviceId?: string
  readonly remoteAddress: string
}

export interface Admission {
  /** The device; throws `auth.missing`, `auth.refused`, `auth.disabled`, `auth.backing-off`. */
  admit(claim: Claim): Device
}

export function createAdmission(parts: { registry: Registry; clock: Clock }): Admission {
  const { registry, clock } = parts
  const failures = new Map<string, { count: number; waitUntilMs: number }>()

  const keyOf = ({ deviceId, token, remoteAddress }: Claim): string =>
    `${remoteAddress} ${
      deviceId ??
      createHash('sha256')
        .update(token ?? '')
        .digest('base64')
    }`

  function fail(key: string, code: 'auth.refused' | 'auth.disabled', deviceId?: string): never {
    const count = (failures.get(key)?.count ?? 0) + 1
    const waitMs =
      count <= FREE_FAILURES ? 0 : Math.min(MAX_WAIT_MS, 1000 * 2 ** (count - FREE_FAILURES - 1))
    failures.delete(key)
    failures.set(key, { count, waitUntilMs: clock.monotonic() + waitMs })
    if (failures.size > MAX_REMEMBERED) {
      const oldest = failures.keys().next()
      if (!oldest.done) failures.delete(oldest.value)
    }
    throw new GatewayError(
      code,
      deviceId === undefined ? {} : { detail: `device "${deviceId.slice(0, 64)}"` },
    )
  }

  return {
    admit(claim) {
      const { token, deviceId } = claim
      const key = keyOf(claim)
      const waitMs = (failures.get(key)?.waitUntilMs ?? 0) - clock.monotonic()
      if (waitMs > 0) {
        throw new GatewayError('auth.backing-off', { detail: `${Math.ceil(waitMs / 1000)} s` })
      }
      if (!token) throw new GatewayError('auth.missing')
      const result = registry.authenticate(token, deviceId)
      if (!result.ok) return fail(key, result.code, deviceId)
      failures.delete(key)
      return result.device
    },
  }
}
