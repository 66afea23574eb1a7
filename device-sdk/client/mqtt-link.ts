import type { ErrorWithSubackPacket, IClientOptions, MqttClient, Packet } from 'mqtt'
import type { DownstreamName } from '../protocol/schemas.ts'
import { topicOf } from '../protocol/topics.ts'
import type { Clock } from './clock.ts'
import { DeviceClientError, localProblem } from './errors.ts'
import { isAlarm } from './lanes.ts'
import type { Delivery, Link, LinkHandlers, LinkOptions, OpenLink, Upstream } from './link.ts'
import {
  ClosedSilently,
  connected,
  connectOptions,
  type MqttVersion,
  VersionRefused,
} from './mqtt-connect.ts'
import { readDownstream } from './read-message.ts'
import { SendWindow } from './send-window.ts'

/** What is on its way is on the gateway's disk in milliseconds; the rest is the radio link. */
const GOODBYE_MS = 1_000
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
/** PUBACK codes that pass by themselves: unspecified, implementation error, busy, quota exceeded. */
const PASSING_CODES: ReadonlySet<number> = new Set([0x80, 0x83, 0x89, 0x97])

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
  return linkOf(client, options, transport, window, handlers)
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
  options: LinkOptions,
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
          .send(isAlarm(message), () => publish(client, options.deviceId, message))
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
      await sayGoodbye(client, options.clock)
      onGone('closed by the device')
    },
    destroy: () => {
      client.stream.destroy()
      onGone('dropped by the device')
    },
  }
}

/** MQTT.js waits for every acknowledgement before it ends: a gateway that is gone sends none. */
async function sayGoodbye(client: MqttClient, clock: Clock): Promise<void> {
  let cancel = () => {}
  await Promise.race([
    client.endAsync(),
    new Promise((resolve) => client.once('close', () => resolve(undefined))),
    new Promise<void>((resolve) => {
      cancel = clock.after(GOODBYE_MS, resolve)
    }),
  ])
  cancel()
  client.stream.destroy()
}

const publish = (client: MqttClient, deviceId: string, message: Upstream): Promise<unknown> =>
  client.publishAsync(topicOf(deviceId, message.name), JSON.stringify(message.body), {
    qos: 1,
    retain: message.name === 'reported',
  })
