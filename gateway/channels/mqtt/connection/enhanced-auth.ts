/** Enhanced authentication of one connection (MQTT 5.0 section 4.12): AUTH packets to and fro. */

import { encodeAuth } from '../codec/encoder.ts'
import { type AuthPacket, ProtocolError } from '../codec/packets.ts'
import { Reason } from '../codec/reason-codes.ts'
import type { AuthExchange, AuthMethod, AuthStep, MqttPrincipal } from '../ports.ts'
import { loginWait } from './admission.ts'
import type { Connection } from './connection.ts'

export class EnhancedAuth {
  private readonly connection: Connection
  private readonly onAuthenticated: (principal: MqttPrincipal) => void
  private readonly onError: (error: unknown) => void
  private exchange: AuthExchange<MqttPrincipal> | null = null
  /** As the client named it in CONNECT; undefined: plain authentication. */
  method: string | undefined
  /** The last word of the exchange, which goes with the CONNACK. */
  finalData: Buffer | undefined

  constructor(
    connection: Connection,
    onAuthenticated: (principal: MqttPrincipal) => void,
    onError: (error: unknown) => void,
  ) {
    this.connection = connection
    this.onAuthenticated = onAuthenticated
    this.onError = onError
  }

  /** CONNECT named a method. */
  start(method: string, data: Buffer | undefined): void {
    const { connection } = this
    this.method = method
    const known = this.find(method)
    if (known === undefined) {
      const reason = `the authentication method is not offered: ${method}`
      connection.refuse(Reason.badAuthenticationMethod, reason)
      return
    }
    this.exchange = known.start(connection.clientId)
    this.step(this.exchange, data)
  }

  /** AUTH before CONNACK. */
  continue(packet: AuthPacket): void {
    this.requireSameMethod(packet)
    if (this.exchange === null || packet.reasonCode !== Reason.continueAuthentication) {
      throw new ProtocolError(Reason.protocolError, 'AUTH out of place')
    }
    this.step(this.exchange, packet.properties?.authenticationData)
  }

  /** AUTH on an open connection: re-authentication, or the next step of one. */
  renew(packet: AuthPacket): void {
    this.requireSameMethod(packet)
    const { connection } = this
    if (packet.reasonCode === Reason.reAuthenticate) {
      this.exchange = this.find(this.method)?.start(connection.clientId) ?? null
    }
    if (this.exchange === null) throw new ProtocolError(Reason.protocolError, 'AUTH out of place')
    this.step(this.exchange, packet.properties?.authenticationData)
  }

  private find(method: string | undefined): AuthMethod<MqttPrincipal> | undefined {
    return this.connection.engine.policy.authMethods.find(({ name }) => name === method)
  }

  /** [MQTT-4.12.0-5] and [MQTT-4.12.1-1]. */
  private requireSameMethod(packet: AuthPacket): void {
    if (this.method !== undefined && packet.properties?.authenticationMethod === this.method) return
    throw new ProtocolError(Reason.protocolError, 'AUTH with another method than CONNECT')
  }

  private step(exchange: AuthExchange<MqttPrincipal>, data: Buffer | undefined): void {
    const { connection } = this
    const result = exchange.next(Buffer.from(data ?? []))
    if (!(result instanceof Promise)) {
      this.stepped(exchange, result)
      return
    }
    connection.hold()
    result.then(
      (step) => {
        this.stepped(exchange, step)
        connection.release()
      },
      (error: unknown) => this.onError(error),
    )
  }

  private stepped(exchange: AuthExchange<MqttPrincipal>, step: AuthStep<MqttPrincipal>): void {
    const { connection } = this
    const { engine, handshake, io } = connection
    if (connection.state === 'closed') return
    handshake.loginName = exchange.loginName ?? handshake.loginName
    // Whatever the step has shown: exchanges that were begun at once must not be as many tries.
    const wait = loginWait(connection, handshake.loginName)
    if (wait !== null) {
      this.exchange = null
      connection.disconnect(wait.code, wait.reason)
      return
    }
    switch (step.kind) {
      case 'continue':
        this.answer(Reason.continueAuthentication, step.data)
        return
      case 'refused':
        this.exchange = null
        engine.loginGuard.failed(io.remoteAddress, handshake.loginName)
        connection.disconnect(step.reasonCode, step.reason)
        return
      case 'done':
        this.exchange = null
        if (connection.state === 'open') this.renewed(step.principal, step.data)
        else {
          this.finalData = step.data
          this.onAuthenticated(step.principal)
        }
    }
  }

  /** Permissions may be others now. */
  private renewed(principal: MqttPrincipal, data: Buffer | undefined): void {
    const { session, engine } = this.connection
    if (session !== null) engine.sessions.setPrincipal(session, principal)
    engine.permissionsVersion++
    this.answer(Reason.success, data)
  }

  private answer(reasonCode: number, data: Buffer | undefined): void {
    const bytes = encodeAuth(reasonCode, {
      authenticationMethod: this.method ?? '',
      ...(data === undefined ? {} : { authenticationData: data }),
    })
    this.connection.sendAnswer(() => bytes, undefined)
  }
}
