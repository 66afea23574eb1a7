/** Who devices are and what they may: logins, SCRAM, rights that change while they are connected. Part of compose. */
import { randomBytes } from 'node:crypto'
import type { MqttBroker } from './channels/mqtt/broker.ts'
import type { AuthMethod } from './channels/mqtt/ports.ts'
import { createScramMethod } from './channels/mqtt/scram.ts'
import { isClientOf } from './channels/mqtt-devices.ts'
import type { Box } from './compose.ts'
import { type Admission, createAdmission } from './devices/admission.ts'
import { createLiveRights, deviceIdOf, type LiveRights } from './devices/live-rights.ts'
import { createScramUsers } from './devices/scram-users.ts'
import { ERRORS } from './error-table.ts'
import { GatewayError, toProblem } from './errors.ts'
import type { Logger } from './logger.ts'
import type { Device } from './turn.ts'

const SECRET_BYTES = 32
const LOST_RIGHTS = ERRORS['permissions.changed'].title

export interface Identity {
  readonly admission: Admission
  readonly authMethods: readonly AuthMethod<Device>[]
  readonly rights: LiveRights
  /** Ends every MQTT connection of the device, and every login that is under way. */
  disconnect(deviceId: string, reason: string): void
  /** Ends its MQTT sessions too, for good: the device is no more. */
  forget(deviceId: string, reason: string): void
}

export interface IdentityParts {
  readonly box: Box
  readonly logger: Logger
  /** Made after this, of what is made here. */
  readonly broker: () => MqttBroker
  readonly sendProblem: (deviceId: string, problem: object) => void
}

export function composeIdentity({ box, logger, broker, sendProblem }: IdentityParts): Identity {
  const { registry, clock, passwords, permissions, folder } = box
  const secret = folder.readOrMake('login.secret', () => randomBytes(SECRET_BYTES).toString('hex'))
  const scram = createScramMethod<Device>({
    find: createScramUsers({ registry, secret: Buffer.from(secret, 'hex'), isClientOf }),
  })
  const isOf = (deviceId: string) => (clientId: string) => deviceIdOf(clientId) === deviceId
  const clients = (): string[] =>
    broker()
      .connections()
      .filter((one) => one.isConnected)
      .map((one) => one.clientId)
  return {
    admission: createAdmission({ registry, clock, passwords }),
    authMethods: [scram],
    rights: createLiveRights({
      registry,
      permissions,
      clients,
      forgetDecisions: () => broker().permissionsChanged(),
      cut: (clientId, deviceId) => {
        // 3.1.1 has no reason in DISCONNECT: the problem says it to every version.
        sendProblem(deviceId, toProblem(new GatewayError('permissions.changed')))
        broker().disconnect(clientId, LOST_RIGHTS)
        logger.info({ clientId }, 'lost a subscription it may no longer have')
      },
    }),
    disconnect: (deviceId, reason) => broker().disconnectAll(isOf(deviceId), reason),
    forget: (deviceId, reason) => broker().forget(isOf(deviceId), reason),
  }
}
