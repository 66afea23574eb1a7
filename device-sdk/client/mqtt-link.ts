import type { ErrorWithSubackPacket, IClientOptions, MqttClient, Packet } from 'mqtt'
import type { DownstreamName } from '../protocol/schemas.ts'
import { topicOf } from '../protocol/topics.ts'
import { DeviceClientError, localProblem, ProblemError } from './errors.ts'
import { isAlarm } from './lanes.ts'
import type { Delivery, Link, LinkHandlers, LinkOptions, OpenLink, Upstream } from './link.ts'
import { readDownstream } from './read-message.ts'
import { SendWindow } from './send-window.ts'

/** Half-open connections are noticed after one and a half of this. */
const KEEPALIVE_SECONDS = 30
/** The gateway keeps what it has for a device that is away for a day: a broken box over a weekend night. */
const SESSION_EXPIRY_SECONDS = 86_400
/** Speech and answers on their way at once; a device plays one at a time, so a small window is enough. */
const RECEIVE_MAXIMUM = 32

const SUBSCRIPTIONS: readonly DownstreamName[] = [
  'answer',
  'speech',
  'desired',
  'presence',
  'time',
  'problem',
]
/** Without these a device only seems to be there. */
const NEEDED: ReadonlySet<DownstreamName> = new Set(['answer', 'speech'])
/** CONNACK codes that mean "not with these credentials": 3.1.1 [4, 5] and 5 [0x86, 0x87, 0x8A]. */
const REFUSED_LOGIN: ReadonlySet<number> = new Set([4, 5, 0x86, 0x87, 0x8a])
/** CONNACK codes that mean "not in this protocol version": 3.1.1 [1] and 5 [0x84]. */
const REFUSED_VERSION: ReadonlySet<number> = new Set([1, 0x84])
/** PUBACK codes that pass by themselves: unspecified, implementation error, busy, quota exceeded. */
const PASSING_CODES: ReadonlySet<number> = new Set([0x80, 0x83, 0x89, 0x97])

type MqttVersion = 4 | 5
class VersionRefused extends Error {}
/** A broker of 3.1.1 alone may do this to a version 5 CONNECT; so may a gateway that goes down. */
class ClosedSilently extends DeviceClientError {}

/**
 * MQTT over TCP, TLS or WebSocket. Version 5 is tried first; 3.1.1 where the broker refuses 5, which is
 * remembered while 3.1.1 works, or has closed twice without a word, which may mean anything and is not. The
 * session is kept by the gateway (clean start off), so speech sent while the device was away arrives when it
 * is back.
 */
export function mqttLinkOpener(options: LinkOptions): OpenLink {
  let isRefused = false
  return async (handlers) => {
    const { default: mqtt } = await import('mqtt')
    const open = (version: MqttVersion) => openOnce(mqtt.connect, options, version, handlers)
    if (!isRefused) {
      for (let closed = 0; closed < 2; closed++) {
        try {
          return await open(5)
        } catch (error) {
          isRefused = error instanceof VersionRefused
          if (isRefused) break
          if (!(error instanceof ClosedSilently)) throw error
        }
      }
    }
    try {
      return await open(4)
    } catch (error) {
      isRefused = false
      throw error
    }
  }
}

function connectOptions(options: LinkOptions, version: MqttVersion): IClientOptions {
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

type Connect = (url: string, options: IClientOptions) => MqttClient

async function openOnce(
  connect: Connect,
  options: LinkOptions,
  version: MqttVersion,
  handlers: LinkHandlers,
): Promise<Link> {
  const client = connect(options.url.href, connectOptions(options, version))
  // MQTT.js says `connect` later than it hands out what came right behind CONNACK.
  client.on('packetreceive', (packet) => tellTime(packet, handlers))
  client.on('message', (topic, payload) => receive(topic, payload, options.deviceId, handlers))
  const receiveMaximum = await connected(client, options)
  sendAtOnce(client.stream)
  client.on('error', () => undefined)
  client.on('disconnect', () => client.end(true))
  try {
    await subscribe(client, options.deviceId, handlers)
  } catch (error) {
    client.end(true)
    throw error
  }
  const transport = version === 5 ? 'mqtt 5' : 'mqtt 3.1.1'
  const window = new SendWindow(receiveMaximum)
  return linkOf(client, options.deviceId, transport, window, handlers)
}

/** Throws `client.link-failed` where the device would hear no answer or no speech. */
async function subscribe(
  client: MqttClient,
  deviceId: string,
  handlers: LinkHandlers,
): Promise<void> {
  const topics = SUBSCRIPTIONS.map((name) => topicOf(deviceId, name))
  try {
    await client.subscribeAsync(topics, { qos: 1 })
  } catch (error) {
    const refused = SUBSCRIPTIONS.filter((_, i) => isRefused(error, i))
    const needed = refused.filter((name) => NEEDED.has(name)).map((name) => topicOf(deviceId, name))
    if (refused.length === 0 || needed.length > 0) {
      const reason = needed.length > 0 ? `refused: ${needed.join(', ')}` : String(error)
      throw new DeviceClientError('client.link-failed', `subscribe: ${reason}`, error)
    }
    for (const name of refused) {
      const message = localProblem('client.not-subscribed', topicOf(deviceId, name))
      handlers.onMessage({ name: 'problem', message })
    }
  }
  if (!client.connected)
    throw new DeviceClientError('client.link-failed', 'closed while subscribing')
}

/** MQTT.js throws as soon as one of the filters is refused; its error carries the SUBACK. */
function isRefused(error: unknown, index: number): boolean {
  const { packet } = Object(error) as Partial<ErrorWithSubackPacket>
  return Number(packet?.granted[index]) >= 0x80
}

/** Version 5 only: 3.1.1 has no properties to tell the time in. */
function tellTime(packet: Packet, handlers: LinkHandlers): void {
  if (packet.cmd !== 'connack') return
  const time = packet.properties?.userProperties?.time
  if (typeof time === 'string') handlers.onMessage({ name: 'time', message: { time } })
}

/**
 * Off with Nagle's algorithm, where the transport is a TCP socket: an ask that follows an
 * acknowledgement would wait some 40 ms for the gateway's delayed TCP acknowledgement.
 */
function sendAtOnce(stream: MqttClient['stream']): void {
  if ('setNoDelay' in stream && typeof stream.setNoDelay === 'function') stream.setNoDelay(true)
}

/**
 * Resolves on an accepting CONNACK, with its Receive Maximum (3.1.1 has none); otherwise ends the client and
 * says why.
 */
function connected(client: MqttClient, options: LinkOptions): Promise<number> {
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
    client.once('connect', ({ properties }) => {
      client.removeAllListeners('close')
      client.removeAllListeners('error')
      resolve(properties?.receiveMaximum ?? Number.POSITIVE_INFINITY)
    })
    client.once('error', (error) => fail(readConnectError(error, options)))
    client.once('close', () => {
      if (reachedBroker) fail(new ClosedSilently('client.link-failed', 'closed without CONNACK'))
      else fail(new DeviceClientError('client.link-failed', `no connection to ${options.url.host}`))
    })
  })
}

function readConnectError(error: Error & { code?: unknown }, options: LinkOptions): Error {
  const code = error.code
  if (typeof code !== 'number')
    return new DeviceClientError('client.link-failed', error.message, error)
  if (REFUSED_VERSION.has(code)) return new VersionRefused(error.message)
  if (REFUSED_LOGIN.has(code)) {
    return new ProblemError({
      type: 'urn:kefu:problem:auth.refused',
      title: 'The device or its token is not known',
      status: 401,
      detail: `The gateway refused ${options.deviceId}: CONNACK code ${code}.`,
      code: 'auth.refused',
    })
  }
  return new DeviceClientError('client.link-failed', `CONNACK code ${code}`, error)
}

function receive(topic: string, payload: Uint8Array, deviceId: string, to: LinkHandlers): void {
  const prefix = topicOf(deviceId, '')
  if (!topic.startsWith(prefix)) return
  // A retained message that was deleted comes as an empty payload.
  if (payload.length === 0) return
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(payload))
    const message = readDownstream(topic.slice(prefix.length), value)
    if (message !== undefined) to.onMessage(message)
  } catch (error) {
    to.onMessage({
      name: 'problem',
      message: localProblem('client.unreadable', `${topic}: ${String(error)}`),
    })
  }
}

function linkOf(
  client: MqttClient,
  deviceId: string,
  transport: string,
  window: SendWindow,
  handlers: LinkHandlers,
): Link {
  // MQTT.js leaves a publish without outcome when the socket breaks: they are ended here.
  const lost = new Set<(error: Error) => void>()
  let gone = false
  const onGone = (reason: string) => {
    if (gone) return
    gone = true
    client.end(true)
    for (const reject of lost) reject(new DeviceClientError('client.link-failed', reason))
    lost.clear()
    handlers.onClose(reason)
  }
  client.once('close', () => onGone('connection closed'))
  return {
    info: { transport },
    send: (message) =>
      new Promise<Delivery>((resolve, reject) => {
        if (gone) {
          reject(new DeviceClientError('client.link-failed', 'connection closed'))
          return
        }
        lost.add(reject)
        const end = (delivery: Delivery) => {
          lost.delete(reject)
          resolve(delivery)
        }
        window
          .send(isAlarm(message), () => publish(client, deviceId, message))
          .then(
            () => end({ kind: 'kept' }),
            (error: Error & { code?: unknown }) => {
              if (gone) return
              const code = typeof error.code === 'number' ? error.code : 0x80
              end({ kind: 'refused', passing: PASSING_CODES.has(code), reason: error.message })
            },
          )
      }),
    close: async () => {
      if (gone) return
      await client.endAsync()
      onGone('closed by the device')
    },
    destroy: () => {
      client.stream.destroy()
      onGone('dropped by the device')
    },
  }
}

const publish = (client: MqttClient, deviceId: string, message: Upstream): Promise<unknown> =>
  client.publishAsync(topicOf(deviceId, message.name), JSON.stringify(message.body), {
    qos: 1,
    retain: message.name === 'reported',
  })
