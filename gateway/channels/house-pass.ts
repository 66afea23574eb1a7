/**
 * How the house itself logs in at its own broker: in memory, with a secret of this run. Nobody else may use
 * its names, not even where anonymous clients are let in.
 */
import { randomBytes, timingSafeEqual } from 'node:crypto'
import type { Device } from '../turn.ts'
import type { AuthenticateResult, MqttCredentials } from './mqtt/ports.ts'

/** Client ids of bridges. No device id begins with a dollar sign. */
export const BRIDGE_CLIENT_PREFIX = '$bridge/'
/** User name of the box where it takes the place of a client that has moved to another box of the site. */
export const SITE_USERNAME = '$site'
const SECRET_BYTES = 32
const NOT_AUTHORIZED = 0x87

export interface HousePass {
  readonly secret: Buffer
  /** Undefined: not about the house. */
  authenticate(credentials: MqttCredentials): AuthenticateResult<Device> | undefined
  isBridge(device: Device): boolean
  /** The box in a client's place: it is given what the client was. */
  isSite(device: Device): boolean
}

export function createHousePass(): HousePass {
  const secret = randomBytes(SECRET_BYTES)
  const known = new WeakMap<Device, 'bridge' | 'site'>()

  /** Which part of the house these names belong to. */
  const roleOf = ({ clientId, username }: MqttCredentials) => {
    if (clientId.startsWith(BRIDGE_CLIENT_PREFIX)) return 'bridge'
    return username === SITE_USERNAME ? 'site' : undefined
  }

  return {
    secret,
    isBridge: (device) => known.get(device) === 'bridge',
    isSite: (device) => known.get(device) === 'site',
    authenticate(credentials) {
      const { clientId, password } = credentials
      const role = roleOf(credentials)
      if (role === undefined) return undefined
      if (password?.length !== secret.length || !timingSafeEqual(password, secret)) {
        const reason = 'the name belongs to the gateway itself'
        return { ok: false, reasonCode: NOT_AUTHORIZED, reason, logCode: 'auth.refused' }
      }
      const id = role === 'bridge' ? clientId : SITE_USERNAME
      const principal: Device = { id, kind: role, groups: [] }
      known.set(principal, role)
      return { ok: true, principal }
    },
  }
}
