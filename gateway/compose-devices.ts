/** Everything that talks to devices: inbox, MQTT broker, device WebSockets, presence. Part of compose. */
import type { DownstreamName, Presence, Speech } from '@kefu-edge/device-sdk/protocol/schemas'
import { topicOf } from '@kefu-edge/device-sdk/protocol/topics'
import { createHousePass, type HousePass } from './channels/house-pass.ts'
import { createInbox, type Inbox, type ToldMessage } from './channels/inbox.ts'
import type { BoxMessage } from './channels/mqtt/box-message.ts'
import { createMqttBroker, type MqttBroker } from './channels/mqtt/broker.ts'
import { createMqttDevices } from './channels/mqtt-devices.ts'
import { RefusedLogins } from './channels/refused-logins.ts'
import { createDeviceSockets, type DeviceSockets } from './channels/websocket/device-socket.ts'
import type { Box } from './compose.ts'
import { composeIdentity } from './compose-identity.ts'
import { composeVoice, type VoiceSide } from './compose-voice.ts'
import { mqttLimitsOf } from './config/mqtt-options.ts'
import type { Config } from './config/schema.ts'
import type { Admission } from './devices/admission.ts'
import { createListening } from './devices/listening.ts'
import type { LiveRights } from './devices/live-rights.ts'
import { createPresences, type Presences } from './devices/presence.ts'
import { createRateLimit } from './devices/rate-limit.ts'
import { createTimeTeller } from './devices/time-teller.ts'
import type { Loggers } from './logger.ts'
import type { Metrics } from './metrics.ts'
import type { Device } from './turn.ts'

/** Asks a device may save up for a burst, in seconds of its rate. */
const ASK_BURST_SECONDS = 10
const SERVER_NAME = 'kefu-edge'

export interface DeviceSide {
  /** For HTTP; what it refuses is noted. */
  readonly admission: Admission
  readonly refused: RefusedLogins
  readonly inbox: Inbox
  readonly broker: MqttBroker
  readonly sockets: DeviceSockets
  readonly voice: VoiceSide
  readonly presences: Presences
  /** Bridges, and the box in the place of a client that moved to another box, log in with this. */
  readonly housePass: HousePass
  isForBox(topic: string): boolean
  readonly rights: LiveRights
  /** MQTT clients connected now. */
  mqttClients(): number
  close(): Promise<void>
}

export function composeDevices(
  config: Config,
  box: Box,
  metrics: Metrics,
  loggers: Loggers,
): DeviceSide {
  const { clock, registry, store, ledger, twins } = box
  const online = new Set<string>()
  const housePass = createHousePass()
  const { admission, rights, authMethods, ...identity } = composeIdentity({
    box,
    logger: loggers.devices,
    broker: () => broker,
    sendProblem: (id, problem) => send(id, 'problem', problem),
  })

  function publish(message: BoxMessage): void {
    broker.publish({ qos: 1, ...message }).catch((error: unknown) => {
      loggers.mqtt.error({ error, topic: message.topic }, 'not delivered')
    })
  }
  const send = (
    deviceId: string,
    name: DownstreamName,
    message: object,
    how: Omit<BoxMessage, 'topic' | 'payload'> = {},
  ) => publish({ ...how, topic: topicOf(deviceId, name), payload: JSON.stringify(message) })

  /** The broker's time, which nobody sets, ends it in the queue of a device that is away for a moment. */
  function sendSpeech(deviceId: string, speech: Speech): void {
    if (sockets.isConnected(deviceId)) {
      sockets.send(deviceId, 'speech', speech)
      return
    }
    const leftMs = Date.parse(speech.expiresAt) - clock.now()
    const messageExpiryInterval = Math.max(1, Math.ceil(leftMs / 1000))
    send(deviceId, 'speech', speech, { properties: { messageExpiryInterval } })
  }

  const onError = (error: unknown) => loggers.devices.error({ error }, 'not kept')
  const presences = createPresences({
    store,
    clock,
    onError,
    announce: (id, presence: Presence) => send(id, 'presence', presence, { retain: true }),
  })
  const listening = createListening({
    onListening: (id) => voice.announcer.onConnected(id),
    onDeaf: (id) => voice.announcer.onDisconnected(id),
  })

  /** Retained, and to a device on a WebSocket once it is on disk. Inside `store.commit`. */
  function publishDesired(id: string): void {
    const desired = twins.desired(id)
    if (!desired) return
    const at = new Date(clock.now()).toISOString()
    send(id, 'desired', { ...desired, at }, { retain: true })
    twins.published(id, desired.version ?? 0)
    store.durable().then(() => sockets.send(id, 'desired', desired), onError)
  }

  /**
   * A device that was removed leaves nothing behind for the next one of this name; one that was replaced,
   * nothing of what it reported. The registry has taken away the rows; here goes what is in memory, and what
   * has been written since by who was still connected.
   */
  function forget(retained: string, rows: () => void): void {
    store
      .commit(() => {
        rows()
        // An empty message takes a retained one away [MQTT-3.3.1-6].
        for (const topic of broker.retainedTopics(retained))
          publish({ topic, payload: '', retain: true })
      })
      .catch(onError)
  }
  const forgetDevice = (id: string): void =>
    forget(topicOf(id, '#'), () => {
      twins.forget(id)
      presences.forget(id)
    })
  const forgetReported = (id: string): void =>
    forget(topicOf(id, 'reported'), () => twins.forgetReported(id))

  /** To staff screens and bridges, as if the device had published it, which it may under its own id. */
  const passOn = ({ id }: Device, { name, message }: ToldMessage): void =>
    publish({
      topic: topicOf(id, name),
      payload: JSON.stringify(message),
      retain: name === 'reported',
      publisher: id,
    })

  const { asksPerSecond } = config.limits
  const inbox = createInbox({
    store,
    clock,
    ledger,
    metrics,
    answerTurn: box.answerTurn,
    askLimit: createRateLimit({
      perSecond: asksPerSecond,
      burst: asksPerSecond * ASK_BURST_SECONDS,
    }),
    onPlayed: (deviceId, report, askKey) => {
      voice.announcer.onReport(deviceId, report, askKey)
      box.hooks.site?.onPlayed(deviceId, report)
    },
    onReported: (deviceId, state) => twins.report(deviceId, state),
    onEvent: (device, event) => voice.onEvent(device, event),
    passOn,
  })
  const mqttDevices = createMqttDevices({
    inbox,
    housePass,
    clock,
    admission,
    registry,
    permissions: box.permissions,
    allowAnonymous: config.mqtt.allowAnonymous,
    logger: loggers.mqtt,
    onAdmitted: (device) => rights.remember(device),
    current: rights.current,
    onListening: (id, isListening) =>
      isListening ? listening.begins(id, 'mqtt') : listening.ends(id, 'mqtt'),
    onSubscribed: (id) => box.hooks.site?.onSubscribed(id),
    onClient: (id, isHere) => {
      if (isHere) online.add(id)
      else online.delete(id)
    },
    onPresence: (id, isOnline, reason) => {
      if (isOnline) presences.connected(id, 'mqtt')
      else presences.disconnected(id, 'mqtt', reason)
    },
    deliver: (message) =>
      broker.publish(message).catch((error: unknown) => {
        loggers.mqtt.error({ error, topic: message.topic }, 'not delivered')
      }),
  })
  const broker = createMqttBroker<Device>({
    ...mqttDevices,
    authMethods,
    store,
    clock: { nowMs: () => clock.now(), monotonicMs: () => clock.monotonic(), time: box.time },
    logger: loggers.mqtt,
    limits: mqttLimitsOf(config.mqtt),
  })
  const refused = new RefusedLogins({
    nowMs: clock.monotonic,
    logger: loggers.devices,
    count: (door, code) => metrics.refused(door === 'admin' ? 'console' : door, code),
  })
  const sockets = createDeviceSockets({
    inbox,
    admission: refused.watch('websocket', admission),
    current: rights.current,
    clock,
    logger: loggers.websocket,
    serverName: SERVER_NAME,
    limits: config.mqtt,
    admits: (remoteAddress) => broker.admitsHandshake(remoteAddress),
    onConnected: (device) => {
      presences.connected(device.id, 'websocket')
      const desired = twins.desired(device.id)
      if (desired) sockets.send(device.id, 'desired', desired)
      listening.begins(device.id, 'websocket')
    },
    onDisconnected: (device, reason) => {
      listening.ends(device.id, 'websocket')
      presences.disconnected(device.id, 'websocket', reason)
    },
  })
  // After the broker: it has timers, and what the broker cannot read of its file ends the start here.
  const voice = composeVoice({
    config,
    box,
    logger: loggers.voice,
    send: sendSpeech,
  })
  const timeTeller = createTimeTeller({
    clock,
    connected: () => [...new Set([...online, ...sockets.connected()])],
    tell(id, time) {
      sockets.send(id, 'time', time)
      if (online.has(id)) send(id, 'time', time, { qos: 0 })
    },
  })
  box.hooks.onDeviceChanged = (id, reason, isReplaced = false) => {
    rights.forget(id)
    broker.permissionsChanged()
    const isGone = !registry.get(id)
    if (isGone) identity.forget(id, reason)
    else identity.disconnect(id, reason)
    sockets.disconnect(id, reason)
    if (isGone) forgetDevice(id)
    else if (isReplaced) forgetReported(id)
  }
  box.hooks.onDesired = publishDesired
  presences.restarted()
  for (const id of twins.unpublished()) store.commit(() => publishDesired(id)).catch(onError)
  return {
    admission: refused.watch('http', admission),
    refused,
    inbox,
    broker,
    sockets,
    voice,
    presences,
    housePass,
    isForBox: mqttDevices.isDeviceMessageTopic,
    rights,
    mqttClients: () => online.size,
    close: async () => {
      voice.close()
      timeTeller.close()
      presences.closing()
      await broker.close()
    },
  }
}
