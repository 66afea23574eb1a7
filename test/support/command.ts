/** Runs a command of the command line in this process, as an operator types it. */
import { main } from '../../gateway/cli/main.ts'
import type { TestGateway } from './gateway.ts'

export interface Said {
  readonly code: number
  readonly out: string
  readonly err: string
}

export async function kefu(...argv: readonly string[]): Promise<Said> {
  let out = ''
  let err = ''
  const code = await main(argv, {
    stdout: (line) => {
      out += `${line}\n`
    },
    stderr: (line) => {
      err += `${line}\n`
    },
    isTty: false,
  })
  return { code, out, err }
}

/** Says where this gateway listens, so that commands find it as they find a started one. */
export function announce(
  { box, ports }: TestGateway,
  httpHost = '127.0.0.1',
  configFile?: string,
): void {
  const startedAt = new Date(box.clock.now()).toISOString()
  const named = configFile === undefined ? {} : { configFile }
  box.folder.writeRunFile({ pid: process.pid, ports, httpHost, startedAt, ...named })
}
