/** What a command said in this process, as an operator who typed it would read it. */
import type { Terminal } from '@kefu-edge/cloud-sync/core/cli/terminal'

export interface ToolSaid {
  readonly code: number
  readonly out: string
  readonly err: string
}

export async function saidBy(
  command: (argv: readonly string[], terminal: Terminal) => Promise<number>,
  argv: readonly string[],
): Promise<ToolSaid> {
  let out = ''
  let err = ''
  const code = await command(argv, {
    out: (text) => {
      out += text
    },
    err: (text) => {
      err += text
    },
  })
  return { code, out, err }
}
