/** The reference cloud core: constructs its parts, listens, closes in reverse order. */
import http, { type Server } from 'node:http'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { CloudError } from '../errors.ts'
import { type FolderLock, lockFolder } from '../folder-lock.ts'
import { makeFolder } from '../make-folder.ts'
import { type Clock, type Logger, silentLogger, systemClock } from '../ports.ts'
import { type Answerer, openListAnswerer } from './answerer.ts'
import { askRoutes } from './ask-routes.ts'
import { loadServerCertificate, type ServerCertificate } from './certificates.ts'
import { createCosigner } from './cosigner.ts'
import { cosignerRoutes } from './cosigner-routes.ts'
import { countRoutes, createCounts } from './counts.ts'
import { createGateways } from './gateways.ts'
import { createHandler } from './handler.ts'
import { createLogHeads } from './log-heads.ts'
import { createProvenTime } from './proven-time.ts'
import { createReceiver, type Receiver } from './receive.ts'
import { releaseRoutes } from './release-routes.ts'
import { createReleases, type Releases } from './releases.ts'
import { MIN_TLS, type Renewal, renewCertificate } from './renewal.ts'
import { createReports } from './reports.ts'
import { createRetention } from './retention.ts'
import { coreRoutes } from './routes.ts'
import { loadKeys, loadToken } from './secrets.ts'
import { createSessions } from './sessions.ts'
import { createRelay, type Relay, type RelayStatus } from './sinks/relay.ts'
import type { Sink } from './sinks/sink.ts'
import { createStatusPage } from './status-page.ts'
import { openCoreStore } from './storage.ts'

/** Above the gateways' own keep-alive, so that the core never closes a socket that is about to be used. */
const KEEP_ALIVE_MS = 75_000
/** A request that trickles in slower than this is cut: a batch on 17 kbit/s still passes. */
const REQUEST_TIMEOUT_MS = 300_000

export interface CloudCoreOptions {
  readonly dataDir: string
  /** 0: any free port. */
  readonly port: number
  /** Address to listen on; default 127.0.0.1. */
  readonly host?: string
  /** Further names and addresses of the certificate. */
  readonly names?: readonly string[]
  /** Plain http, on loopback only. */
  readonly isInsecureHttp?: boolean
  readonly clock?: Clock
  readonly logger?: Logger
  /** Who answers escalated asks; default: the list in `answers.json` of the data folder. */
  readonly answerer?: Answerer
  /** Where entries are handed on to; absent: they stay in the core's SQLite. Closed with the core. */
  readonly sink?: Sink
  /** Days that entries stay in the core's SQLite after they were handed on; absent: for ever. */
  readonly retainDays?: number
  /** Name of this core as cosigner; part of its key. */
  readonly cosignerName?: string
}

export interface CloudCore {
  readonly url: string
  readonly port: number
  /** Empty over plain http. */
  readonly caPem: string
  readonly caFile: string
  readonly enrolToken: string
  readonly operatorToken: string
  /** Raw Ed25519 key that signs releases, base64. */
  readonly publisherKey: string
  /** C2SP vkey of the cosigner. */
  readonly cosignerKey: string
  /** For a program that publishes from the same process, such as a demo. */
  readonly releases: Releases
  /** Takes the key of a gateway away, so that it has to enrol with another. */
  releaseGateway(id: string): Promise<void>
  /** Undefined without a sink. */
  sinkStatus(): RelayStatus | undefined
  close(): Promise<void>
}

/** Throws `core.in-use` beside another core on the folder, `core.database` and `core.port` where it gets neither. */
export async function startCloudCore(options: CloudCoreOptions): Promise<CloudCore> {
  const { dataDir, host, isInsecureHttp } = options
  if (isInsecureHttp && host !== undefined && !isLoopback(host)) {
    throw new CloudError('request.invalid', {
      detail: `--insecure-http listens on loopback only, not on ${host}`,
    })
  }
  const folder = takeFolder(dataDir)
  try {
    return await startIn(folder, options)
  } catch (error) {
    folder.release()
    throw error
  }
}

async function startIn(folder: FolderLock, options: CloudCoreOptions): Promise<CloudCore> {
  const { dataDir, host = '127.0.0.1', clock = systemClock, logger = silentLogger } = options
  const cosignerName = options.cosignerName ?? 'kefu-edge-core'
  const isPlain = options.isInsecureHttp ?? false
  const keys = loadKeys(dataDir, cosignerName, logger)
  const tokens = {
    enrolToken: loadToken(join(dataDir, 'enrol.token')),
    operatorToken: loadToken(join(dataDir, 'operator.token')),
  }
  const tlsFolder = join(dataDir, 'tls')
  const names = [
    ...new Set(['localhost', '127.0.0.1', '::1', ...named(host), ...(options.names ?? [])]),
  ]
  const loadCertificate = () => loadServerCertificate(tlsFolder, names, clock.now())
  const certificate = isPlain ? undefined : await loadCertificate()

  const store = openCoreStore(dataDir)
  const gateways = createGateways(store, clock)
  const sessions = createSessions(store)
  const reports = createReports(store)
  const releases = createReleases(store, keys.publisher.privateKey, clock, logger)
  const heads = createLogHeads(store, clock)
  const cosigner = createCosigner({
    store,
    heads,
    clock,
    logger,
    name: cosignerName,
    privateKey: keys.cosigner.privateKey,
  })
  const relay = options.sink ? createRelay(store, options.sink, logger) : undefined
  const sinkStatus = () => relay?.status()
  relay?.start()
  const time = createProvenTime(store, clock)
  const retention = createRetention({
    store,
    clock,
    time,
    logger,
    releases,
    ...(options.retainDays === undefined ? {} : { retainDays: options.retainDays }),
    ...(options.sink ? { sinkName: options.sink.name } : {}),
  })
  retention.start()
  const routes = [
    ...coreRoutes({
      gateways,
      sessions,
      reports,
      receiver: nudging(createReceiver({ store, sessions, heads, clock, time, logger }), relay),
      statusPage: createStatusPage({ reports, heads, clock, sinkStatus, ...keys.said }),
      sinkStatus,
      ...tokens,
      ...keys.said,
    }),
    ...releaseRoutes(releases, gateways),
    ...cosignerRoutes({ cosigner, heads, gateways, store }),
    ...countRoutes(createCounts(store)),
    ...askRoutes(options.answerer ?? openListAnswerer(join(dataDir, 'answers.json')), logger),
  ]
  const handle = createHandler(routes, { gateways, ...tokens }, logger)
  const { server, renewal } = certificate
    ? serveTls(certificate, loadCertificate, handle, logger, clock)
    : { server: http.createServer(handle) }
  server.keepAliveTimeout = KEEP_ALIVE_MS
  server.requestTimeout = REQUEST_TIMEOUT_MS
  try {
    await listen(server, options.port, host)
  } catch (cause) {
    await closeParts()
    throw new CloudError('core.port', { cause, detail: `${host}, port ${options.port}: ${cause}` })
  }
  const { port } = server.address() as AddressInfo
  let closing: Promise<void> | undefined

  return {
    url: `${isPlain ? 'http' : 'https'}://${host.includes(':') ? `[${host}]` : dialled(host)}:${port}`,
    port,
    caPem: certificate?.caPem ?? '',
    caFile: join(tlsFolder, 'ca.pem'),
    ...tokens,
    ...keys.said,
    releases,
    releaseGateway: (id) => gateways.release(id),
    sinkStatus,
    close: () => {
      closing ??= close()
      return closing
    },
  }

  async function close(): Promise<void> {
    await new Promise<void>((resolve) => {
      server.close(() => resolve())
      server.closeIdleConnections()
      // Batches in hand are answered; a client that never ends its request does not hold the core.
      setTimeout(() => server.closeAllConnections(), 1000).unref()
    })
    await closeParts()
  }

  async function closeParts(): Promise<void> {
    renewal?.close()
    await relay?.close()
    await retention.close()
    store.close()
    folder.release()
  }
}

/** Two cores on one folder would answer under one name, each with ends of its own. */
function takeFolder(dataDir: string): FolderLock {
  let lock: FolderLock | undefined
  try {
    makeFolder(dataDir, 0o700)
    lock = lockFolder(dataDir)
  } catch (cause) {
    throw new CloudError('core.database', { cause, detail: `${dataDir}: ${cause}` })
  }
  if (!lock) throw new CloudError('core.in-use', { detail: dataDir })
  return lock
}

function serveTls(
  certificate: ServerCertificate,
  load: () => Promise<ServerCertificate>,
  handle: http.RequestListener,
  logger: Logger,
  clock: Clock,
): { server: Server; renewal: Renewal } {
  const { certPem: cert, keyPem: key } = certificate
  const server = https.createServer({ cert, key, minVersion: MIN_TLS }, handle)
  return { server, renewal: renewCertificate(server, certificate, load, logger, clock) }
}

/** What was just received is handed on at once, not at the next look. */
function nudging(receiver: Receiver, relay: Relay | undefined): Receiver {
  if (!relay) return receiver
  return {
    async receive(gateway, batch) {
      const received = await receiver.receive(gateway, batch)
      relay.nudge()
      return received
    },
  }
}

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host)
}

/** An address that means "every interface" names nothing in a certificate. */
function named(host: string): readonly string[] {
  return host === '0.0.0.0' || host === '::' ? [] : [host]
}

function dialled(host: string): string {
  return host === '0.0.0.0' ? '127.0.0.1' : host
}
