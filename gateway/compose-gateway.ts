/** Opens a box to the network: MQTT broker, HTTP and WebSocket port. The second half of compose. */
import { randomBytes } from 'node:crypto'
import { topicOf } from '@kefu-edge/device-sdk/protocol/topics'
import { createNodeServer } from './channels/http/node-server.ts'
import { createRoutes, type Health } from './channels/http/routes.ts'
import type { HttpServer, ServerOptions } from './channels/http/server.ts'
import { createUwsServer, loadUws } from './channels/http/uws-server.ts'
import { createInbox, type Inbox } from './channels/inbox.ts'
import { createMqttBroker, type MqttBroker } from './channels/mqtt/broker.ts'
import type { PresenceChange } from './channels/mqtt/ports.ts'
import { createMqttDevices, type Outgoing } from './channels/mqtt-devices.ts'
import { createDeviceSockets } from './channels/websocket/device-socket.ts'
import { mqttOverWebSocket } from './channels/websocket/mqtt-endpoint.ts'
import { type Box, composeBox, type Overrides } from './compose.ts'
import { type CloudLink, composeCloud } from './compose-cloud.ts'
import type { Config } from './config.ts'
import { createAdminApi } from './console/admin-api.ts'
import { createAdmission } from './devices/admission.ts'
import { createPermissions } from './devices/permissions.ts'
import { createRateLimit } from './devices/rate-limit.ts'
import { createLoggers, type Logger, type Loggers } from './logger.ts'
import { createMetrics } from './metrics.ts'
import { createRecentLog } from './recent-log.ts'
import { boxJobs } from './schedule/jobs.ts'
import { createSchedule } from './schedule/schedule.ts'
import type { Device } from './turn.ts'

/** Asks a device may save up for a burst, in seconds of its rate. */
const ASK_BURST_SECONDS = 10
const ADMIN_TOKEN_BYTES = 24
const SERVER_NAME = 'kefu-edge'

export interface Gateway {
  readonly box: Box
  readonly broker: MqttBroker
  readonly ports: { readonly http: number; readonly mqtt: number }
  readonly loggers: Loggers
  readonly adapter: string
  /** Absent where no cloud is configured. */
  readonly cloud?: CloudLink
  close(): Promise<void>
}

export async function composeGateway(config: Config, overrides: Overrides = {}): Promise<Gateway> {
  const recentLog = createRecentLog()
  const loggers = createLoggers({
    level: config.log.level,
    destination: recentLog.destination,
  })
  const box = await composeBox(config, overrides)
  const closers: (() => void | Promise<void>)[] = [
    () => box.close(),
    () => signTheRest(box, loggers.ledger),
  ]
  const close = async () => {
    for (const closer of closers.splice(0).reverse()) await closer()
  }
  try {
    const { clock, registry, store, ledger } = box
    const online = new Set<string>()
    const admission = createAdmission({ registry, clock })
    const permissions = createPermissions(
      config.permissions as Parameters<typeof createPermissions>[0],
    )
    const metrics = createMetrics({
      connections: () => online.size,
      balance: () => ledger.balance(),
      cloudConnected: () => cloud?.pusher.status().state === 'connected',
    })
    const cloud = composeCloud(config, box, loggers.cloud)
    if (cloud) closers.push(() => cloud.close())
    const asksPerSecond = config.limits.asksPerSecond
    const inbox: Inbox = createInbox({
      store,
      clock,
      ledger,
      metrics,
      answerTurn: box.answerTurn,
      askLimit: createRateLimit({
        perSecond: asksPerSecond,
        burst: asksPerSecond * ASK_BURST_SECONDS,
      }),
      onPlayed: (deviceId, report) => {
        ledger.append({
          lane: 'session',
          kind: `speech.${report.state}`,
          atMs: clock.now(),
          deviceId,
          body: { ...report },
        })
      },
      onReported: (deviceId, state) => box.twins.report(deviceId, state),
    })
    const devices = createMqttDevices({
      inbox,
      admission,
      registry,
      permissions,
      allowAnonymous: config.mqtt.allowAnonymous,
      logger: loggers.mqtt,
      deliver: (_deviceId, message: Outgoing) => {
        broker
          .publish(message)
          .catch((error: unknown) =>
            loggers.mqtt.error({ error, topic: message.topic }, 'not delivered'),
          )
      },
    })
    const broker = createMqttBroker<Device>({
      ...devices,
      store,
      clock: { nowMs: () => clock.now() },
      logger: loggers.mqtt,
      limits: {
        maxPacketBytes: config.mqtt.maxPacketBytes,
        maxKeepAliveSeconds: config.mqtt.serverKeepAliveSeconds,
        receiveMaximum: config.mqtt.receiveMaximum,
        topicAliasMaximum: config.mqtt.topicAliasMaximum,
        maxConnectsPerSecond: config.mqtt.connectsPerSecond,
        maxMessagesPerSecond: config.mqtt.messagesPerSecond,
      },
      isDeviceMessageTopic: devices.isForBox,
      onPresence: (change) => {
        if (change.online) online.add(change.clientId)
        else online.delete(change.clientId)
        announcePresence(broker, change, loggers)
      },
      responseInformation: (device) => topicOf(device.id, ''),
    })
    closers.push(() => broker.close())
    const sockets = createDeviceSockets({
      inbox,
      admission,
      clock,
      logger: loggers.websocket,
      serverName: SERVER_NAME,
      onConnected: (device) =>
        announcePresence(broker, presence(device, true, clock.now()), loggers),
      onDisconnected: (device) =>
        announcePresence(broker, presence(device, false, clock.now()), loggers),
    })
    box.hooks.onDeviceChanged = (id, reason) => {
      broker.permissionsChanged()
      broker.disconnect(id, reason)
      sockets.disconnect(id, reason)
    }
    const schedule = createSchedule({
      clock,
      logger: loggers.schedule,
      jobs: boxJobs({ ...box, makeBackup: box.operations.makeBackup }),
    })
    closers.push(() => schedule.close())
    box.hooks.live = { runJob: schedule.runNow, recentLog: recentLog.lines }
    const startedAt = new Date(clock.now()).toISOString()
    const ports = { http: 0, mqtt: 0 }
    box.hooks.status = () => ({
      running: true,
      pid: process.pid,
      startedAt,
      ports,
      adapter: server.adapter,
      mqttClients: online.size,
      webSockets: sockets.count(),
      memoryBytes: process.memoryUsage.rss(),
      ...(cloud ? { cloud: cloud.status() } : {}),
      jobs: schedule.status(),
    })
    const adminToken = box.folder.readOrMake('admin.token', () =>
      randomBytes(ADMIN_TOKEN_BYTES).toString('base64url'),
    )
    const routes = createRoutes({
      inbox,
      admission,
      logger: loggers.http,
      metricsPage: metrics.page,
      health: () => healthOf(box),
      enroll: ({ claim, deviceId }) =>
        store.commit(() => {
          const made = box.claims.redeem(claim, deviceId, clock.now())
          ledger.append({
            lane: 'audit',
            kind: 'device.enrolled',
            atMs: clock.now(),
            deviceId: made.deviceId,
            body: { device: made.deviceId },
          })
          return made
        }),
      audio: () => undefined,
      mounts: [createAdminApi({ adminToken, operations: box.operations })],
    })
    const mqttEndpoint = mqttOverWebSocket({
      maxPacketBytes: config.mqtt.maxPacketBytes,
      accept: (connection) => broker.accept(connection),
    })
    const server = await openServer(
      config,
      { routes, sockets: [sockets.endpoint, mqttEndpoint] },
      loggers,
    )
    closers.push(() => server.close())
    ports.http = await server.listen(config.http.host, config.http.port)
    ports.mqtt = await broker.listen({ host: config.mqtt.host, port: config.mqtt.port })
    schedule.start()
    return {
      box,
      broker,
      loggers,
      close,
      adapter: server.adapter,
      ports,
      ...(cloud ? { cloud } : {}),
    }
  } catch (error) {
    await close()
    throw error
  }
}

/** uWebSockets.js where its binary loads, unless the configuration says otherwise. */
async function openServer(
  config: Config,
  options: ServerOptions,
  loggers: Loggers,
): Promise<HttpServer> {
  if (config.http.adapter === 'node') return createNodeServer(options)
  const loaded = await loadUws()
  if ('uws' in loaded) return createUwsServer(loaded.uws, options)
  loggers.http.warn(
    { reason: loaded.reason },
    'uWebSockets.js does not load here; node:http and ws serve instead',
  )
  return createNodeServer(options)
}

const presence = (device: Device, online: boolean, atMs: number): PresenceChange<Device> => ({
  clientId: device.id,
  device,
  online,
  atMs,
  reason: undefined,
})

/** Retained, so that whoever subscribes later knows at once. */
function announcePresence(
  broker: MqttBroker,
  change: PresenceChange<Device>,
  loggers: Loggers,
): void {
  const { online, atMs, reason, clientId } = change
  const payload = JSON.stringify({
    online,
    since: new Date(atMs).toISOString(),
    ...(reason === undefined ? {} : { reason }),
  })
  broker
    .publish({ topic: topicOf(clientId, 'presence'), payload, qos: 1, retain: true })
    .catch((error: unknown) =>
      loggers.mqtt.error({ error, device: clientId }, 'presence not published'),
    )
}

/** The last entries before the end get their tree head too; without one they are kept all the same. */
async function signTheRest({ ledger }: Box, logger: Logger): Promise<void> {
  if (ledger.size() === (ledger.latestCheckpoint()?.size ?? 0)) return
  await ledger.checkpoint().catch((error: unknown) => {
    logger.error({ error }, 'the last entries were not signed; the next start does it')
  })
}

function healthOf(box: Box): Health {
  const packs = box.library.list().filter((pack) => pack.isActive)
  const checks = {
    storage: { ok: true, detail: box.store.path },
    knowledge: {
      ok: packs.length > 0,
      detail:
        packs.length > 0
          ? packs.map((pack) => `${pack.name} ${pack.version}`).join(', ')
          : 'no pack is installed: kefu-edge pack install DIR',
    },
  }
  return { ok: Object.values(checks).every((check) => check.ok), checks }
}
