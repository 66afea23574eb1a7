/** `kefu-edge announce`: what staff, or a program of theirs, have devices say. */
import type { Told } from '../voice/house-voice.ts'
import { type Command, type CommandOptions, EVERY } from './command.ts'
import { type ExitCode, UsageError } from './io.ts'
import { loadLabels, pad, widthOf } from './labels.ts'
import { operate } from './operate.ts'

const HELP = `kefu-edge announce "TEXT" --device ID … | --group G …   has devices say TEXT; each device's proof of play is in the record

  --priority P           critical, urgent, normal (usual) or background: who may interrupt whom, and what waits in quiet hours
  --until-acknowledged   said again until somebody there confirms it; if nobody does, staff are told
  --not-before TIME      not said earlier, such as 2026-11-28T07:30:00+08:00
  --expires-at TIME      not said later
  --lang zh|en           language of TEXT (usual: zh)
  --id ID                the same ID is said once at each device: for a program that tries again

Says for each device what came of it; exit code 1 where one of them does not say it.`

const OPTIONS = {
  ...EVERY,
  device: { type: 'string', multiple: true },
  group: { type: 'string', multiple: true },
  priority: { type: 'string' },
  'until-acknowledged': { type: 'boolean' },
  'not-before': { type: 'string' },
  'expires-at': { type: 'string' },
  lang: { type: 'string' },
  id: { type: 'string' },
} as const

export const announce: Command<typeof OPTIONS> = { options: OPTIONS, help: HELP, run }

/** Said, or already said: the device has it. */
const SAID: ReadonlySet<Told['outcome']> = new Set(['queued', 'duplicate'])

async function run({
  words,
  values,
  config,
  io,
}: CommandOptions<typeof OPTIONS>): Promise<ExitCode> {
  const { device: devices, group: groups, priority, lang, id } = values
  const text = words.join(' ').trim()
  if (text === '' || (devices === undefined && groups === undefined)) throw new UsageError(HELP)
  const announcement = {
    text,
    devices,
    groups,
    priority,
    lang,
    id,
    untilAcknowledged: values['until-acknowledged'],
    notBefore: values['not-before'],
    expiresAt: values['expires-at'],
  }
  const given = Object.entries(announcement).filter(([, value]) => value !== undefined)
  const results = (await operate(
    config(),
    'announce',
    Object.fromEntries(given),
  )) as readonly Told[]
  if (values.json) io.stdout(JSON.stringify(results))
  else for (const line of linesOf(results)) io.stdout(line)
  return results.every(({ outcome }) => SAID.has(outcome)) ? 0 : 1
}

function linesOf(results: readonly Told[]): string[] {
  const label = loadLabels('announce.yaml')
  const names = results.map((one) => ('group' in one ? one.group : one.deviceId))
  const wide = Math.max(...names.map(widthOf))
  return results.map(({ outcome }, at) => `${pad(names[at] ?? '', wide)}  ${label(outcome)}`)
}
