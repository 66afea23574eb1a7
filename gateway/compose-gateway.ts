/** Opens a box to the network: devices' side, HTTP side, cloud, jobs. The second half of compose. */
import { isDeepStrictEqual } from 'node:util'
import { boxFigures } from './box-figures.ts'
import type { MqttBroker } from './channels/mqtt/broker.ts'
import { mqttFigures } from './channels/mqtt/figures.ts'
import { listenTls, type TlsPort } from './channels/mqtt/tls-port.ts'
import { readTlsFiles, watchTlsFiles } from './channels/tls-files.ts'
import { witnessFigures } from './cloud/cloud-witness.ts'
import { type CloudLink, composeCloud } from './cloud/compose-cloud.ts'
import { type Box, composeBox, type Overrides } from './compose.ts'
import { bridgeFigures, composeBridges } from './compose-bridge.ts'
import { composeDevices } from './compose-devices.ts'
import { composeFabric, siteFigures } from './compose-fabric.ts'
import { composeHttp } from './compose-http.ts'
import { composeSounds } from './compose-sounds.ts'
import { loadConfig } from './config/load-config.ts'
import type { Config } from './config/schema.ts'
import type { ReloadReport } from './console/rights-operations.ts'
import type { LiveRights } from './devices/live-rights.ts'
import { GatewayError } from './errors.ts'
import { createLoggers, type Logger, type Loggers } from './logger.ts'
import { createMetrics } from './metrics.ts'
import { createRecentLog } from './recent-log.ts'
import { boxJobs } from './schedule/jobs.ts'
import { createSchedule } from './schedule/schedule.ts'

export interface Gateway {
  readonly box: Box
  readonly broker: MqttBroker
  readonly ports: {
    readonly http: number
    readonly mqtt: number
    readonly httpTls?: number
    readonly mqttTls?: number
  }
  readonly loggers: Loggers
  readonly adapter: string
  /** Absent where no cloud is configured. */
  readonly cloud?: CloudLink
  close(): Promise<void>
}

/** Opens everything that the configuration names; what was opened is closed again when one part fails. */
export async function composeGateway(config: Config, overrides: Overrides = {}): Promise<Gateway> {
  const recentLog = createRecentLog()
  const loggers = createLoggers({ level: config.log.level, destination: recentLog.destination })
  const box = await composeBox(config, overrides, loggers)
  if (box.time.doubt()) {
    const here = new Date(box.time.now()).toISOString()
    loggers.gateway.warn(
      { here },
      'the clock cannot be right: records say that the time is in doubt, nothing is removed by age; kefu-edge doctor says what to do',
    )
  }
  const closers: (() => void | Promise<void>)[] = [
    () => box.close(),
    () => signTheRest(box, loggers.ledger),
  ]
  const close = async () => {
    for (const closer of closers.splice(0).reverse()) await closer()
  }
  try {
    const cloud = composeCloud(config, box, loggers.cloud)
    if (cloud) closers.push(() => cloud.close())
    let newestBackupMs: number | undefined
    const metrics = createMetrics({
      connections: () => devices.mqttClients(),
      balance: () => box.ledger.balance(),
      cloudConnected: () => cloud?.pusher.status().state === 'connected',
      figures: [
        {
          name: 'kefu_twin_drift_devices',
          help: 'Devices whose reported state is not the desired one',
          read: () => [{ value: box.twins.drifting() }],
        },
        {
          name: 'kefu_devices_online',
          help: 'Devices connected now, over any channel',
          read: () => [{ value: devices.presences.count() }],
        },
        ...boxFigures({
          config,
          newestBackupMs: () => newestBackupMs,
          nowMs: box.clock.now,
          isTimeInDoubt: () => box.time.doubt() !== undefined,
          jobs: () => schedule.status(),
        }),
        ...mqttFigures(() => devices.broker),
        ...bridgeFigures(() => bridges.status()),
        ...siteFigures(() => site?.status()),
        ...witnessFigures(() => cloud?.status().witness, box.clock),
      ],
    })
    const devices = composeDevices(config, box, metrics, loggers)
    closers.push(() => devices.close())
    const sound = await composeSounds(config, box, loggers.voice)
    if (sound) {
      box.hooks.sounds = sound.sounds
      closers.push(() => sound.close())
    }
    const bridges = await composeBridges(config, box, devices, loggers.bridge)
    closers.push(() => bridges.close())
    const site = await composeFabric(config, box, devices, loggers.site)
    if (site) closers.push(() => site.close())
    const schedule = createSchedule({
      clock: box.clock,
      logger: loggers.schedule,
      jobs: boxJobs({
        ...box,
        makeBackup: box.operations.makeBackup,
        onBackup: (atMs) => {
          newestBackupMs = atMs
        },
        logger: loggers.schedule,
        ...(cloud ? { pusher: cloud, counts: cloud.counts } : {}),
      }),
    })
    closers.push(() => schedule.close())
    const http = await composeHttp({ config, box, devices, metrics, loggers })
    closers.push(() => http.close())
    const tls = await listenMqttTls(config, devices.broker, box.time, loggers.mqtt)
    if (tls) closers.push(() => tls.close())
    const { host, port } = config.mqtt
    const mqtt = await devices.broker.listen({ host, port })
    const certificates = config.tls && holdCertificates(config.tls, [tls, http], loggers.mqtt)
    if (certificates) closers.push(() => certificates.close())
    const ports = {
      http: http.port,
      mqtt,
      ...(http.tlsPort === undefined ? {} : { httpTls: http.tlsPort }),
      ...(tls ? { mqttTls: tls.port } : {}),
    }
    const startedAt = new Date(box.clock.now()).toISOString()
    box.hooks.live = {
      runJob: schedule.runNow,
      recentLog: recentLog.lines,
      announce: devices.voice.announce,
      presence: devices.presences.read,
      mqtt: devices.broker,
      deviceChanged: devices.rights.deviceChanged,
      reload: async () => reload(config, devices.rights, certificates),
    }
    box.hooks.status = () => ({
      running: true,
      pid: process.pid,
      startedAt,
      ports,
      adapter: http.adapter,
      mqttClients: devices.mqttClients(),
      webSockets: devices.sockets.count(),
      memoryBytes: process.memoryUsage.rss(),
      ...(cloud ? { cloud: cloud.status() } : {}),
      ...(config.bridges.length > 0 ? { bridges: bridges.status() } : {}),
      ...(site ? { site: site.status() } : {}),
      jobs: schedule.status(),
    })
    if (cloud) {
      // What reads packs is needed only where some may come down.
      const { composeReleases } = await import('./compose-releases.ts')
      cloud.startPulling(composeReleases(config, box, devices.voice.announce, loggers.cloud))
    }
    schedule.start()
    const { broker } = devices
    return {
      box,
      broker,
      loggers,
      close,
      adapter: http.adapter,
      ports,
      ...(cloud ? { cloud } : {}),
    }
  } catch (error) {
    await close()
    throw isListenError(error)
      ? new GatewayError('listen.failed', { detail: error.message, cause: error })
      : error
  }
}

/** What the operating system says when an address is taken or not allowed. */
const isListenError = (error: unknown): error is Error =>
  error instanceof Error && /^listen E[A-Z]+/.test(error.message)

/** MQTT over TLS, where a certificate is configured. */
async function listenMqttTls(
  { mqtt, tls }: Config,
  broker: MqttBroker,
  time: Box['time'],
  logger: Logger,
): Promise<TlsPort | undefined> {
  if (!tls) return undefined
  return listenTls({
    files: tls,
    host: tls.host,
    port: mqtt.tlsPort,
    broker,
    time: time.reading,
    onError: (error) => logger.error({ error }, 'the TLS listener failed'),
  })
}

interface Certificates {
  /** Reads the files anew, for every TLS port. Throws `config.unreadable` and changes nothing. */
  reload(): void
  close(): void
}

/** New certificates of the box without a restart: when the files change, and when an operator says so. */
function holdCertificates(
  files: NonNullable<Config['tls']>,
  ports: readonly (Pick<TlsPort, 'renew'> | undefined)[],
  logger: Logger,
): Certificates {
  const renew = () => {
    const secrets = readTlsFiles(files)
    for (const port of ports) port?.renew(secrets)
    logger.info({ files }, 'certificates read anew')
  }
  const watch = watchTlsFiles(files, () => {
    try {
      renew()
    } catch (error) {
      logger.error({ error }, 'the certificates cannot be read; those in force stay')
    }
  })
  return { reload: renew, close: () => watch.close() }
}

/** What takes effect without a restart: permissions and certificates. Throws `config.*`. */
function reload(
  config: Config,
  rights: LiveRights,
  certificates: Certificates | undefined,
): ReloadReport {
  const { dataDir, configFile } = config
  const fresh = loadConfig({ dataDir, ...(configFile === undefined ? {} : { configFile }) })
  certificates?.reload()
  const cut = rights.replace(fresh.permissions)
  // Of both: a section that was taken out is a change too.
  const sections = Object.keys({ ...config, ...fresh }) as (keyof Config)[]
  const needsRestart = sections
    .filter((name) => name !== 'permissions')
    .filter((name) => !isDeepStrictEqual(fresh[name], config[name]))
  return {
    rules: fresh.permissions.length,
    cut,
    certificates: certificates ? 'read anew' : 'none',
    needsRestart,
  }
}

/** The last entries before the end get their tree head too; without one they are kept all the same. */
async function signTheRest({ ledger }: Box, logger: Logger): Promise<void> {
  if (ledger.size() === (ledger.latestCheckpoint()?.size ?? 0)) return
  await ledger.checkpoint().catch((error: unknown) => {
    logger.error({ error }, 'the last entries were not signed; the next start does it')
  })
}
