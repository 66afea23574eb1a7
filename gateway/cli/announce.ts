/** `kefu-edge announce`: what staff, or a program of theirs, have devices say. */
import type { Announced, AnnounceOutcome } from '../voice/announcer.ts'
import { type Command, type CommandOptions, EVERY } from './command.ts'
import { type ExitCode, UsageError } from './io.ts'
import { loadLabels, pad, widthOf } from './labels.ts'
import { operate } from './operate.ts'

const HELP = `kefu-edge announce "TEXT" --device ID … | --group G   has devices say TEXT; each device's proof of play is in the record

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
  group: { type: 'string' },
  priority: { type: 'string' },
  'until-acknowledged': { type: 'boolean' },
  'not-before': { type: 'string' },
  'expires-at': { type: 'string' },
  lang: { type: 'string' },
  id: { type: 'string' },
} as const

export const announce: Command<typeof OPTIONS> = { options: OPTIONS, help: HELP, run }

/** `unknown`: the box has no device of that name; the others are told. */
type Outcome = AnnounceOutcome | 'unknown'
/** Said, or already said: the device has it. */
const SAID: ReadonlySet<Outcome> = new Set(['queued', 'duplicate'])

async function run({
  words,
  values,
  config,
  io,
}: CommandOptions<typeof OPTIONS>): Promise<ExitCode> {
  const { device: devices, group, priority, lang, id } = values
  const text = words.join(' ').trim()
  if (text === '' || (devices === undefined && group === undefined)) throw new UsageError(HELP)
  const announcement = {
    text,
    devices,
    group,
    priority,
    lang,
    id,
    untilAcknowledged: values['until-acknowledged'],
    notBefore: values['not-before'],
    expiresAt: values['expires-at'],
  }
  const given = Object.entries(announcement).filter(([, value]) => value !== undefined)
  const report = await operate(config(), 'announce', Object.fromEntries(given))
  const results = withUnknown(report as readonly Announced[], devices ?? [])
  if (values.json) io.stdout(JSON.stringify(results))
  else for (const line of linesOf(results)) io.stdout(line)
  return results.every(({ outcome }) => SAID.has(outcome)) ? 0 : 1
}

interface Result {
  readonly deviceId: string
  readonly outcome: Outcome
}

function withUnknown(announced: readonly Announced[], named: readonly string[]): Result[] {
  const known = new Set(announced.map(({ deviceId }) => deviceId))
  const missing = [...new Set(named)].filter((id) => !known.has(id))
  return [...announced, ...missing.map((deviceId) => ({ deviceId, outcome: 'unknown' as const }))]
}

function linesOf(results: readonly Result[]): string[] {
  const label = loadLabels('announce.yaml')
  const wide = Math.max(...results.map(({ deviceId }) => widthOf(deviceId)))
  return results.map(({ deviceId, outcome }) => `${pad(deviceId, wide)}  ${label(outcome)}`)
}
