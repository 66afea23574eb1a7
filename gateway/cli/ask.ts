/** `kefu-edge ask "…"`: what the box would answer, and why. */
import type { Answer } from '@kefu-edge/device-sdk/protocol/schemas'
import type { Explanation } from '../language/port.ts'
import { type CommandOptions, usual } from './command.ts'
import type { ExitCode } from './io.ts'
import { operate } from './operate.ts'

export const ask = usual('ask', {
  '': {
    usage: '"…" [--explain] [--lang zh|en] [--session S]',
    words: [1, Number.POSITIVE_INFINITY],
    takes: ['explain', 'lang', 'session'],
    run,
  },
})

async function run(options: CommandOptions): Promise<ExitCode> {
  const { values, io, config } = options
  const question = {
    text: options.words.join(' ').trim(),
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
