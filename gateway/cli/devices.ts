/** `kefu-edge device`, `permissions` and `twin`: who the devices are, what they may, what they should be. */
import { readFileSync } from 'node:fs'
import type { PermissionRow } from '../devices/permissions.ts'
import { type CommandOptions, type OPTIONS, type Use, usual } from './command.ts'
import { type ExitCode, UsageError } from './io.ts'
import { operate } from './operate.ts'
import { print, printEach } from './print-report.ts'

const usage = (text: string): UsageError => new UsageError(`usage: kefu-edge ${text}`)

const ADD = 'ID --kind KIND [--group G] [--replace] [--password-stdin]'
const UPDATE = 'ID [--kind KIND] [--group G]'
const CLAIM = '--kind KIND [--group G] | --device ID'
const TWIN = 'ID [FIELD=VALUE …] | --group G [FIELD=VALUE …]'

const eachOf = (verb: 'enable' | 'disable' | 'remove'): Use<typeof OPTIONS> => ({
  usage: 'ID …',
  words: [1, Number.POSITIVE_INFINITY],
  run: (options) =>
    printEach(
      options,
      `device.${verb}`,
      options.words.map((id) => ({ id })),
    ),
})

export const device = usual('device', {
  add: {
    usage: ADD,
    words: [1, 1],
    takes: ['kind', 'group', 'replace', 'password-stdin'],
    run: add,
  },
  update: { usage: UPDATE, words: [1, 1], takes: ['kind', 'group'], run: update },
  list: { usage: '', run: (options) => print(options, 'device.list', {}) },
  enable: eachOf('enable'),
  disable: eachOf('disable'),
  remove: eachOf('remove'),
  claim: { usage: CLAIM, takes: ['kind', 'group', 'device'], run: claim },
})

export const permissions = usual('permissions', {
  '': { usage: '[--device ID]', takes: ['device'], run: showPermissions },
})

export const twin = usual('twin', {
  '': { usage: TWIN, words: [0, Number.POSITIVE_INFINITY], takes: ['group'], run: setTwin },
})

async function add(options: CommandOptions): Promise<ExitCode> {
  const { kind, group = [], replace, 'password-stdin': withPassword } = options.values
  if (!kind) throw usage(`device add ${ADD}`)
  return print(options, 'device.add', {
    id: options.words[0],
    kind,
    // A device that gets a new secret stays in its ward.
    ...(replace && group.length === 0 ? {} : { groups: group }),
    ...(replace ? { replace } : {}),
    ...(withPassword ? { password: readPassword() } : {}),
  })
}

/** From a pipe or a file, so that no shell history keeps it. */
const readPassword = (): string => readFileSync(0, 'utf8').replace(/\r?\n$/, '')

async function update(options: CommandOptions): Promise<ExitCode> {
  const { kind, group: groups } = options.values
  if (kind === undefined && groups === undefined) throw usage(`device update ${UPDATE}`)
  return print(options, 'device.update', {
    id: options.words[0],
    ...(kind ? { kind } : {}),
    ...(groups ? { groups } : {}),
  })
}

async function claim(options: CommandOptions): Promise<ExitCode> {
  const { device: deviceId, kind, group } = options.values
  const isOfNew = kind !== undefined || group !== undefined
  if (deviceId ? isOfNew : !kind) throw usage(`device claim ${CLAIM}`)
  return print(options, 'device.claim', deviceId ? { deviceId } : { kind, groups: group ?? [] })
}

async function showPermissions(options: CommandOptions): Promise<ExitCode> {
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

async function setTwin(options: CommandOptions): Promise<ExitCode> {
  const { group: groups } = options.values
  const [device, ...behind] = options.words
  if (groups === undefined && device === undefined) throw usage(`twin ${TWIN}`)
  const whose = groups === undefined ? [{ device }] : groups.map((group) => ({ group }))
  const assignments = groups === undefined ? behind : options.words
  if (assignments.length === 0) return printEach(options, 'twin.read', whose)
  const state = Object.fromEntries(assignments.map(assignmentOf))
  return printEach(
    options,
    'twin.desire',
    whose.map((one) => ({ ...one, state })),
  )
}

/** `volume=7` is a number, `theme=dark` a text, `theme=` takes the field away. */
function assignmentOf(word: string): [string, unknown] {
  const at = word.indexOf('=')
  if (at < 1) throw usage(`twin ${TWIN}`)
  const text = word.slice(at + 1)
  if (text === '') return [word.slice(0, at), null]
  try {
    return [word.slice(0, at), JSON.parse(text) as unknown]
  } catch {
    return [word.slice(0, at), text]
  }
}
