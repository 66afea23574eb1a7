/**
 * Devices at the MQTT broker: who may connect, which topics are the box's own, and how answers and
 * problems go back (to the answer topic, or to the MQTT 5 Response Topic with its Correlation Data).
 */
import { isUpstreamName } from '@kefu-edge/device-sdk/protocol/schemas'
import { parseTopic, topicOf } from '@kefu-edge/device-sdk/protocol/topics'
import { Packr } from 'msgpackr'
import type { Admission } from '../devices/admission.ts'
import { ANONYMOUS_KIND, deviceIdOf } from '../devices/live-rights.ts'
import type { Permissions } from '../devices/permissions.ts'
import type { Registry } from '../devices/registry.ts'
import { ERRORS, type ErrorCode } from '../error-table.ts'
import { asGatewayError, codeOf, GatewayError, isInternal, toProblem } from '../errors.ts'
import type { Logger } from '../logger.ts'
import { covers } from '../topic-filters.ts'
import type { Device } from '../turn.ts'
import type { HousePass } from './house-pass.ts'
import type { Inbox } from './inbox.ts'
import type { PeerCertificate } from './mqtt/byte-connection.ts'
import type { Properties } from './mqtt/codec/packets.ts'
import { autoClientId } from './mqtt/connection/auto-client-id.ts'
import type {
  AuthenticateResult,
  AuthorizeAction,
  AuthorizeResult,
  DeviceMessage,
  DeviceMessageOutcome,
  MqttCredentials,
  PresenceChange,
  RefusedPublish,
  SubscriptionsChange,
} from './mqtt/ports.ts'
import { type Encoding, parseMessage } from './parse-message.ts'
import { errorOfMessage, reasonCodeOf } from './reason-codes.ts'

const NOT_ANY_MORE: AuthorizeResult = {
  ok: false,
  reasonCode: 0x87,
  reason: ERRORS['permissions.changed'].title,
}

/** A message of the box on its way to one device. */
export interface Outgoing {
  readonly topic: string
  readonly payload: Buffer
  readonly qos: 0 | 1
  readonly properties?: Properties
}

export interface MqttDevicesParts {
  readonly inbox: Inbox
  /** What the house itself, bridges among it, may do is said here and by nobody else. */
  readonly housePass: HousePass
  readonly admission: Admission
  readonly registry: Registry
  readonly permissions: Permissions
  readonly allowAnonymous: boolean
  readonly logger: Logger
  readonly clock: { now(): number }
  /** A device that has just been read from the registry and comes in; gives the one to know it by. */
  readonly onAdmitted: (device: Device) => Device
  /** The device as the registry has it now: its kind and groups change while it is connected. */
  readonly current: (device: Device) => Device
  /** Whether the device listens to its speech from here on; told with each change of what it hears by. */
  readonly onListening: (deviceId: string, isListening: boolean) => void
  /** The device, which may be one that nobody knows, has subscribed to more. */
  readonly onSubscribed: (deviceId: string) => void
  /** A client under the plain id of a device has come or gone, one without credentials too. */
  readonly onClient: (deviceId: string, isHere: boolean) => void
  /** The same of devices that are known; with the reason where one has gone. */
  readonly onPresence: (deviceId: string, isOnline: boolean, reason: string) => void
  /** Hands a message to the broker for one device. Resolves when it is on its way; never rejects. */
  readonly deliver: (message: Outgoing) => Promise<void>
}

/** Whoever gives any name without credentials must not speak for the device of that name. */
const isKnown = ({ kind }: Device): boolean => kind !== ANONYMOUS_KIND

const packr = new Packr({ useRecords: false })

/**
 * The client id is the device id. A second connection of the same device, as for watching what it is
 * told, adds a colon and a name; it says nothing about the device's presence. A client that brings no id is
 * given such a one.
 */
export const isClientOf = (deviceId: string, clientId: string): boolean =>
  clientId === '' || clientId === deviceId || clientId.startsWith(`${deviceId}:`)

/** What the house decides of MQTT clients: devices, whoever only watches, bridges and the box itself. */
export function createMqttDevices(parts: MqttDevicesParts) {
  const { inbox, admission, housePass, permissions, logger, deliver } = parts

  function refuse(error: unknown): Extract<AuthenticateResult<Device>, { ok: false }> {
    const known = asGatewayError(error)
    if (known.code === 'internal') logger.error({ error }, 'login failed')
    return {
      ok: false,
      reasonCode: reasonCodeOf(known.code),
      reason: ERRORS[known.code].title,
      logCode: known.code,
    }
  }

  /** A certificate speaks for the devices it names, and against every other. */
  function byCertificate({ commonName, altNames }: PeerCertificate, clientId: string): Device {
    const named = [...altNames, ...(commonName === undefined ? [] : [commonName])]
    const own = named.filter((name) => isClientOf(name, clientId))
    const id = own.find((name) => parts.registry.get(name)) ?? own[0]
    if (id === undefined) {
      throw new GatewayError('auth.certificate', { detail: `it names ${named.join(', ')}` })
    }
    const device = parts.registry.get(id)
    if (!device) throw new GatewayError('auth.refused', { detail: `device "${id}"` })
    if (device.isDisabled) throw new GatewayError('auth.disabled', { detail: `device "${id}"` })
    return device
  }

  const accepted = (device: Device): AuthenticateResult<Device> => ({
    ok: true,
    principal: parts.onAdmitted(device),
  })

  type Login = AuthenticateResult<Device> | Promise<AuthenticateResult<Device>>

  const authenticate = (credentials: MqttCredentials): Login =>
    housePass.authenticate(credentials) ?? authenticateDevice(credentials)

  function authenticateDevice(credentials: MqttCredentials): Login {
    const { clientId, username, password, certificate, certificateFault, remoteAddress } =
      credentials
    if (parts.allowAnonymous && username === undefined && password === undefined) {
      const id = clientId || autoClientId()
      return { ok: true, principal: { id, kind: ANONYMOUS_KIND, groups: [] } }
    }
    try {
      if (certificate) return accepted(byCertificate(certificate, clientId || (username ?? '')))
      if (certificateFault && password === undefined) throw new GatewayError(certificateFault)
      const deviceId = username ?? clientId
      if (!isClientOf(deviceId, clientId)) {
        throw new GatewayError('auth.client-id', { detail: `client id "${clientId.slice(0, 64)}"` })
      }
      const token = password?.toString('utf8')
      const device = admission.login({ deviceId, token, remoteAddress })
      return device instanceof Promise ? device.then(accepted, refuse) : accepted(device)
    } catch (error) {
      return refuse(error)
    }
  }

  function authorize(known: Device, action: AuthorizeAction, topic: string): AuthorizeResult {
    if (housePass.isBridge(known) && action !== 'publish') return { ok: true }
    if (housePass.isSite(known) && action === 'receive') return { ok: true }
    const device = parts.current(known)
    // Asked once per topic and session: a subscription outlives the right to it, its messages do not.
    if (action === 'receive') {
      return permissions.mayReceive(device, topic) ? { ok: true } : NOT_ANY_MORE
    }
    const permission =
      action === 'publish'
        ? permissions.mayPublish(device, topic)
        : permissions.maySubscribe(device, topic)
    if (permission.ok) return permission
    // SUBACK has no 0x90: a filter outside the contract is one the device may not use.
    const isUnknownFilter = action === 'subscribe' && permission.code === 'topic.unknown'
    const { title, next } = ERRORS[permission.code]
    return {
      ok: false,
      reasonCode: isUnknownFilter ? 0x87 : reasonCodeOf(permission.code),
      reason: `${title}. ${next}`,
    }
  }

  function onSubscriptions({
    clientId,
    device,
    filters,
    added,
  }: SubscriptionsChange<Device>): void {
    if (housePass.isBridge(device)) return
    // Whoever only watches (`ID:name`) does not play what is said.
    if (clientId === device.id && isKnown(device)) {
      const speech = topicOf(device.id, 'speech')
      parts.onListening(
        device.id,
        filters.some((filter) => covers(filter, speech)),
      )
    }
    if (added.length > 0) parts.onSubscribed(device.id)
  }

  function onPresence({ clientId, device, online, reason }: PresenceChange<Device>): void {
    if (clientId !== device.id || housePass.isBridge(device)) return
    parts.onClient(device.id, online)
    if (!isKnown(device)) return
    parts.onPresence(device.id, online, reason ?? 'the connection was lost')
  }

  async function onDeviceMessage(message: DeviceMessage<Device>): Promise<DeviceMessageOutcome> {
    const { topic, payload, properties } = message
    const device = parts.current(message.device)
    const encoding: Encoding =
      properties?.contentType === 'application/msgpack' ? 'msgpack' : 'json'
    try {
      // Else a device could have the box speak to another device in its name.
      const reply = properties?.responseTopic
      if (reply !== undefined && !permissions.maySubscribe(device, reply).ok) {
        throw new GatewayError('topic.not-yours', {
          detail: `response topic ${reply.slice(0, 200)}`,
        })
      }
      const parsed = parseMessage(parseTopic(topic)?.name ?? '', payload, encoding)
      const answer = await inbox.receive(device, 'mqtt', parsed)
      if (answer) void send(device.id, 'answer', answer, encoding, properties)
      return { reasonCode: 0 }
    } catch (error) {
      return await sayNo(device.id, error, encoding, properties)
    }
  }

  /** The problem is on its way before the acknowledgement: 3.1.1 has only the problem to tell. */
  async function sayNo(
    deviceId: string,
    error: unknown,
    encoding: Encoding,
    properties?: Properties,
  ): Promise<DeviceMessageOutcome> {
    if (isInternal(error)) logger.error({ error, device: deviceId }, 'message failed')
    const problem = toProblem(error)
    await send(deviceId, 'problem', problem, encoding, properties)
    return { reasonCode: reasonCodeOf(codeOf(error)), reason: `${problem.title} (${problem.code})` }
  }

  function send(
    deviceId: string,
    name: string,
    body: object,
    encoding: Encoding,
    request?: Properties,
  ): Promise<void> {
    const isAnswer = name === 'answer' && request?.responseTopic !== undefined
    const reply: Properties = {
      ...(encoding === 'msgpack' ? { contentType: 'application/msgpack' } : {}),
      ...(request?.correlationData ? { correlationData: request.correlationData } : {}),
    }
    return deliver({
      topic: isAnswer ? (request.responseTopic ?? '') : topicOf(deviceId, name),
      payload: encoding === 'msgpack' ? packr.pack(body) : Buffer.from(JSON.stringify(body)),
      qos: 1,
      ...(Object.keys(reply).length > 0 ? { properties: reply } : {}),
    })
  }

  /** 3.1.1 has no reason codes: the refusal goes to the device's problem topic for every version. */
  function onRefusedPublish(refused: RefusedPublish<Device>): void {
    const topic = refused.topic.slice(0, 200)
    const ofMessage = errorOfMessage(refused.reasonCode)
    const error = new GatewayError(ofMessage ?? ofTopic(refused), {
      detail: ofMessage ? `${topic}: ${refused.reason}` : topic,
    })
    void sayNo(refused.device.id, error, 'json')
  }

  function ofTopic({ topic, device }: RefusedPublish<Device>): ErrorCode {
    const parsed = parseTopic(topic)
    const isOthers = parsed !== undefined && parsed.deviceId !== device.id
    return isOthers ? 'topic.not-yours' : 'topic.unknown'
  }

  return {
    authenticate,
    createClientId: ({ id, kind }: Device): string =>
      kind === ANONYMOUS_KIND ? id : `${id}:${autoClientId()}`,
    authorize,
    onDeviceMessage,
    onRefusedPublish,
    onSubscriptions,
    onPresence,
    responseInformation: (device: Device) => topicOf(device.id, ''),
    greeting: () => [['time', new Date(parts.clock.now()).toISOString()]] as const,
    /** A name alone speaks for a device only where nobody comes in without credentials. */
    principalOf: (clientId: string): Device | undefined => {
      const device = parts.allowAnonymous ? undefined : parts.registry.get(deviceIdOf(clientId))
      return device?.isDisabled ? undefined : device
    },
    /** A kept ask would hand a person's words to whoever comes later, past the erasure of that person. */
    mayRetain: (topic: string): boolean => {
      const name = parseTopic(topic)?.name
      return name === undefined || name === 'reported' || !isUpstreamName(name)
    },
    /** The box keeps the rest of `kefu/v1/{id}/…` for what it says itself. */
    isDeviceMessageTopic: (topic: string): boolean => {
      const name = parseTopic(topic)?.name
      return name !== undefined && isUpstreamName(name)
    },
  }
}
