/** Everything that talks to devices: inbox, MQTT broker, device WebSockets, presence. Part of compose. */
import type { DownstreamName } from '@kefu-edge/device-sdk/protocol/schemas'
import { topicOf } from '@kefu-edge/device-sdk/protocol/topics'
import { createInbox, type Inbox } from './channels/inbox.ts'
import { createMqttBroker, type MqttBroker } from './channels/mqtt/broker.ts'
import { createMqttDevices } from './channels/mqtt-devices.ts'
import { createDeviceSockets, type DeviceSockets } from './channels/websocket/device-socket.ts'
import type { Box } from './compose.ts'
import { composeVoice, type HouseVoice } from './compose-voice.ts'
import type { Config } from './config.ts'
import { type Admission, createAdmission } from './devices/admission.ts'
import { createPermissions } from './devices/permissions.ts'
import { createRateLimit } from './devices/rate-limit.ts'
import type { Loggers } from './logger.ts'
import type { Metrics } from './metrics.ts'
import type { Device } from './turn.ts'

/** Asks a device may save up for a burst, in seconds of its rate. */
const ASK_BURST_SECONDS = 10
const SERVER_NAME = 'kefu-edge'
const HOUR_MS = 3_600_000

export interface DeviceSide {
  readonly admission: Admission
  readonly inbox: Inbox
  readonly broker: MqttBroker
  readonly sockets: DeviceSockets
  readonly voice: HouseVoice
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
  const admission = createAdmission({ registry, clock })

  function publish(deviceId: string, name: DownstreamName, message: object, retain = false): void {
    const payload = JSON.stringify(message)
    broker
      .publish({ topic: topicOf(deviceId, name), payload, qos: 1, retain })
      .catch((error: unknown) => {
        loggers.mqtt.error({ error, device: deviceId, message: name }, 'not delivered')
      })
  }

  /** Retained, so that whoever subscribes later knows at once. */
  function announcePresence({ id }: Device, isOnline: boolean, reason?: string): void {
    const since = new Date(clock.now()).toISOString()
    publish(
      id,
      'presence',
      { online: isOnline, since, ...(reason === undefined ? {} : { reason }) },
      true,
    )
    if (!isOnline) voice.announcer.onDisconnected(id)
  }

  const voice = composeVoice({
    config,
    box,
    logger: loggers.voice,
    send: (deviceId, speech) => {
      if (!sockets.send(deviceId, 'speech', speech)) publish(deviceId, 'speech', speech)
    },
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
    onPlayed: (deviceId, report) => voice.announcer.onReport(deviceId, report),
    onReported: (deviceId, state) => twins.report(deviceId, state),
  })
  const hooks = createMqttDevices({
    inbox,
    admission,
    registry,
    permissions: createPermissions(config.permissions),
    allowAnonymous: config.mqtt.allowAnonymous,
    logger: loggers.mqtt,
    onListening: ({ id }) => voice.announcer.onConnected(id),
    deliver: (message) => {
      broker.publish(message).catch((error: unknown) => {
        loggers.mqtt.error({ error, topic: message.topic }, 'not delivered')
      })
    },
  })
  const broker = createMqttBroker<Device>({
    ...hooks,
    store,
    clock: { nowMs: () => clock.now() },
    logger: loggers.mqtt,
    limits: mqttLimitsOf(config),
    isDeviceMessageTopic: hooks.isForBox,
    onPresence: ({ clientId, device, online: isOnline, reason }) => {
      if (clientId !== device.id) return
      if (isOnline) online.add(device.id)
      else online.delete(device.id)
      announcePresence(device, isOnline, reason)
    },
    responseInformation: (device) => topicOf(device.id, ''),
  })
  const sockets = createDeviceSockets({
    inbox,
    admission,
    clock,
    logger: loggers.websocket,
    serverName: SERVER_NAME,
    onConnected: (device) => {
      announcePresence(device, true)
      voice.announcer.onConnected(device.id)
    },
    onDisconnected: (device) => announcePresence(device, false),
  })
  box.hooks.onDeviceChanged = (id, reason) => {
    broker.permissionsChanged()
    broker.disconnect(id, reason)
    sockets.disconnect(id, reason)
  }
  return {
    admission,
    inbox,
    broker,
    sockets,
    voice,
    mqttClients: () => online.size,
    close: async () => {
      voice.close()
      await broker.close()
    },
  }
}

const mqttLimitsOf = ({ mqtt }: Config) => ({
  maxPacketBytes: mqtt.maxPacketBytes,
  maxKeepAliveSeconds: mqtt.serverKeepAliveSeconds,
  receiveMaximum: mqtt.receiveMaximum,
  topicAliasMaximum: mqtt.topicAliasMaximum,
  maxConnectsPerSecond: mqtt.connectsPerSecond,
  maxMessagesPerSecond: mqtt.messagesPerSecond,
  maxBytesPerSecond: mqtt.bytesPerSecond,
  maxConnections: mqtt.maxConnections,
  maxSubscriptionsPerClient: mqtt.maxSubscriptions,
  maxQueuedMessages: mqtt.maxQueuedMessages,
  maxQueuedBytes: mqtt.maxQueuedBytes,
  maxQueuedAgeMs: mqtt.maxQueuedHours * HOUR_MS,
  queueOverflow: mqtt.queueOverflow,
  maxSessionExpirySeconds: (mqtt.maxSessionHours * HOUR_MS) / 1000,
  maxRetainedMessages: mqtt.maxRetained,
})
