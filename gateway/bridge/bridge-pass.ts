/**
 * How the house's own bridges log in at the house's own broker: in memory, with a secret of this run.
 * Nobody else may use their names, not even where anonymous clients are let in.
 */
import { randomBytes, timingSafeEqual } from 'node:crypto'
import type { AuthenticateResult, MqttCredentials } from '../channels/mqtt/ports.ts'
import type { Device } from '../turn.ts'

/** No device id begins with a dollar sign. */
export const BRIDGE_CLIENT_PREFIX = '$bridge/'
const SECRET_BYTES = 32
const NOT_AUTHORIZED = 0x87

export interface BridgePass {
  readonly secret: Buffer
  /** Undefined: not about a bridge. */
  authenticate(credentials: MqttCredentials): AuthenticateResult<Device> | undefined
  isBridge(device: Device): boolean
}

export function createBridgePass(): BridgePass {
  const secret = randomBytes(SECRET_BYTES)
  const known = new WeakSet<Device>()
  return {
    secret,
    isBridge: (device) => known.has(device),
    authenticate({ clientId, password }) {
      if (!clientId.startsWith(BRIDGE_CLIENT_PREFIX)) return undefined
      if (password?.length !== secret.length || !timingSafeEqual(password, secret)) {
        const reason = 'the client identifier belongs to a bridge of this gateway'
        return { ok: false, reasonCode: NOT_AUTHORIZED, reason, logCode: 'auth.client-id' }
      }
      const principal: Device = { id: clientId, kind: 'bridge', groups: [] }
      known.add(principal)
      return { ok: true, principal }
    },
  }
}
