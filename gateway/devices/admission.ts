/** Who may come in: tokens and passwords checked in one place for every channel, failed logins slowed down. */
import type { Clock } from '../clock.ts'
import { GatewayError } from '../errors.ts'
import type { Device } from '../turn.ts'
import { FailedLogins, hashOfSecret, loginKey } from './failed-logins.ts'
import type { Passwords } from './passwords.ts'
import { type Registry, TOKEN_PREFIX } from './registry.ts'

/** Failures of one device at one address before it has to wait. */
const FREE_FAILURES = 10

export interface Claim {
  readonly token: string | undefined
  /** The id the channel gives; absent for a bare bearer token. */
  readonly deviceId?: string
  readonly remoteAddress: string
}

export interface Admission {
  /** The device of a token; throws `auth.missing`, `auth.refused`, `auth.disabled`, `auth.backing-off`. */
  admit(claim: Claim): Device
  /**
   * As `admit`, for passwords too: where the secret may be one, a promise, which rejects with the same
   * errors or `limit.overloaded`. A name that does not exist takes as long as a wrong password.
   */
  login(claim: Claim): Device | Promise<Device>
}

export interface AdmissionParts {
  readonly registry: Registry
  readonly clock: Clock
  readonly passwords: Passwords
}

export function createAdmission(parts: AdmissionParts): Admission {
  const { registry, clock, passwords } = parts
  const failed = new FailedLogins(() => clock.monotonic(), FREE_FAILURES)

  const keyOf = ({ deviceId, token = '', remoteAddress }: Claim): string =>
    loginKey(remoteAddress, deviceId ?? hashOfSecret(token))

  function fail(key: string, code: 'auth.refused' | 'auth.disabled', deviceId?: string): never {
    failed.failed(key)
    throw new GatewayError(
      code,
      deviceId === undefined ? {} : { detail: `device "${deviceId.slice(0, 64)}"` },
    )
  }

  function mustWait(key: string): void {
    const waitMs = failed.waitMs(key)
    if (waitMs > 0) {
      throw new GatewayError('auth.backing-off', { detail: `${Math.ceil(waitMs / 1000)} s` })
    }
  }

  function admit(claim: Claim): Device {
    const { token, deviceId } = claim
    const key = keyOf(claim)
    mustWait(key)
    if (!token) throw new GatewayError('auth.missing')
    const result = registry.authenticate(token, deviceId)
    if (!result.ok) return fail(key, result.code, deviceId)
    failed.succeeded(key)
    return result.device
  }

  async function byPassword(claim: Claim, id: string, password: string): Promise<Device> {
    const key = keyOf(claim)
    mustWait(key)
    const isRight = await passwords.verify(registry.login(id)?.passwordHash, password)
    // Read only now: the device may have been removed or switched off while the hash was made.
    const device = registry.get(id)
    if (!isRight || !device) return fail(key, 'auth.refused', id)
    if (device.isDisabled) return fail(key, 'auth.disabled', id)
    failed.succeeded(key)
    return device
  }

  return {
    admit,
    login(claim) {
      const { token, deviceId } = claim
      // A box without passwords makes no hashes for anybody.
      const isToken = !token || token.startsWith(TOKEN_PREFIX) || !registry.hasPasswords()
      return isToken || deviceId === undefined ? admit(claim) : byPassword(claim, deviceId, token)
    },
  }
}
