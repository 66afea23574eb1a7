/** The commands and what each prints. */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Answer } from '@kefu-edge/device-sdk/protocol/schemas'
import type { OperationName } from '../console/operations.ts'
import type { PermissionRow } from '../devices/permissions.ts'
import type { Explanation } from '../language/port.ts'
import { type Command, type CommandOptions, OPTIONS } from './command.ts'
import { type ExitCode, UsageError } from './io.ts'
import { hasBox, type OperateOptions, operate } from './operate.ts'

type Run = (options: CommandOptions) => Promise<ExitCode>

export const HELP = `kefu-edge: the edge gateway for intelligent customer service (客服边缘网关)

  start [--data DIR] [--config FILE] [--demo]       run the gateway
  device add ID --kind KIND [--group G] [--replace] add a device; prints JSON with its token
  device add ID --kind staff --password-stdin       the same with a password instead of a token
  device update ID [--kind KIND] [--group G]        in force at once, for who is connected too
  device list | enable ID | disable ID | remove ID
  device claim --kind KIND [--group G]              a claim code for a device straight out of its box
  device claim --device ID                          a claim code for another box in the place of this device
  permissions [--device ID]                         who may use which topics
  reload                                            permissions and certificates anew, without a restart
  twin ID [FIELD=VALUE …] | --group G FIELD=VALUE … what a device should be and what it says it is
  ask "…" [--explain] [--lang zh|en] [--session S]  ask the box a question
  announce "…" --device ID … | --group G …          have devices say it (kefu-edge announce --help)
  pack validate DIR | install DIR | list | rollback NAME | remove NAME
  language train|predict|evaluate …                 (kefu-edge language --help)
  ledger verify|status|quarantined|handled|export … (kefu-edge ledger --help)
  subject export|erase …                            what is kept of a person
  status                                            the box in one look
  doctor                                            what is wrong, and what to do
  clock accept                                      the clock is right, though it was later once
  config                                            every option, its default and its value here
  backup FILE|DIR                                   copy everything while the box runs
  restore FILE --data DIR [--force]                 make a data folder from a backup
  support-bundle FILE                               what a supporter needs, without personal data

Every command takes --data DIR (default: KEFU_DATA, else ./.kefu), --config FILE and --json.
Exit codes: 0 done, 1 found wrong, 2 used wrong.`

const need = (word: string | undefined, usage: string): string => {
  if (word === undefined || word === '') throw new UsageError(`usage: kefu-edge ${usage}`)
  return word
}

async function start({ values, config, io }: CommandOptions): Promise<ExitCode> {
  const { runGateway } = await import('../main.ts')
  return runGateway(config(), { isDemo: values.demo ?? false, io })
}

async function device(options: CommandOptions): Promise<ExitCode> {
  const [verb, id] = options.words
  const { kind, group = [], replace } = options.values
  const run = (name: OperationName, args: Record<string, unknown>) => print(options, name, args)
  switch (verb) {
    case 'add':
      return run('device.add', {
        id: need(id, 'device add ID --kind KIND'),
        kind: need(kind, 'device add ID --kind KIND'),
        // A device that gets a new secret stays in its ward.
        ...(replace && group.length === 0 ? {} : { groups: group }),
        ...(replace ? { replace } : {}),
        ...(options.values['password-stdin'] ? { password: readPassword() } : {}),
      })
    case 'update': {
      const usage = 'device update ID [--kind KIND] [--group G]'
      if (kind === undefined && group.length === 0) need(undefined, usage)
      const groups = group.length > 0 ? { groups: group } : {}
      return run('device.update', { id: need(id, usage), ...(kind ? { kind } : {}), ...groups })
    }
    case 'claim':
      if (options.values.device) return run('device.claim', { deviceId: options.values.device })
      return run('device.claim', {
        kind: need(kind, 'device claim --kind KIND | --device ID'),
        groups: group,
      })
    case 'list':
      return run('device.list', {})
    case 'enable':
    case 'disable':
    case 'remove':
      return run(`device.${verb}`, { id: need(id, `device ${verb} ID`) })
    default:
      throw new UsageError('usage: kefu-edge device add|update|list|enable|disable|remove|claim …')
  }
}

/** From a pipe or a file, so that no shell history keeps it. */
const readPassword = (): string => readFileSync(0, 'utf8').replace(/\r?\n$/, '')

async function permissions(options: CommandOptions): Promise<ExitCode> {
  const { values, config, io } = options
  const args = values.device === undefined ? {} : { device: values.device }
  if (values.json) return print(options, 'permissions', args)
  const { rules } = (await operate(config(), 'permissions', args)) as { rules: PermissionRow[] }
  const wide = Math.max(...rules.map(({ who }) => who.length))
  for (const { who, may, filter } of rules) {
    io.stdout(`${who.padEnd(wide)}  ${may.padEnd('never subscribe'.length)}  ${filter}`)
  }
  return 0
}

async function print(
  options: CommandOptions,
  name: OperationName,
  args: Record<string, unknown>,
  patience?: OperateOptions,
): Promise<ExitCode> {
  const { io } = options
  const config = options.config()
  const isNew = !hasBox(config)
  const report = await operate(config, name, args, patience)
  io.stdout(JSON.stringify(report, null, io.isTty ? 2 : 0))
  if (isNew) {
    io.stderr(
      `There was no box in ${config.dataDir}: a new one was made. Not the one you meant? Name its folder with --data DIR.`,
    )
  }
  return 0
}

async function twin(options: CommandOptions): Promise<ExitCode> {
  const usage = 'twin ID [FIELD=VALUE …] | twin --group G [FIELD=VALUE …]'
  const [group] = options.values.group ?? []
  const [device, assignments] =
    group === undefined
      ? [need(options.words[0], usage), options.words.slice(1)]
      : [undefined, options.words]
  const whose = group === undefined ? { device } : { group }
  if (assignments.length === 0) return print(options, 'twin.read', whose)
  const state = Object.fromEntries(assignments.map((one) => assignmentOf(one, usage)))
  return print(options, 'twin.desire', { ...whose, state })
}

/** `volume=7` is a number, `theme=dark` a text, `theme=` takes the field away. */
function assignmentOf(word: string, usage: string): [string, unknown] {
  const at = word.indexOf('=')
  if (at < 1) throw new UsageError(`usage: kefu-edge ${usage}`)
  const text = word.slice(at + 1)
  if (text === '') return [word.slice(0, at), null]
  try {
    return [word.slice(0, at), JSON.parse(text) as unknown]
  } catch {
    return [word.slice(0, at), text]
  }
}

/** Learning gives way to answers: a busy small box takes its time. */
const LEARNING: OperateOptions = { timeoutMs: 900_000 }

async function pack(options: CommandOptions): Promise<ExitCode> {
  const [verb, word] = options.words
  switch (verb) {
    case 'validate':
      return validate(resolve(need(word, 'pack validate DIR')), options)
    case 'install':
      return print(
        options,
        'pack.install',
        { dir: resolve(need(word, 'pack install DIR')) },
        LEARNING,
      )
    case 'list':
      return print(options, 'pack.list', {})
    case 'rollback':
    case 'remove':
      return print(options, `pack.${verb}`, { name: need(word, `pack ${verb} NAME`) }, LEARNING)
    default:
      throw new UsageError(
        'usage: kefu-edge pack validate DIR | install DIR | list | rollback NAME | remove NAME',
      )
  }
}

async function validate(dir: string, { io, values }: CommandOptions): Promise<ExitCode> {
  const { readPack } = await import('../knowledge/read-pack.ts')
  const read = readPack(dir)
  const problems = read.ok ? read.warnings : read.problems
  if (values.json) io.stdout(JSON.stringify({ ok: read.ok, problems }))
  for (const { file, line, message } of values.json ? [] : problems) {
    io.stdout(`${file}${line === undefined ? '' : `:${line}`}  ${message}`)
  }
  if (!read.ok) {
    io.stderr(`${problems.length} problem(s). Mend them and validate again; nothing was changed.`)
    return 1
  }
  const { manifest, intents, lists, tests } = read.pack
  if (!values.json) {
    io.stdout(
      `${manifest.pack} ${manifest.version} is valid: ${intents.length} intents, ${lists.size} lists, ${tests.length} tests`,
    )
  }
  return 0
}

async function ask(options: CommandOptions): Promise<ExitCode> {
  const { values, io, config } = options
  const question = {
    text: need(options.words.join(' ').trim(), 'ask "…"'),
    ...(values.lang ? { lang: values.lang } : {}),
    ...(values.session ? { session: values.session } : {}),
  }
  if (values.explain) {
    const why = (await operate(config(), 'explain', question)) as Explanation
    if (values.json) io.stdout(JSON.stringify(why))
    else
      for (const { stage, detail } of why.steps)
        io.stdout(`${stage.padEnd(12)} ${JSON.stringify(detail)}`)
    return 0
  }
  const answer = (await operate(config(), 'ask', question)) as Answer
  if (values.json) io.stdout(JSON.stringify(answer))
  else {
    io.stdout(answer.text)
    const { intent, pack: from, status, latencyMs } = answer
    const source = from ? `${from.name} ${from.version} · ${from.entry}` : 'no entry'
    io.stderr(`[${status} · ${source} · confidence ${intent?.confidence ?? 0} · ${latencyMs} ms]`)
  }
  return answer.status === 'not-known' ? 1 : 0
}

const reload: Run = (options) => print(options, 'reload', {})
const clock: Run = (options) => {
  if (options.words.join(' ') !== 'accept') throw new UsageError('usage: kefu-edge clock accept')
  return print(options, 'clock.accept', {})
}
const status: Run = async (options) => (await import('./status.ts')).status(options)
const doctor: Run = async (options) => (await import('./doctor.ts')).doctor(options)
const config: Run = async (options) => (await import('./config.ts')).config(options)
const backup: Run = async (options) => (await import('./backup.ts')).backup(options)
const restore: Run = async (options) => (await import('./backup.ts')).restore(options)
const supportBundle: Run = async (options) =>
  (await import('./support-bundle.ts')).supportBundle(options)

const usual = (run: Run) => (): Command<typeof OPTIONS> => ({ options: OPTIONS, help: HELP, run })

/** Each loads what it needs when it is called. */
export const COMMANDS: Readonly<Record<string, () => Command | Promise<Command>>> = {
  start: usual(start),
  device: usual(device),
  permissions: usual(permissions),
  reload: usual(reload),
  twin: usual(twin),
  pack: usual(pack),
  ask: usual(ask),
  announce: async () => (await import('./announce.ts')).announce,
  status: usual(status),
  language: async () => (await import('./language.ts')).language,
  ledger: async () => (await import('./ledger.ts')).ledger,
  subject: async () => (await import('./subject.ts')).subject,
  doctor: usual(doctor),
  clock: usual(clock),
  config: usual(config),
  backup: usual(backup),
  restore: usual(restore),
  'support-bundle': usual(supportBundle),
}
