/** The HTTP and WebSocket ports, plain and TLS, with what they serve. Part of compose. */
import { randomBytes } from 'node:crypto'
import { createRoutes, type Health } from './channels/http/routes.ts'
import type { HttpServer, ServerOptions } from './channels/http/server.ts'
import { createUwsServer, loadUws } from './channels/http/uws-server.ts'
import type { TlsSecrets } from './channels/tls-files.ts'
import { certified, mqttOverWebSocket } from './channels/websocket/mqtt-endpoint.ts'
import type { Box } from './compose.ts'
import type { DeviceSide } from './compose-devices.ts'
import type { Config } from './config/schema.ts'
import { createAdminApi } from './console/admin-api.ts'
import { enrollDevice } from './console/device-operations.ts'
import type { Loggers } from './logger.ts'
import type { Metrics } from './metrics.ts'

const ADMIN_TOKEN_BYTES = 24

export interface HttpSide {
  readonly adapter: string
  /** The plain port that was bound. */
  readonly port: number
  /** The TLS port, where there is one. */
  readonly tlsPort?: number
  /** The TLS files have changed and are sound. */
  renew(secrets: TlsSecrets): void
  close(): Promise<void>
}

export async function composeHttp(parts: {
  readonly config: Config
  readonly box: Box
  readonly devices: DeviceSide
  readonly metrics: Metrics
  readonly loggers: Loggers
}): Promise<HttpSide> {
  const { config, box, devices, loggers } = parts
  const adminToken = box.folder.readOrMake('admin.token', () =>
    randomBytes(ADMIN_TOKEN_BYTES).toString('base64url'),
  )
  const routes = createRoutes({
    inbox: devices.inbox,
    admission: devices.admission,
    logger: loggers.http,
    metricsPage: parts.metrics.page,
    health: () => healthOf(box),
    enroll: ({ claim, deviceId }) => enrollDevice(claim, deviceId, box.operations),
    sound: async (speechId, deviceId) => box.hooks.sounds?.find(speechId, deviceId),
    mounts: [
      createAdminApi({
        adminToken,
        operations: box.operations,
        refused: (remoteAddress, error) => devices.refused.note('admin', { remoteAddress }, error),
      }),
    ],
  })
  const onRefused = (address: string, reason: string) =>
    devices.broker.handshakeFailed(address, reason)
  const { endpoint } = devices.sockets
  const optionsFor = (requiresCertificate: boolean): ServerOptions => ({
    routes,
    onError: (error) => loggers.http.error({ error }, 'a connection could not be taken'),
    sockets: [
      requiresCertificate ? certified(endpoint, onRefused) : endpoint,
      mqttOverWebSocket({
        maxPacketBytes: config.mqtt.maxPacketBytes,
        accept: (connection) => devices.broker.accept(connection),
        requiresCertificate,
        onRefused,
      }),
    ],
  })
  const servers: HttpServer[] = []
  const close = async () => {
    for (const server of servers.splice(0)) await server.close()
  }
  try {
    const plain = await openServer(config, optionsFor(false), loggers)
    servers.push(plain)
    const port = await plain.listen(config.http.host, config.http.port)
    const { tls } = config
    if (!tls) return { adapter: plain.adapter, port, renew: () => {}, close }
    const options = optionsFor(tls.requireClientCertificate)
    const secure = await openServer(
      config,
      { ...options, tls: { ...tls, ...gateOf(box, devices) } },
      loggers,
    )
    servers.push(secure)
    const tlsPort = await secure.listen(tls.host, config.http.tlsPort)
    return { adapter: plain.adapter, port, tlsPort, renew: secure.renew, close }
  } catch (error) {
    await close()
    throw error
  }
}

/** What the TLS port asks of the house: one limit of connects for all ways in. */
const gateOf = (box: Box, { broker }: DeviceSide) => ({
  time: box.time.reading,
  admits: (remoteAddress: string) => broker.admitsHandshake(remoteAddress),
  handshakeFailed: (remoteAddress: string) => broker.handshakeFailed(remoteAddress),
})

/**
 * uWebSockets.js where its binary loads, unless the configuration says otherwise. It cannot tell whose
 * certificate a device shows: where devices have some, node:https and ws serve the TLS port.
 */
async function openServer(
  config: Config,
  options: ServerOptions,
  loggers: Loggers,
): Promise<HttpServer> {
  const hasDeviceCertificates = options.tls?.caFile !== undefined
  const onNode = async () =>
    (await import('./channels/http/node-server.ts')).createNodeServer(options)
  if (config.http.adapter === 'node' || hasDeviceCertificates) return onNode()
  const loaded = await loadUws()
  if ('uws' in loaded) return createUwsServer(loaded.uws, options)
  loggers.http.warn(
    { reason: loaded.reason },
    'uWebSockets.js does not load here; node:http and ws serve instead',
  )
  return onNode()
}

function healthOf(box: Box): Health {
  const packs = box.library.list().filter((pack) => pack.isActive)
  const named = packs.map((pack) => `${pack.name} ${pack.version}`).join(', ')
  const checks = {
    storage: { ok: box.store.isWritable(), detail: box.store.path },
    knowledge: {
      ok: packs.length > 0,
      detail: named || 'no pack is installed: kefu-edge pack install DIR',
    },
  }
  const ok = Object.values(checks).every((check) => check.ok)
  const site = siteOf(box)
  return { ok, checks: site ? { ...checks, site } : checks }
}

/** Never a reason to call the box ill: each box of a site works alone. */
function siteOf(box: Box): Health['checks'][string] | undefined {
  const site = box.hooks.status?.().site
  if (!site) return undefined
  const since = new Date(site.sinceMs).toISOString()
  const detail = `site fabric: ${site.state} since ${since}, ${site.boxes.length} other boxes`
  return { ok: true, detail }
}
