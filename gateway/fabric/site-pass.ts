/**
 * How the box itself takes a client's session at its own broker, when the client has moved to another box:
 * in memory, under the client's id, with a secret of this run.
 */
import { randomBytes, timingSafeEqual } from 'node:crypto'
import type { AuthenticateResult, MqttCredentials } from '../channels/mqtt/ports.ts'
import type { Device } from '../turn.ts'

/** No device id begins with a dollar sign. */
export const SITE_USERNAME = '$site'
const SECRET_BYTES = 32
const NOT_AUTHORIZED = 0x87

export interface SitePass {
  readonly secret: Buffer
  /** Undefined: not about the box itself. */
  authenticate(credentials: MqttCredentials): AuthenticateResult<Device> | undefined
  /** The box in a client's place: it is given what the client was. */
  isSite(device: Device): boolean
}

export function createSitePass(): SitePass {
  const secret = randomBytes(SECRET_BYTES)
  const known = new WeakSet<Device>()
  return {
    secret,
    isSite: (device) => known.has(device),
    authenticate({ username, password }) {
      if (username !== SITE_USERNAME) return undefined
      if (password?.length !== secret.length || !timingSafeEqual(password, secret)) {
        const reason = 'the user name belongs to the box itself'
        return { ok: false, reasonCode: NOT_AUTHORIZED, reason, logCode: 'auth.refused' }
      }
      const principal: Device = { id: SITE_USERNAME, kind: 'site', groups: [] }
      known.add(principal)
      return { ok: true, principal }
    },
  }
}
