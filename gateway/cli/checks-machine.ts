/** The doctor's look at the machine: program, folder, keys, clock, ports, certificate. */
import { X509Certificate } from 'node:crypto'
import { accessSync, constants, existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { readCertificates } from '@kefu-edge/cloud-sync/judge-certificate'
import { loadUws } from '../channels/http/uws-server.ts'
import type { Clock } from '../clock.ts'
import type { Config } from '../config/schema.ts'
import type { Status } from '../console/status.ts'
import { keyFilesOf } from '../ledger/key-files.ts'
import { LONGEST_UNPROVEN_MS } from '../ledger/proven-time.ts'
import { EARLIEST_MS, LONGEST_REST_MS } from '../ledger/time-floor.ts'
import { freeBytesOf, LOW_DISK_BYTES } from '../schedule/jobs.ts'
import { readGatewayId } from '../storage/data-folder.ts'
import { listBackups } from '../storage/kept-backups.ts'
import { bad, ok, type Verdict, warn } from './finding.ts'

const DAY_MS = 86_400_000
/** Less than this and SQLite may not find room for one more log. */
const NO_DISK_BYTES = 50_000_000
/** Certificates are ordered and put in by people: a month is time enough. */
const CERTIFICATE_WARN_DAYS = 30
/** A daily backup that has been missing twice does not work. */
const BACKUP_OLD_DAYS = 2
const OTHERS = 0o077
const OLDEST_NODE: readonly [number, number] = [20, 19]

export function checkNode(version: string = process.version): Verdict {
  const [major = 0, minor = 0] = version.replace('v', '').split('.').map(Number)
  const isOld = major < OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor < OLDEST_NODE[1])
  return isOld ? bad('node', 'too-old', { version }) : ok('node', { version })
}

export async function checkAdapter(config: Config, status: Status | undefined): Promise<Verdict> {
  if (config.http.adapter === 'node') return ok('adapter', { adapter: 'node:http' })
  if (status?.running && status.adapter !== 'node')
    return ok('adapter', { adapter: status.adapter })
  const loaded = await loadUws()
  if ('uws' in loaded) return ok('adapter', { adapter: 'uWebSockets.js' })
  const [reason = ''] = loaded.reason.split('\n')
  return warn('adapter', 'fallback', { reason })
}

export function checkFolder(path: string, freeBytes: (dir: string) => number = freeBytesOf) {
  if (!existsSync(path)) return [warn('folder', 'missing', { path })]
  const found: Verdict[] = []
  const mode = statSync(path).mode & 0o777
  try {
    accessSync(path, constants.W_OK | constants.X_OK)
  } catch {
    found.push(bad('folder', 'not-writable', { path }))
  }
  if (process.platform !== 'win32' && (mode & OTHERS) !== 0) {
    found.push(warn('folder', 'open-to-others', { path, mode: mode.toString(8) }))
  }
  const bytes = freeBytes(path)
  const free = Math.floor(bytes / 1e6)
  if (bytes < NO_DISK_BYTES) found.push(bad('folder', 'short', { free }))
  else if (bytes < LOW_DISK_BYTES) found.push(warn('folder', 'short', { free }))
  return found.length > 0 ? found : [ok('folder', { path, free })]
}

/** Everything in `keys/` but the public verifier keys, and the token of the admin API. */
export function checkKeys(dataDir: string): Verdict[] {
  const keyDir = join(dataDir, 'keys')
  const names = existsSync(keyDir) ? readdirSync(keyDir) : []
  const secret = [
    ...names.filter((name) => !name.endsWith('.vkey')).map((name) => join(keyDir, name)),
    join(dataDir, 'admin.token'),
  ].filter((file) => existsSync(file))
  const needed = [keyFilesOf(keyDir).masterKey, keyFilesOf(keyDir).signingKey]
  const missing = needed.filter((file) => !existsSync(file))
  const found: Verdict[] = []
  if (missing.length > 0 && existsSync(join(dataDir, 'kefu.db'))) {
    found.push(bad('keys', 'missing', { files: missing.join(' ') }))
  }
  const readable =
    process.platform === 'win32'
      ? []
      : secret.filter((file) => (statSync(file).mode & OTHERS) !== 0)
  if (readable.length > 0) found.push(bad('keys', 'readable', { files: readable.join(' ') }))
  if (found.length > 0) return found
  return [secret.length > 0 ? ok('keys', { count: secret.length }) : ok('keys', {}, 'none')]
}

/** What the database and the running gateway know of the time. */
export interface KnownTime {
  /** The last time that was known to be good. */
  readonly floorMs?: number
  /** By which things are removed, as it was last kept. */
  readonly provenMs?: number
  /** What the running gateway says of it. */
  readonly unprovenDays?: number
}

export function checkClock(clock: Pick<Clock, 'now'>, known: KnownTime): Verdict {
  const { floorMs, provenMs } = known
  const nowMs = clock.now()
  const now = new Date(nowMs).toISOString()
  if (nowMs < EARLIEST_MS) return bad('clock', 'before-program', { now })
  if (floorMs !== undefined) {
    const floor = new Date(floorMs).toISOString()
    if (nowMs < floorMs) return bad('clock', 'behind', { now, floor })
    if (nowMs > floorMs + LONGEST_REST_MS) return bad('clock', 'ahead', { now, floor })
  }
  const restMs = nowMs - (provenMs ?? nowMs)
  const days =
    known.unprovenDays ?? (restMs > LONGEST_UNPROVEN_MS ? Math.floor(restMs / DAY_MS) : 0)
  if (days > 0) return warn('clock', 'unproven', { now, days })
  return ok('clock', { now })
}

/** Whether the ports can be had; where a gateway runs, it has them. */
export async function checkPorts(config: Config, status: Status | undefined): Promise<Verdict[]> {
  const found: Verdict[] = []
  const doors = [
    { name: 'http', host: config.http.host, port: config.http.port },
    { name: 'mqtt', host: config.mqtt.host, port: config.mqtt.port },
  ]
  for (const { name, host, port } of doors) {
    const code = status?.running ? undefined : await tryListen(host, port)
    if (code === 'EADDRINUSE') found.push(bad('ports', 'taken', { name, host, port }))
    else if (code) found.push(bad('ports', 'denied', { name, host, port, code }))
    if (!isLoopback(host) && !config.tls) found.push(warn('ports', 'open', { name, host }))
  }
  if (config.mqtt.allowAnonymous) found.push(bad('ports', 'anonymous'))
  if (found.length > 0) return found
  const used = status?.running ? status.ports : { http: config.http.port, mqtt: config.mqtt.port }
  return [ok('ports', { ports: `HTTP ${used.http}, MQTT ${used.mqtt}` })]
}

export const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || host.startsWith('127.')

function tryListen(host: string, port: number): Promise<string | undefined> {
  if (port === 0) return Promise.resolve(undefined)
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)))
  })
}

export function checkTls(config: Config, nowMs: number): Verdict[] {
  const { tls } = config
  if (!tls) return [ok('tls', {}, 'off')]
  let certificate: X509Certificate
  try {
    certificate = new X509Certificate(readFileSync(tls.certFile))
    accessSync(tls.keyFile, constants.R_OK)
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error)
    return [bad('tls', 'unreadable', { file: tls.certFile, detail })]
  }
  const untilMs = Date.parse(certificate.validTo)
  const until = new Date(untilMs).toISOString().slice(0, 10)
  const days = Math.floor((untilMs - nowMs) / DAY_MS)
  const found: Verdict[] = []
  if (days < 0) found.push(bad('tls', 'expired', { until }))
  else if (days < CERTIFICATE_WARN_DAYS) found.push(warn('tls', 'expiring', { days, until }))
  if (process.platform !== 'win32' && (statSync(tls.keyFile).mode & OTHERS) !== 0) {
    found.push(bad('tls', 'key-readable', { file: tls.keyFile }))
  }
  return found.length > 0 ? found : [ok('tls', { until })]
}

/** The authorities by which devices and the core are judged: what one that is over has signed is let in no more. */
export function checkAuthorities({ tls, cloud }: Config, nowMs: number): Verdict[] {
  const files = [tls?.caFile, cloud.caFile].filter((file) => file !== undefined)
  return files.flatMap((file) => {
    try {
      const found = readCertificates(readFileSync(file))
      if (found.length > 0) return judgeAuthorities(file, found, nowMs)
      return [bad('tls', 'unreadable', { file, detail: 'no certificate in it' })]
    } catch (error) {
      const detail = error instanceof Error ? error.message : String(error)
      return [bad('tls', 'unreadable', { file, detail })]
    }
  })
}

/** Beside one that is still good, one that is over is a warning: its devices may have been renewed. */
function judgeAuthorities(file: string, all: readonly X509Certificate[], nowMs: number): Verdict[] {
  const daysOf = ({ validTo }: X509Certificate) =>
    Math.floor((Date.parse(validTo) - nowMs) / DAY_MS)
  const say = all.some((one) => daysOf(one) >= 0) ? warn : bad
  return all.flatMap((one) => {
    const days = daysOf(one)
    if (days >= CERTIFICATE_WARN_DAYS) return []
    const until = new Date(Date.parse(one.validTo)).toISOString().slice(0, 10)
    const subject = one.subject.replaceAll('\n', ', ')
    return days < 0
      ? [say('tls', 'authority-expired', { file, subject, until })]
      : [warn('tls', 'authority-expiring', { file, subject, until, days })]
  })
}

export async function checkBackups({ backup, dataDir }: Config, nowMs: number): Promise<Verdict> {
  const { dir } = backup
  if (dir === undefined) return warn('backup', 'off')
  const all = existsSync(dir) ? await listBackups(dir, readGatewayId(dataDir) ?? '', nowMs) : []
  const newest = all.at(-1)
  if (newest === undefined) return warn('backup', 'none', { dir })
  if (newest.madeAtMs > nowMs) return warn('backup', 'ahead', { dir, newest: newest.file })
  const days = Math.floor((nowMs - newest.madeAtMs) / DAY_MS)
  if (days > BACKUP_OLD_DAYS) return bad('backup', 'old', { days })
  return ok('backup', { count: all.length, newest: newest.file })
}
