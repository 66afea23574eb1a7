/**
 * How a connection begins and ends: CONNECT, enhanced authentication, CONNACK, take-over, DISCONNECT
 * (MQTT 5.0 sections 3.1, 3.2, 3.14, 3.15 and 4.12).
 */

import { encodeConnack } from '../codec/encoder.ts'
import { type ConnectPacket, type Properties, ProtocolError } from '../codec/packets.ts'
import { Reason } from '../codec/reason-codes.ts'
import type { AuthenticateResult, MqttPrincipal } from '../ports.ts'
import type { Session } from '../sessions/session.ts'
import type { OpenedSession } from '../sessions/sessions.ts'
import { willFields } from '../sessions/wills.ts'
import { shownText } from '../shown-text.ts'
import { admissionProblem, loginName, willProblem } from './admission.ts'
import { askedOf, sessionExpirySeconds } from './asked-for.ts'
import { connackProperties, keepAliveFor } from './connack.ts'
import type { Connection } from './connection.ts'
import { enterDevice } from './device-connections.ts'
import { EnhancedAuth } from './enhanced-auth.ts'
import { takeOver } from './farewell.ts'
import { tellDeaf, tellSubscriptions } from './subscribing.ts'

export interface EndReason {
  readonly code: number
  readonly text: string
  readonly isClean: boolean
}

export class Handshake {
  private readonly connection: Connection
  private packet: ConnectPacket | null = null
  private assignedClientId: string | null = null
  /** Whose connection it was counted as. */
  private deviceId: string | undefined
  /** Expiry interval of the session that was found; null: this CONNECT has made it. */
  private earlierExpirySeconds: number | null = null
  /** CONNACK is sent. */
  private isLetIn = false
  /** For an earlier connection of the client, which had more to say. */
  private hasWaited = false
  /** Whose failed logins this one counts among: what CONNECT says, until an exchange tells another name. */
  loginName = ''
  readonly enhanced: EnhancedAuth

  constructor(connection: Connection) {
    this.connection = connection
    this.enhanced = new EnhancedAuth(
      connection,
      (principal) => this.authenticated({ ok: true, principal }),
      (error) => this.authenticationFailed(error),
    )
  }

  connect(packet: ConnectPacket): void {
    const { connection } = this
    const { engine, io } = connection
    connection.state = 'authenticating'
    connection.version = packet.version
    this.packet = packet
    this.loginName = loginName(packet)
    askedOf(connection, packet.properties)
    connection.clientId = shownText(packet.clientId)
    const refusal = admissionProblem(connection, packet)
    if (refusal !== null) {
      connection.refuse(refusal.code, refusal.reason)
      return
    }
    connection.clientId = packet.clientId
    const method = packet.properties?.authenticationMethod
    if (method !== undefined) {
      this.enhanced.start(method, packet.properties?.authenticationData)
      return
    }
    const result = engine.policy.authenticate({
      clientId: connection.clientId,
      username: packet.username,
      password: packet.password,
      certificate: io.peerCertificate,
      certificateFault: io.certificateFault,
      protocolVersion: packet.version,
      remoteAddress: io.remoteAddress,
      transport: io.transport,
    })
    if (!(result instanceof Promise)) {
      this.authenticated(result)
      return
    }
    connection.hold()
    result.then(
      (settled) => {
        this.authenticated(settled)
        connection.release()
      },
      (error: unknown) => this.authenticationFailed(error),
    )
  }

  /** A CONNECT that cannot be read: answered where the specification allows an answer, else closed. */
  onMalformed(error: ProtocolError): void {
    const { connection } = this
    const hasAnswer =
      connection.version === 5 || error.reasonCode === Reason.unsupportedProtocolVersion
    if (hasAnswer) connection.refuse(error.reasonCode, error.message)
    else connection.turnAway(error.reasonCode, error.message)
  }

  /** DISCONNECT from the client. */
  disconnected(reasonCode: number, properties: Properties | undefined): void {
    const { connection } = this
    const { session, engine } = connection
    const expiry = properties?.sessionExpiryInterval
    if (session !== null && expiry !== undefined) {
      if (session.expirySeconds === 0 && expiry > 0) {
        throw new ProtocolError(Reason.protocolError, 'a session that was to end cannot be kept')
      }
      session.expirySeconds = Math.min(expiry, engine.limits.maxSessionExpirySeconds)
    }
    if (reasonCode === Reason.success) engine.wills.discard(connection.clientId)
    connection.end(reasonCode, properties?.reasonString ?? 'the client disconnected', true)
  }

  /** Messages do not reach the client any more: those that may wait do, others go to who is there. */
  outOfReach(): void {
    const { session } = this.connection
    if (session === null || session.connection !== this.connection) return
    session.connection = null
    session.outbound.disconnected()
    tellDeaf(this.connection)
  }

  /** The connection has ended; `reason` is kept for the operator. */
  left(session: Session, reason: EndReason): void {
    const { connection } = this
    const { engine } = connection
    if (session.owner !== connection) return
    if (this.deviceId !== undefined) engine.deviceConnections.leave(this.deviceId)
    session.owner = null
    this.outOfReach()
    session.disconnectedAtMs = engine.clock.nowMs()
    session.disconnectReason = reason.text
    if (!this.isLetIn) {
      this.undo(session)
      return
    }
    engine.wills.lost(connection.clientId, session.expirySeconds)
    engine.sessions.left(session)
    engine.core.unregister(session.clientId)
    if (session.principal === null) return
    engine.logger.info(
      { clientId: session.clientId, reasonCode: reason.code, reason: reason.text },
      'client disconnected',
    )
    this.tellPresence(session, false, session.disconnectedAtMs, reason.text)
  }

  private tellPresence(session: Session, online: boolean, atMs: number, reason?: string): void {
    const { clientId, principal: device } = session
    if (device === null) return
    this.connection.engine.policy.onPresence({ clientId, device, online, atMs, reason })
  }

  /** No CONNACK, no client: nobody is told that it is lost, and its CONNECT has changed no session. */
  private undo(session: Session): void {
    const { connection, earlierExpirySeconds } = this
    const { wills, sessions } = connection.engine
    if (earlierExpirySeconds === null) {
      wills.discard(connection.clientId)
      sessions.end(session)
      return
    }
    wills.undo(connection.clientId)
    session.expirySeconds = earlierExpirySeconds
    sessions.left(session)
  }

  private authenticationFailed(error: unknown): void {
    const { connection } = this
    connection.engine.logger.error(
      { clientId: connection.clientId, err: error },
      'authentication could not be carried out',
    )
    if (connection.state === 'open') connection.disconnect(Reason.unspecifiedError)
    else connection.refuse(Reason.serverUnavailable, 'authentication is not available')
  }

  private authenticated(result: AuthenticateResult<MqttPrincipal>): void {
    const { connection, packet } = this
    if (connection.state !== 'authenticating' || packet === null) return
    const { loginGuard, policy } = connection.engine
    const { remoteAddress } = connection.io
    if (!result.ok) {
      loginGuard.failed(remoteAddress, this.loginName)
      connection.refuse(result.reasonCode, result.reason, result.logCode)
      return
    }
    loginGuard.succeeded(remoteAddress, this.loginName)
    const { principal } = result
    if (packet.clientId === '') {
      this.assignedClientId = policy.createClientId(principal)
      connection.clientId = this.assignedClientId
    }
    const problem = willProblem(connection.engine, packet, principal)
    if (problem !== null) {
      connection.refuse(problem.code, problem.reason)
      return
    }
    this.openSession(packet, principal)
  }

  private openSession(packet: ConnectPacket, principal: MqttPrincipal): void {
    const { connection } = this
    const { engine, clientId } = connection
    if (connection.state !== 'authenticating') return
    const earlier = engine.sessions.get(clientId)?.owner
    if (earlier?.isBehind && !this.hasWaited) {
      this.waitFor(earlier, () => this.openSession(packet, principal))
      return
    }
    if (earlier != null) takeOver(earlier, connection)
    this.deviceId = enterDevice(engine, clientId)
    if (this.deviceId === undefined) {
      const most = engine.limits.maxConnectionsPerDevice
      const reason = `a device has ${most} connections at most (mqtt.maxConnectionsPerDevice)`
      connection.refuse(Reason.quotaExceeded, reason)
      return
    }
    const opened = engine.sessions.open(
      clientId,
      packet.cleanStart,
      sessionExpirySeconds(engine.limits, packet),
    )
    const { session } = opened
    this.earlierExpirySeconds = opened.earlierExpirySeconds
    session.owner = connection
    engine.sessions.setPrincipal(session, principal)
    connection.session = session
    const will = packet.will && willFields(packet.will)
    const willKept = engine.wills.set(clientId, will, principal, session.expirySeconds)
    if (opened.kept === null && willKept === null) {
      this.complete(packet, opened)
      return
    }
    connection.hold()
    Promise.all([opened.kept, willKept]).then(
      () => {
        this.complete(packet, opened)
        connection.release()
      },
      () => connection.refuse(Reason.serverUnavailable, 'the session could not be stored'),
    )
  }

  /** Its goodbye may stand behind what it sent too fast. */
  private waitFor(earlier: Connection, open: () => void): void {
    const { connection } = this
    this.hasWaited = true
    connection.hold()
    const goOn = (): void => connection.guard(open)
    earlier.farewell.hear({ connection, goOn })
  }

  /** CONNACK, and the session gets its connection. */
  private complete(packet: ConnectPacket, { session, isPresent }: OpenedSession): void {
    const { connection } = this
    const { engine } = connection
    if (connection.state !== 'authenticating' || session.owner !== connection) return
    const keepAliveSeconds = keepAliveFor(engine.limits, packet)
    const { assignedClientId, enhanced } = this
    const { method, finalData } = enhanced
    const accepted = { packet, session, keepAliveSeconds, assignedClientId, method, finalData }
    const properties = packet.version === 5 ? connackProperties(engine, accepted) : undefined
    const connack = encodeConnack(packet.version, isPresent, 0, properties)
    if (connack.length > connection.outlet.maxPacketBytes) {
      connection.end(Reason.packetTooLarge, 'the client takes no CONNACK of this size', false)
      return
    }
    connection.open()
    this.isLetIn = true
    engine.wills.settled(session.clientId)
    this.packet = null
    session.connectedAtMs = engine.clock.nowMs()
    session.disconnectReason = null
    connection.keepAliveMs = keepAliveSeconds * 1000
    engine.counters.connects++
    engine.counters.messagesSent++
    connection.send(connack)
    // One that has gone already is only heard.
    const isHere = !connection.farewell.hasBegun
    if (isHere) session.connection = connection
    engine.core.register(session.clientId)
    engine.logger.debug(
      { clientId: session.clientId, remoteAddress: connection.io.remoteAddress, isPresent },
      'client connected',
    )
    this.tellPresence(session, true, session.connectedAtMs)
    if (isHere) session.outbound.connected()
    if (isPresent) tellSubscriptions(connection)
  }
}
