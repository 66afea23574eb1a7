/** `kefu-edge doctor`: one page that says what is wrong and what to do, beside a running gateway or without. */
import { connect } from 'node:net'
import { systemClock } from '../clock.ts'
import type { Config } from '../config/schema.ts'
import type { Status } from '../console/status.ts'
import { isFolderHeld, readRunFile } from '../storage/data-folder.ts'
import {
  checkAdapter,
  checkAuthorities,
  checkBackups,
  checkClock,
  checkFolder,
  checkKeys,
  checkNode,
  checkPorts,
  checkTls,
  isLoopback,
} from './checks-machine.ts'
import { checkRecord } from './checks-record.ts'
import { type CommandOptions, usual } from './command.ts'
import { bad, type Finding, ok, type Verdict, warn, wording } from './finding.ts'
import type { ExitCode } from './io.ts'
import { pad } from './labels.ts'
import { operate } from './operate.ts'

/** A gateway that does not answer its own machine within this is not well. */
const ASK_OPTIONS = { timeoutMs: 5000, startingMs: 0 }
const CONNECT_TIMEOUT_MS = 3000
const MINUTE_MS = 60_000
/** The core is asked once a minute. */
const UNWITNESSED_WARN_MINUTES = 60
const MARKS = { ok: '✓', warn: '!', bad: '✗' } as const

export const doctor = usual('doctor', { '': { usage: '[--json]', run: sayFindings } })

async function sayFindings({ config, values, io }: CommandOptions): Promise<ExitCode> {
  const findings = await examine(config())
  const count = (level: Finding['level']) => findings.filter((one) => one.level === level).length
  if (values.json) {
    const summary = { ok: count('ok'), warn: count('warn'), bad: count('bad') }
    io.stdout(JSON.stringify({ isWell: summary.bad === 0, ...summary, findings }))
  } else {
    for (const line of findings.flatMap(linesOf)) io.stdout(line)
    io.stdout(`\n${count('bad')} ✗   ${count('warn')} !   ${count('ok')} ✓`)
  }
  return count('bad') > 0 ? 1 : 0
}

/** Everything the doctor looks at, in the order in which an operator would mend it. */
export async function examine(
  config: Config,
  clock: { now(): number } = systemClock,
): Promise<readonly Finding[]> {
  const nowMs = clock.now()
  const { verdict: process, status } = await checkGateway(config)
  const record = await checkRecord(config, nowMs, status?.running ?? false)
  const verdicts: Verdict[] = [
    checkNode(),
    process,
    ...checkFolder(config.dataDir),
    checkClock(clock, {
      ...record.time,
      ...(status ? { unprovenDays: status.unprovenDays } : {}),
    }),
    ...checkKeys(config.dataDir),
    ...record.verdicts,
    ...(await checkPorts(config, status)),
    await checkAdapter(config, status),
    ...checkTls(config, nowMs),
    ...checkAuthorities(config, nowMs),
    await checkCloud(config, status),
    ...checkCloudWire(config),
    ...checkWitness(status, nowMs),
    ...checkReleases(status),
    await checkBackups(config, nowMs),
    ...checkJobs(status),
  ]
  return verdicts.map(wording())
}

async function checkGateway(config: Config): Promise<{ verdict: Verdict; status?: Status }> {
  const run = readRunFile(config.dataDir)
  if (!isFolderHeld(config.dataDir)) {
    return { verdict: run ? warn('gateway', 'died') : ok('gateway', {}, 'stopped') }
  }
  if (!run) return { verdict: warn('gateway', 'starting') }
  const { pid } = run
  try {
    const status = (await operate(config, 'status', {}, ASK_OPTIONS)) as Status
    return { verdict: ok('gateway', { pid }), status }
  } catch {
    return { verdict: bad('gateway', 'silent', { pid, port: run.ports.http }) }
  }
}

async function checkCloud({ cloud }: Config, status: Status | undefined): Promise<Verdict> {
  const { url } = cloud
  if (url === undefined) return ok('cloud', {}, 'off')
  if (status?.running && status.cloud) {
    const { state, roundTripMs, lastError = '' } = status.cloud
    if (state === 'connected') return ok('cloud', { ms: Math.round(roundTripMs ?? 0) })
    if (lastError.startsWith('gateway.unknown')) return bad('cloud', 'not-enrolled', { url })
    if (isShutOut(status)) {
      return bad('cloud', 'blocked', { url, id: status.gatewayId })
    }
    if (state === 'connecting') return ok('cloud', { url }, 'connecting')
    return warn('cloud', 'away', { url, error: lastError })
  }
  const error = await tryConnect(new URL(url))
  return error ? warn('cloud', 'away', { url, error }) : ok('cloud', { url }, 'reachable')
}

/** By an operator of the core: whatever else it refuses then has that one cause. */
const isShutOut = (status: Status): boolean =>
  status.running && (status.cloud?.lastError ?? '').startsWith('gateway.blocked')

/** A core on this machine may be met without TLS; on any other wire the enrolment token and all entries lie open. */
function checkCloudWire({ cloud: { url } }: Config): Verdict[] {
  if (url === undefined) return []
  const { protocol, hostname } = new URL(url)
  const isOpen = protocol === 'http:' && !isLoopback(hostname.replace(/[[\]]/g, ''))
  return isOpen ? [warn('cloud', 'plain', { url })] : []
}

/** What the core signs is the only proof of the record that whoever holds the box cannot make himself. */
function checkWitness(status: Status | undefined, nowMs: number): Verdict[] {
  if (!status?.running || !status.cloud) return []
  const { state, witness } = status.cloud
  const { inconsistency, outcome, detail = '', entries, at } = witness
  if (inconsistency !== undefined)
    return [bad('witness', 'inconsistent', { detail: inconsistency })]
  if (outcome === 'refused' && !isShutOut(status)) return [warn('witness', 'refused', { detail })]
  if (outcome === 'unknown-cosigner') return [bad('witness', 'stranger', { detail })]
  const minutes = Math.floor((nowMs - Date.parse(at ?? status.startedAt)) / MINUTE_MS)
  if (state === 'connected' && minutes > UNWITNESSED_WARN_MINUTES) {
    return [warn('witness', 'old', { minutes })]
  }
  return [at === undefined ? ok('witness', {}, 'none') : ok('witness', { entries })]
}

function checkReleases(status: Status | undefined): Verdict[] {
  if (!status?.running || !status.cloud) return []
  const { state, releases } = status.cloud
  const found = releases.notInUse.map(({ kind, name, serial, reason }) =>
    warn('cloud', 'release', { release: `${kind} ${name} ${serial}`, reason }),
  )
  if (state === 'connected' && releases.lastError !== undefined) {
    found.push(warn('cloud', 'releases', { error: releases.lastError }))
  }
  return found
}

function tryConnect(url: URL): Promise<string | undefined> {
  const port = Number(url.port || (url.protocol === 'http:' ? 80 : 443))
  return new Promise((resolve) => {
    const socket = connect({ host: url.hostname.replace(/^\[|\]$/g, ''), port })
    const end = (error?: string) => {
      socket.destroy()
      resolve(error)
    }
    socket.setTimeout(CONNECT_TIMEOUT_MS, () => end('timeout'))
    socket.once('connect', () => end())
    socket.once('error', (error: NodeJS.ErrnoException) => end(error.code ?? error.message))
  })
}

function checkJobs(status: Status | undefined): Verdict[] {
  if (!status?.running) return []
  const failing = status.jobs.filter((job) => job.lastError !== undefined)
  if (failing.length === 0) return [ok('jobs', { count: status.jobs.length })]
  return failing.map(({ name, lastError = '' }) =>
    warn('jobs', 'failing', { name, error: lastError }),
  )
}

function linesOf({ level, title, what, next }: Finding): string[] {
  const head = `${MARKS[level]} ${pad(`${title.zh} ${title.en}`, 26)}`
  const indent = ' '.repeat(4)
  const isShort = what.zh === what.en || level === 'ok'
  const said = what.zh === what.en ? what.zh : `${what.zh} · ${what.en}`
  return [
    isShort ? `${head}${said}` : `${head}${what.zh}`,
    ...(isShort ? [] : [`${indent}${what.en}`]),
    ...(next ? [`${indent}→ ${next.zh}`, `${indent}→ ${next.en}`] : []),
  ]
}
