/** From CONNECT to CONNACK: what the device asks for, and what it means when it is refused. */
import type { IClientOptions, MqttClient } from 'mqtt'
import type { Problem } from '../protocol/schemas.ts'
import { DeviceClientError, ProblemError } from './errors.ts'
import type { LinkOptions } from './link.ts'

/** Half-open connections are noticed after one and a half of this. */
const KEEPALIVE_SECONDS = 30
/** The gateway keeps what it has for a device that is away for a day: a broken box over a weekend night. */
const SESSION_EXPIRY_SECONDS = 86_400
/** Speech and answers on their way at once; a device plays one at a time, so a small window is enough. */
const RECEIVE_MAXIMUM = 32
const NOT_KNOWN = {
  code: 'auth.refused',
  status: 401,
  title: 'The device or its token is not known',
}
/** Whatever proved who it is did not: the certificate, where the device shows one. */
const NOT_AUTHORIZED = 0x87
const NO_CERTIFICATE = {
  code: 'auth.certificate',
  status: 401,
  title: 'The client certificate does not count',
}
/** What a CONNACK code of 3.1.1 (4, 5) or 5 says of the login, as the other transports say it. */
const REFUSED_LOGIN: ReadonlyMap<number, Pick<Problem, 'code' | 'status' | 'title'>> = new Map([
  [4, NOT_KNOWN],
  [5, NOT_KNOWN],
  [0x86, NOT_KNOWN],
  [NOT_AUTHORIZED, NOT_KNOWN],
  [0x8a, { code: 'auth.disabled', status: 403, title: 'The device is switched off' }],
  [0x9f, { code: 'auth.backing-off', status: 429, title: 'Too many logins' }],
])
/** CONNACK codes that mean "not in this protocol version": 3.1.1 [1] and 5 [0x84]. */
const REFUSED_VERSION: ReadonlySet<number> = new Set([1, 0x84])

export type MqttVersion = 4 | 5
export class VersionRefused extends Error {}
/** A broker of 3.1.1 alone may do this to a version 5 CONNECT; so may a gateway that goes down. */
export class ClosedSilently extends DeviceClientError {}

export function connectOptions(options: LinkOptions, version: MqttVersion): IClientOptions {
  return {
    clientId: options.deviceId,
    username: options.deviceId,
    password: options.token,
    protocolVersion: version,
    clean: false,
    keepalive: KEEPALIVE_SECONDS,
    connectTimeout: options.connectTimeoutMs,
    reconnectPeriod: 0,
    resubscribe: false,
    queueQoSZero: false,
    ...(version === 5
      ? {
          properties: {
            sessionExpiryInterval: SESSION_EXPIRY_SECONDS,
            receiveMaximum: RECEIVE_MAXIMUM,
          },
        }
      : {}),
    ...options.tls,
  }
}

/**
 * Resolves on an accepting CONNACK, with its Receive Maximum (3.1.1 has none); otherwise ends the client and
 * says why.
 */
export function connected(client: MqttClient, options: LinkOptions): Promise<number> {
  return new Promise((resolve, reject) => {
    let reachedBroker = false
    const fail = (error: Error) => {
      client.removeAllListeners('close')
      client.on('error', () => undefined)
      client.end(true)
      reject(error)
    }
    client.stream?.once('connect', () => {
      reachedBroker = true
    })
    let reason: string | undefined
    client.once('packetreceive', (packet) => {
      if (packet.cmd === 'connack') reason = packet.properties?.reasonString
    })
    client.once('connect', ({ properties }) => {
      client.removeAllListeners('close')
      client.removeAllListeners('error')
      resolve(properties?.receiveMaximum ?? Number.POSITIVE_INFINITY)
    })
    client.once('error', (error) => fail(readConnectError(error, reason, options)))
    client.once('close', () => {
      if (reachedBroker) fail(new ClosedSilently('client.link-failed', 'closed without CONNACK'))
      else fail(new DeviceClientError('client.link-failed', `no connection to ${options.url.host}`))
    })
  })
}

function readConnectError(
  error: Error & { code?: unknown },
  reason: string | undefined,
  options: LinkOptions,
): Error {
  const code = error.code
  if (typeof code !== 'number')
    return new DeviceClientError('client.link-failed', error.message, error)
  if (REFUSED_VERSION.has(code)) return new VersionRefused(error.message)
  const said = `CONNACK code ${code}${reason === undefined ? '' : `: ${reason}`}`
  const isOfCertificate = code === NOT_AUTHORIZED && options.tls?.cert !== undefined
  const refusal = isOfCertificate ? NO_CERTIFICATE : REFUSED_LOGIN.get(code)
  if (refusal === undefined) return new DeviceClientError('client.link-failed', said, error)
  return new ProblemError({
    ...refusal,
    type: `urn:kefu:problem:${refusal.code}`,
    detail: `The gateway refused ${options.deviceId}: ${said}.`,
  })
}
