/** Runs a command of the command line in this process, as an operator types it. */
import type { Io } from '../../gateway/cli/io.ts'
import { main } from '../../gateway/cli/main.ts'
import type { TestGateway } from './gateway.ts'

export interface Said {
  readonly code: number
  readonly out: string
  readonly err: string
}

/** What a command is given to speak to, and what it said there, in pieces. */
export function listen() {
  const said = { out: [] as string[], err: [] as string[] }
  const io: Io = {
    stdout: (line) => said.out.push(`${line}\n`),
    stderr: (line) => said.err.push(`${line}\n`),
    write: (text) => said.out.push(text),
    progress: () => {},
    isTty: false,
  }
  return { io, said }
}

export async function kefu(...argv: readonly string[]): Promise<Said> {
  const { io, said } = listen()
  const code = await main(argv, io)
  return { code, out: said.out.join(''), err: said.err.join('') }
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
