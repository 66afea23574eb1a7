/** `kefu-edge status`: the box in one look, for a person on a terminal or as JSON. */
import type { BridgeStatus } from '../bridge/bridge.ts'
import type { LiveStatus, Status } from '../console/status.ts'
import type { SiteStatus } from '../fabric/site-link.ts'
import { type CommandOptions, usual } from './command.ts'
import type { ExitCode } from './io.ts'
import { loadLabels, pad, widthOf } from './labels.ts'
import { operate } from './operate.ts'

const LABEL_COLUMNS = 18
/** Characters of a reason in a line; the doctor has all of it. */
const SHOWN = 120
const FIGURES = ['accepted', 'delivered', 'pending', 'expired', 'quarantined'] as const

export const status = usual('status', { '': { usage: '[--json]', run: showStatus } })

async function showStatus({ config, values, io }: CommandOptions): Promise<ExitCode> {
  const found = (await operate(config(), 'status', {})) as Status
  if (values.json) io.stdout(JSON.stringify(found))
  else for (const line of statusLines(found)) io.stdout(line)
  return 0
}

/** The status as lines of a page. */
export function statusLines(status: Status): string[] {
  const label = loadLabels('status.yaml')
  const line = (name: string, text: string) => `${pad(label(name), LABEL_COLUMNS)}${text}`
  const { devices, packs, ledger } = status
  const state = status.running
    ? `${label('running')} · pid ${status.pid} · ${status.startedAt}`
    : label('stopped')
  const people = [
    `${devices.registered} ${label('registered')}`,
    ...(devices.disabled > 0 ? [`${devices.disabled} ${label('disabled')}`] : []),
    ...(devices.drifting > 0 ? [`${devices.drifting} ${label('drifting')}`] : []),
    ...(status.running ? [`${status.mqttClients + status.webSockets} ${label('online')}`] : []),
  ]
  const { checkpoint } = ledger
  const signed = checkpoint ? ` · ${label('signed')} ${checkpoint.entries} (${checkpoint.at})` : ''
  const forked = ledger.forkedAt ? ` · ${label('forked')}` : ''
  return [
    line(
      'box',
      `${status.gatewayId} · Kefu Edge ${status.version} · Node ${status.node} · ${state}`,
    ),
    line('data', status.dataDir),
    line('time', [status.now, ...timeWords(status, label)].join(' · ')),
    ...(status.running ? liveLines(status, line, label) : []),
    line('devices', people.join(' · ')),
    line('packs', packs.map((pack) => `${pack.name} ${pack.version}`).join(', ') || label('none')),
    line('ledger', `${ledger.entries} ${label('entries')}${signed}${forked}`),
    ...laneTable(status, label),
    ...(status.running ? jobLines(status, label) : []),
  ]
}

function timeWords(status: Status, label: (name: string) => string): string[] {
  return [
    ...(status.isTimeInDoubt ? [label('time-in-doubt')] : []),
    ...(status.unprovenDays > 0 ? [`${label('time-unproven')} ${status.unprovenDays}`] : []),
  ]
}

function liveLines(
  status: LiveStatus,
  line: (name: string, text: string) => string,
  label: (name: string) => string,
): string[] {
  const { cloud, ports, adapter, memoryBytes } = status
  const echo = cloud?.lastEchoAt ? ` · ${cloud.lastEchoAt} · ${cloud.roundTripMs ?? '?'} ms` : ''
  const error = cloud?.lastError ? ` · ${cloud.lastError}` : ''
  return [
    line('ports', `HTTP ${ports.http} (${adapter}) · MQTT ${ports.mqtt}`),
    line('memory', `${Math.round(memoryBytes / 1e6)} MB`),
    line(
      'cloud',
      cloud ? `${label(`cloud-${cloud.state}`)} · ${cloud.url}${echo}${error}` : label('cloud-off'),
    ),
    ...(cloud ? [line('witness', witnessText(cloud.witness, label))] : []),
    ...(cloud?.releases.notInUse ?? []).map(({ kind, name, serial, outcome, reason }) =>
      line('release', `${kind} ${name} ${serial} · ${label(outcome)} · ${reason.slice(0, SHOWN)}`),
    ),
    ...(status.bridges ?? []).map((bridge) => line('bridge', bridgeText(bridge, label))),
    ...(status.site ? [line('site', siteText(status.site, label))] : []),
  ]
}

function witnessText(
  { entries, at, detail, inconsistency }: NonNullable<LiveStatus['cloud']>['witness'],
  label: (name: string) => string,
): string {
  if (inconsistency !== undefined) return `${label('inconsistent')} · ${inconsistency}`
  const why = detail === undefined ? '' : ` · ${detail.slice(0, SHOWN)}`
  return at === undefined ? `–${why}` : `${entries} ${label('entries')} (${at})${why}`
}

function siteText(site: SiteStatus, label: (name: string) => string): string {
  const { name, state, url, sinceMs, boxes, missed, notOpened } = site
  const since = `${label('since')} ${new Date(sinceMs).toISOString()}`
  const reason = site.state === 'away' ? site.lastError : site.refused
  const why = reason ? ` · ${reason}` : ''
  const counts = `${boxes.length} ${label('other-boxes')} · ${missed} ${label('missed')}`
  const strange = notOpened > 0 ? ` · ${notOpened} ${label('not-opened')}` : ''
  return `${name} · ${label(`cloud-${state}`)} ${since} · ${url}${why} · ${counts}${strange}`
}

function bridgeText(bridge: BridgeStatus, label: (name: string) => string): string {
  const { name, url, state, waiting, sent, received } = bridge
  const why = bridge.lastError ? ` · ${bridge.lastError}` : ''
  const echo = bridge.roundTripMs === undefined ? '' : ` · ${bridge.roundTripMs} ms`
  const counts = `${waiting} ${label('pending')} · ${sent} ${label('delivered')} · ${received} ${label('accepted')}`
  return `${name} · ${label(`cloud-${state}`)} · ${url}${echo} · ${counts}${why}`
}

function laneTable(status: Status, label: (name: string) => string): string[] {
  const heads = [label('lane'), ...FIGURES.map(label)]
  const widths = heads.map((head, at) => Math.max(widthOf(head), at === 0 ? 12 : 9))
  const row = (cells: readonly string[]) =>
    `  ${cells.map((cell, at) => pad(cell, widths[at] ?? 0, at > 0)).join('  ')}`
  return [
    row(heads),
    ...status.ledger.lanes.map((lane) =>
      row([lane.lane, ...FIGURES.map((figure) => String(lane[figure]))]),
    ),
  ]
}

function jobLines(status: LiveStatus, label: (name: string) => string): string[] {
  return [
    label('jobs'),
    ...status.jobs.map((job) => {
      const last =
        job.lastStartedAtMs === undefined
          ? label('job-never')
          : `${new Date(job.lastStartedAtMs).toISOString()}  ${job.lastError ?? job.lastResult ?? ''}`
      const failed = job.failures > 0 ? ` · ${job.failures} ${label('job-failed')}` : ''
      return `  ${pad(job.name, 20)}${pad(job.cron, 14)}${job.runs} ${label('job-runs')}${failed}  ${last}`
    }),
  ]
}
