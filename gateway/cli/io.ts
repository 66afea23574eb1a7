/** What a command is given and how it speaks: results to stdout, words for people to stderr or a terminal. */
import { GatewayError, toProblem } from '../errors.ts'

/** 0 done · 1 found wrong · 2 used wrong. */
export type ExitCode = 0 | 1 | 2

export interface Io {
  readonly stdout: (line: string) => void
  readonly stderr: (line: string) => void
  /** To standard output as it is, so that it may be a file. */
  readonly write: (text: string) => void
  /** Over what was shown so before, on a terminal; nowhere else. */
  readonly progress: (text: string) => void
  readonly isTty: boolean
}

/** A command was called in a way it does not know; the message names the right one, what is wrong in its first paragraph. */
export class UsageError extends Error {}

/** A refusal by the running gateway, passed on as it was said there. */
export class RemoteProblem extends Error {
  readonly problem: Record<string, unknown>
  constructor(problem: Record<string, unknown>) {
    super(`${String(problem.title)}\n  ${String(problem.detail)}\n  (${String(problem.code)})`)
    this.problem = problem
  }
}

/**
 * Standard output and error of this process. A reader that has gone (`| head`) is no reason to stop; a disk that
 * takes no more is one for a command whose words are its result, and none for a gateway that answers people.
 */
export function openProcessIo(isGateway = false): Io {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE' && !isGateway) throw error
    })
  }
  const isTty = process.stdout.isTTY === true
  return {
    stdout: (line) => process.stdout.write(`${line}\n`),
    stderr: (line) => process.stderr.write(`${line}\n`),
    write: (text) => process.stdout.write(text),
    progress: (text) => isTty && process.stderr.write(`\r${text}`),
    isTty,
  }
}

/** Says an error the way an operator needs it: what, then the next step, then the code. */
export function sayError(io: Io, error: unknown, asJson: boolean): ExitCode {
  if (error instanceof UsageError) {
    const [detail] = error.message.split('\n\n')
    if (asJson) io.stdout(JSON.stringify({ error: { code: 'usage', title: 'Used wrong', detail } }))
    io.stderr(error.message)
    return 2
  }
  if (error instanceof RemoteProblem) {
    if (asJson) io.stdout(JSON.stringify({ error: error.problem }))
    io.stderr(error.message)
    return 1
  }
  const problem = toProblem(error)
  if (asJson) io.stdout(JSON.stringify({ error: problem }))
  const lines = [
    problem.title,
    problem.code.startsWith('pack.') ? problem.detail.replaceAll('; ', '\n  ') : problem.detail,
    `(${problem.code})`,
  ]
  io.stderr(lines.join('\n  '))
  if (!(error instanceof GatewayError) && error instanceof Error)
    io.stderr(error.stack ?? error.message)
  return 1
}
