/** Whether a CONNECT may go on: what is asked before its client is known, and what of its will. */
import { ERRORS } from '../../../error-table.ts'
import type { CertificateFault } from '../byte-connection.ts'
import type { ConnectPacket } from '../codec/packets.ts'
import { Reason } from '../codec/reason-codes.ts'
import { topicDepth } from '../codec/topics.ts'
import type { Engine } from '../engine.ts'
import { isTooLong } from '../limits.ts'
import type { MqttPrincipal } from '../ports.ts'
import type { Connection } from './connection.ts'

export interface Problem {
  readonly code: number
  readonly reason: string
}

/** Longest client id: as long as the contract's device ids allow, with room for prefixes. */
const MAX_CLIENT_ID_CHARACTERS = 256

const TOO_MANY: Problem = {
  code: Reason.connectionRateExceeded,
  reason: 'too many clients connect at once; mqtt.connectsPerSecond sets the limit',
}

/** For the log and the device, with the next step. */
function wordsOf(fault: CertificateFault): string {
  const { title, next } = ERRORS[fault]
  return `${title}. ${next}`
}

/** Whose failed logins are counted together: the device that the client says it is, in CONNECT. */
export const loginName = ({ clientId, username }: ConnectPacket): string =>
  clientId === '' ? (username ?? '') : clientId

/** What can be said before knowing who it is. */
export function admissionProblem(connection: Connection, packet: ConnectPacket): Problem | null {
  const { engine } = connection
  const { limits } = engine
  if (engine.isClosing) return { code: Reason.serverShuttingDown, reason: 'shutting down' }
  const { remoteAddress, transport, peerCertificate, certificateFault } = connection.io
  // Over TLS it was counted before the handshake.
  const wasAdmitted = transport === 'tls' || connection.io.wasAdmitted
  if (!wasAdmitted && !engine.connectGate.admits(remoteAddress)) return TOO_MANY
  // Whatever else it brings: a token, a password, nothing.
  if (connection.io.requiresCertificate && !peerCertificate) {
    const reason = certificateFault ? wordsOf(certificateFault) : 'a client certificate is required'
    return { code: Reason.notAuthorized, reason }
  }
  if (packet.properties?.authenticationMethod === undefined) {
    const wait = loginWait(connection, loginName(packet))
    if (wait !== null) return wait
  }
  if (engine.connections.size > limits.maxConnections) {
    return {
      code: Reason.serverBusy,
      reason: `the gateway holds ${limits.maxConnections} connections at most`,
    }
  }
  if (packet.clientId === '' && !packet.cleanStart && packet.version < 5) {
    return {
      code: Reason.clientIdentifierNotValid,
      reason: 'an empty client identifier needs a clean session [MQTT-3.1.3-8]',
    }
  }
  if (packet.clientId.length > MAX_CLIENT_ID_CHARACTERS) {
    return {
      code: Reason.clientIdentifierNotValid,
      reason: `a client identifier has ${MAX_CLIENT_ID_CHARACTERS} characters at most`,
    }
  }
  return null
}

/** Too many logins have failed under this name. With an authentication method it comes within the exchange. */
export function loginWait({ engine, io }: Connection, name: string): Problem | null {
  const waitMs = engine.loginGuard.waitMs(io.remoteAddress, name)
  if (waitMs === 0) return null
  return {
    code: Reason.connectionRateExceeded,
    reason: `too many failed logins; try again in ${Math.ceil(waitMs / 1000)} s`,
  }
}

/** A will is a publish that comes later: what may not be published is refused now. */
export function willProblem(
  engine: Engine,
  packet: ConnectPacket,
  principal: MqttPrincipal,
): Problem | null {
  if (packet.will === undefined) return null
  const { policy, limits } = engine
  const { topic } = packet.will
  const isTooDeep = topicDepth(topic) > limits.maxTopicDepth
  if (topic.startsWith('$') || isTooDeep || isTooLong(topic, limits)) {
    return { code: Reason.topicNameInvalid, reason: 'the will topic is not allowed' }
  }
  const result = policy.authorize(principal, 'publish', topic)
  return result.ok ? null : { code: result.reasonCode, reason: `will: ${result.reason}` }
}

/** Whether a TLS handshake may begin, at the same limit as a CONNECT. Who may not is noted as refused. */
export function admitsHandshake(engine: Engine, remoteAddress: string): boolean {
  if (engine.connectGate.admits(remoteAddress)) return true
  const { code: reasonCode, reason } = TOO_MANY
  engine.refusals.note({ clientId: '', remoteAddress, reasonCode, reason })
  return false
}

/** A handshake came to nothing; without a reason it was no device, and only the limit counts it. */
export function handshakeFailed(engine: Engine, remoteAddress: string, reason?: string): void {
  engine.connectGate.failed(remoteAddress)
  if (reason === undefined) return
  engine.refusals.note({ clientId: '', remoteAddress, reasonCode: Reason.notAuthorized, reason })
}
