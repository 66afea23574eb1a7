/** A site to break: a built gateway and a built core in folders of their own, a faulty link between them. */
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type LinkFaults, openLinkFaults } from './link-faults.ts'
import {
  GATEWAY_PROGRAM,
  type Program,
  ROOT,
  runGateway,
  startAndKill,
  startProgram,
  until,
} from './program.ts'
import { openShim, type Shim } from './shim.ts'

const CORE_PROGRAM = join(ROOT, 'cloud-sync/dist/core/main.js')
const FOLD_EARLY = pathToFileURL(join(import.meta.dirname, 'fold-early.mjs')).href
/** Small, so that a start takes under a second; the faults do not care what is known. */
const PACK = join(ROOT, 'test/support/packs/desk')

export interface Ports {
  readonly http: number
  readonly mqtt: number
}
type Env = Readonly<Record<string, string>>

export interface Device {
  readonly id: string
  readonly token: string
}

/** Folders of a site that was set up once: pack installed, devices added, gateway enrolled. */
export interface Template {
  readonly folder: string
  readonly devices: readonly Device[]
}

export interface Site {
  readonly folder: string
  readonly gatewayDir: string
  readonly coreDir: string
  readonly devices: readonly Device[]
  readonly link: LinkFaults
  /** Present where the site was opened with the preloaded library. */
  readonly shims: { readonly gateway: Shim; readonly core: Shim } | undefined
  /** A thread has folded the gateway's log; false where the site was not opened for that. */
  hasFolded(): boolean
  /** Where the gateway listens; undefined while it does not run. */
  ports(): Ports | undefined
  corePort(): number
  gateway(): Program | undefined
  core(): Program | undefined
  startGateway(): Promise<void>
  startCore(): Promise<void>
  /** A start that does not come to its end: kill -9 after so many milliseconds. */
  breakGatewayStart(afterMs: number): Promise<void>
  /** Each resolves with how many processes that ran were killed. */
  killGateway(): Promise<number>
  killCore(): Promise<number>
  /** Ends what runs in good order; resolves with the gateway's exit code. */
  stop(): Promise<number | null>
  /** Kills what still runs; the folder stays. */
  close(): Promise<void>
}

export interface SiteOptions {
  /** See power-cut.c. */
  readonly library?: string | undefined
  /** A thread folds the gateway's log from the first pages on; see fold-early.mjs. */
  readonly isFolding?: boolean
}

/** A site on a copy of the template; nothing runs yet. */
export async function openSite(
  template: Template,
  folder: string,
  options: SiteOptions = {},
): Promise<Site> {
  cpSync(template.folder, folder, { recursive: true })
  return siteIn(folder, template.devices, options)
}

/** Sets a site up in `folder`: takes seconds, so it is done once a run. */
export async function makeTemplate(folder: string, devices: number): Promise<Template> {
  mkdirSync(join(folder, 'gateway'), { recursive: true })
  mkdirSync(join(folder, 'core'))
  const site = await siteIn(folder, [])
  await runGateway(['pack', 'install', PACK, '--data', site.gatewayDir])
  await site.startCore()
  await site.startGateway()
  const added: Device[] = []
  for (let n = 0; n < devices; n++) {
    const id = `device-${n}`
    const { token } = (await adminCall(site, 'device.add', { id, kind: 'kiosk' })) as {
      token: string
    }
    added.push({ id, token })
  }
  const isEnrolled = await until(30_000, async () => (await isDrained(site)) || undefined)
  if (!isEnrolled) throw new Error(`not enrolled: ${site.gateway()?.lastWords()}`)
  await site.stop()
  await site.link.close()
  return { folder, devices: added }
}

async function siteIn(
  folder: string,
  devices: readonly Device[],
  { library, isFolding = false }: SiteOptions = {},
): Promise<Site> {
  const gatewayDir = join(folder, 'gateway')
  const coreDir = join(folder, 'core')
  const link = await openLinkFaults()
  const folded = join(folder, 'folded')
  const folding = isFolding ? { NODE_OPTIONS: `--import=${FOLD_EARLY}`, FOLD_MARK: folded } : {}
  const shims = library && {
    gateway: openShim(library, join(folder, 'gateway')),
    core: openShim(library, join(folder, 'core')),
  }
  let gateway: (Program & { ready: Ports }) | undefined
  let core: (Program & { ready: number }) | undefined

  const site: Site = {
    folder,
    gatewayDir,
    coreDir,
    devices,
    link,
    shims: shims || undefined,
    hasFolded: () => existsSync(folded),
    ports: () => (gateway && !gateway.isGone() ? gateway.ready : undefined),
    corePort: () => core?.ready ?? 0,
    gateway: () => gateway,
    core: () => core,
    async startCore() {
      const args = [CORE_PROGRAM, '--data', coreDir, '--port', '0']
      core = await startProgram(args, site.shims?.core.env(coreDir) ?? {}, ({ output }) => {
        const url = /"url":"https:\/\/127\.0\.0\.1:(\d+)"/.exec(output)
        return url ? Number(url[1]) : undefined
      })
      link.setTarget(core.ready)
    },
    async startGateway() {
      const { args, env } = gatewayStart(site, folding)
      gateway = await startProgram(args, env, ({ pid }) => portsOf(gatewayDir, pid))
    },
    async breakGatewayStart(afterMs) {
      const { args, env } = gatewayStart(site, folding)
      await startAndKill(args, env, afterMs)
    },
    async killGateway() {
      const killed = gateway
      gateway = undefined
      return killed?.kill() ?? 0
    },
    killCore: async () => core?.kill() ?? 0,
    async stop() {
      const [code] = await Promise.all([gateway?.stop() ?? null, core?.stop()])
      gateway = undefined
      return code
    },
    async close() {
      await Promise.all([gateway?.kill(), core?.kill(), link.close()])
    },
  }
  return site
}

const GATEWAY_ENV: Env = { KEFU_HTTP_PORT: '0', KEFU_MQTT_PORT: '0', KEFU_LOG_LEVEL: 'warn' }

function gatewayStart(
  site: Site,
  folding: Env,
): { readonly args: readonly string[]; readonly env: Env } {
  writeConfig(site)
  return {
    args: [GATEWAY_PROGRAM, 'start', '--data', site.gatewayDir],
    env: { ...GATEWAY_ENV, ...folding, ...site.shims?.gateway.env(site.gatewayDir) },
  }
}

function writeConfig({ coreDir, gatewayDir, link }: Site): void {
  const file = join(gatewayDir, 'kefu-edge.yaml')
  const cloud = {
    url: `https://127.0.0.1:${link.port}`,
    caFile: join(coreDir, 'tls/ca.pem'),
    enrolToken: readFileSync(join(coreDir, 'enrol.token'), 'utf8').trim(),
  }
  const text = `${JSON.stringify({ cloud })}\n`
  // A full or read-only disk keeps the file of the start before, which says the same.
  if (readIfThere(file) !== text) writeFileSync(file, text)
}

/** The run file of an earlier life is left behind by kill -9: only this process's counts. */
function portsOf(gatewayDir: string, pid: number): Ports | undefined {
  try {
    const run = JSON.parse(readFileSync(join(gatewayDir, 'run.json'), 'utf8')) as {
      pid: number
      ports: Ports
    }
    return run.pid === pid ? run.ports : undefined
  } catch {
    return undefined
  }
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}

/** An operation of the administrator; rejects when it is refused or the gateway is not there. */
export async function adminCall(site: Site, operation: string, args: object): Promise<unknown> {
  const token = readFileSync(join(site.gatewayDir, 'admin.token'), 'utf8').trim()
  const response = await fetch(`http://127.0.0.1:${site.ports()?.http}/admin/api/${operation}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify(args),
  })
  if (!response.ok) throw new Error(`${operation}: ${await response.text()}`)
  return response.json()
}

/** Lane by lane, state by state, as `/metrics` says it. */
export type Balance = Readonly<Record<string, Readonly<Record<string, number>>>>

/** Undefined when the gateway gives no page just now. */
export async function readBalance(site: Site): Promise<Balance | undefined> {
  const ports = site.ports()
  if (!ports) return undefined
  try {
    const signal = AbortSignal.timeout(5000)
    const page = await (await fetch(`http://127.0.0.1:${ports.http}/metrics`, { signal })).text()
    const balance: Record<string, Record<string, number>> = {}
    for (const [, lane = '', state = '', count] of page.matchAll(ENTRIES_LINE)) {
      balance[lane] ??= {}
      balance[lane][state] = Number(count)
    }
    return balance
  } catch {
    return undefined
  }
}

const ENTRIES_LINE = /^kefu_ledger_entries\{lane="(\w+)",state="(\w+)"\} (\d+)$/gm

/** Nothing waits in any lane. */
export async function isDrained(site: Site): Promise<boolean> {
  const balance = await readBalance(site)
  const lanes = Object.values(balance ?? {})
  return lanes.length > 0 && lanes.every((lane) => lane.pending === 0)
}
