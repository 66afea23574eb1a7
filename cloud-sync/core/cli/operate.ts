/** `npm run cloud -- publish …`: an operator's commands to a core that runs. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Value } from '@sinclair/typebox/value'
import { CloudError } from '../../errors.ts'
import { ReleaseKind, type ReleaseManifest } from '../../protocol/release.ts'
import { pathOf, type ReleaseReport } from '../release-rows.ts'
import { type CoreAccess, callCore, textOf, usingFile } from './core-access.ts'
import { gatewayVerbs } from './gateway-verbs.ts'
import { contentOf } from './release-content.ts'
import { linesOf } from './release-lines.ts'
import { termOf } from './term.ts'
import type { Terminal } from './terminal.ts'

const OPTIONS = {
  core: { type: 'string', default: 'https://127.0.0.1:9443' },
  data: { type: 'string', default: join('.kefu', 'cloud') },
  ca: { type: 'string' },
  token: { type: 'string' },
  percent: { type: 'string', default: '100' },
  gateways: { type: 'string' },
  expires: { type: 'string' },
  name: { type: 'string' },
  label: { type: 'string' },
  reason: { type: 'string' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const

export const OPERATE_USAGE = `npm run cloud -- …      commands to a core that runs
  publish pack DIR                        a pack; check it first: kefu-edge pack validate DIR
  publish config FILE                     options, JSON: answers, limits, log, permissions
  publish twin FILE                       JSON: device or group, and state
  publish command OPERATION [NAME=VALUE]  job.run name=backup, reload, device.disable id=ID, device.enable id=ID
  publish announcement FILE               JSON: text, devices, group or groups
  releases [KIND[/NAME]]                  what is offered, and how the gateways took it
  rollout KIND/NAME[/SERIAL] PERCENT      to more or fewer gateways; goes on with one that was halted
  halt KIND/NAME[/SERIAL] [--reason TEXT] offers it to nobody else; who has it keeps it
  block ID                                takes nothing of this gateway any more, and does not let it enrol
  unblock ID                              it goes on with the key that it had
  release ID                              takes its key away: the id can enrol with another
  accept ID --reason TEXT                 of a record that was cut or put back: somebody has looked into it
Without SERIAL the newest release of that name is meant.

publish takes
  --percent N       share of the gateways that it is offered to, 0–100 (default 100)
  --gateways A,B    only these
  --expires TERM    not begun with afterwards: 12h, 30d or 2027-01-31 (default 365d; command, announcement: 1d)
  --name NAME       instead of that of the pack or file; a later release of a name replaces the earlier one
  --label TEXT      what people see (default: version of the pack, else the time)
all take
  --core URL        default https://127.0.0.1:9443
  --data DIR        data folder of the core, for tls/ca.pem and operator.token (default .kefu/cloud)
  --ca PEM, --token FILE   the two files where the data folder is on another machine
  --json            for programs
Exit codes: 0 done, 1 found wrong, 2 used wrong.
`

interface Command {
  readonly words: readonly string[]
  readonly values: ReturnType<typeof parse>['values']
  readonly core: CoreAccess
  say(text: string, value: unknown): void
}

const VERBS: Readonly<Record<string, (command: Command) => Promise<void>>> = {
  publish,
  releases,
  rollout,
  halt,
  ...gatewayVerbs,
}

/** Resolves with the exit code: 0 done, 1 found wrong, 2 used wrong. */
export async function operate(argv: readonly string[], terminal: Terminal): Promise<0 | 1 | 2> {
  try {
    const { values, positionals } = parse(argv)
    const [verb = '', ...words] = positionals
    if (values.help) {
      terminal.out(OPERATE_USAGE)
      return 0
    }
    const run = Object.hasOwn(VERBS, verb) ? VERBS[verb] : undefined
    if (!run) throw new TypeError(`"${verb}" is not a command`)
    const say = (text: string, value: unknown) =>
      terminal.out(`${values.json ? JSON.stringify(value) : text}\n`)
    await run({ words, values, core: accessOf(values), say })
    return 0
  } catch (error) {
    const isUsage = error instanceof TypeError
    terminal.err(isUsage ? `${error.message}\n\n${OPERATE_USAGE}` : `${textOf(error)}\n`)
    return isUsage ? 2 : 1
  }
}

const parse = (argv: readonly string[]) =>
  parseArgs({ args: [...argv], options: OPTIONS, allowPositionals: true })

function accessOf({ core: url, data, ca, token }: Command['values']): CoreAccess {
  if (!URL.canParse(url) || new URL(url).protocol !== 'https:') {
    throw new TypeError(`--core ${url}: no https:// URL`)
  }
  const read = (file: string) => usingFile('operator.file', file, () => readFileSync(file))
  return {
    url,
    caPem: read(ca ?? join(data, 'tls', 'ca.pem')),
    token: read(token ?? join(data, 'operator.token'))
      .toString('utf8')
      .trim(),
  }
}

async function publish({ words, values, core, say }: Command): Promise<void> {
  const [kind, ...what] = words
  if (!Value.Check(ReleaseKind, kind)) throw new TypeError(`publish ${kind ?? ''}: no such kind`)
  if (what.length === 0) throw new TypeError(`publish ${kind}: what?`)
  const now = new Date()
  const { name, label, content } = contentOf(kind, what, now)
  if (kind === 'pack' && values.name !== undefined) {
    throw new TypeError('a pack has the name of its pack.yaml')
  }
  const gateways = values.gateways?.split(',').filter((id) => id !== '')
  if (gateways?.length === 0) throw new TypeError('--gateways: which? A,B')
  const percent = percentOf(values.percent)
  const draft = {
    kind,
    name: values.name ?? name,
    label: values.label ?? label,
    content: content.toString('base64'),
    percent,
    expiresAtMs: termOf(kind, values.expires, now),
    ...(gateways ? { gateways } : {}),
  }
  const body = await callCore(core, 'POST', '/v1/releases', draft)
  const manifest = JSON.parse(body.toString()) as ReleaseManifest
  const whom = gateways ? gateways.join(', ') : `${percent} % of the gateways`
  const path = pathOf(manifest)
  say(
    `${path} (${manifest.label}) is offered to ${whom} until ${new Date(manifest.expiresAtMs).toISOString()}
How they take it: npm run cloud -- releases ${manifest.kind}/${manifest.name}`,
    { ...manifest, percent },
  )
}

async function releases({ words, core, say }: Command): Promise<void> {
  const found: ReleaseReport[] = []
  for await (const release of reports(core, words[0])) found.push(release)
  say(found.flatMap(linesOf).join('\n') || 'There are no such releases.', { releases: found })
}

async function rollout({ words, core, say }: Command): Promise<void> {
  const path = await releaseNamed(words[0], core)
  const percent = percentOf(words[1])
  await callCore(core, 'POST', `/v1/releases/${path}/rollout`, { percent })
  say(`${path} is offered to ${percent} % of the gateways.`, { release: path, percent })
}

async function halt({ words, values, core, say }: Command): Promise<void> {
  const { reason = 'halted by the operator' } = values
  const path = await releaseNamed(words[0], core)
  await callCore(core, 'POST', `/v1/releases/${path}/halt`, { reason })
  say(
    `${path} is halted: nobody else is offered it. Who has it keeps it until a later release replaces it.`,
    { release: path, haltedReason: reason },
  )
}

interface ReleasePage {
  readonly releases: readonly ReleaseReport[]
  /** Absent at a core of an earlier build, which chooses nothing by kind and name either. */
  readonly next?: string | null
}

/** The newest first, of a kind or `KIND/NAME`; of all where nothing is named. */
async function* reports(core: CoreAccess, wanted?: string): AsyncGenerator<ReleaseReport, void> {
  const [kind, name] = wanted?.split('/') ?? []
  const query = new URLSearchParams({ ...(kind ? { kind } : {}), ...(name ? { name } : {}) })
  for (;;) {
    const body = await callCore(core, 'GET', `/v1/releases?${query}`)
    const { releases, next } = JSON.parse(body.toString()) as ReleasePage
    yield* releases.filter(
      (one) => wanted === undefined || [one.kind, `${one.kind}/${one.name}`].includes(wanted),
    )
    if (!next) return
    query.set('after', next)
  }
}

/** `kind/name/serial`; the newest serial where none is given. Throws `release.unknown`. */
async function releaseNamed(named: string | undefined, core: CoreAccess): Promise<string> {
  const [, base, serial] = /^([a-z]+\/[a-z0-9._-]+)(?:\/(\d+))?$/.exec(named ?? '') ?? []
  if (named === undefined || base === undefined) throw new TypeError('which? KIND/NAME[/SERIAL]')
  if (serial !== undefined) return named
  const { value: newest } = await reports(core, base).next()
  if (!newest) throw new CloudError('release.unknown', { detail: base })
  return pathOf(newest)
}

function percentOf(text: string | undefined): number {
  const percent = Number(text || Number.NaN)
  if (percent >= 0 && percent <= 100) return percent
  throw new TypeError(`${text ?? 'no share'}: the share of gateways is a number from 0 to 100`)
}
