/** A cloud core as a process of its own, and what it uses. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const USER_HZ = 100

export interface CoreProcess {
  readonly pid: number
  readonly url: string
  readonly caFile: string
  readonly enrolToken: string
  /** User and system seconds so far (proc(5), fields 14 and 15 of stat). */
  cpuSeconds(): number
  residentMb(): number
  stop(): Promise<void>
}

export async function startCoreProcess(dataDir: string, port = 0): Promise<CoreProcess> {
  const main = join(import.meta.dirname, '../../cloud-sync/core/main.ts')
  const flags = ['--conditions=kefu-source', '--import', 'tsx']
  const args = [...flags, main, '--data', dataDir, '--port', String(port)]
  const child: ChildProcess = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'ignore'] })
  if (!child.stdout || child.pid === undefined) throw new Error('the core did not start')
  const { pid } = child
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  const said = JSON.parse(line.toString()) as { url: string; caFile: string; enrolToken: string }
  return {
    ...said,
    pid,
    cpuSeconds() {
      const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
      return (Number(fields[11]) + Number(fields[12])) / USER_HZ
    },
    residentMb: () =>
      Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1000,
    async stop() {
      const gone = once(child, 'exit')
      child.kill('SIGTERM')
      await gone
    },
  }
}
