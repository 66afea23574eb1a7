import { appendFileSync, cpSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { cleanUp, kefu, type RunningGateway, startGateway } from './command-process.ts'

const HOSPITAL_PACK = join(import.meta.dirname, '../../gateway/packs/hospital')
const SCHED_IDLE = '5'
const LOOK_MS = 20
/** What gives way takes long on a machine that is never idle. */
const INSTALL_TIMEOUT_MS = 240_000

let folder: string
let gateway: RunningGateway
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'kefu-e2e-'))
  gateway = await startGateway(join(folder, 'data'))
})
afterAll(() => cleanUp(folder))

/** Scheduling policies of the threads (proc_pid_stat(5), field 41), that of the answers first. */
function policies(pid: number): (string | undefined)[] {
  const threads = readdirSync(`/proc/${pid}/task`).map(Number)
  return threads
    .sort((a, b) => a - b)
    .map((thread) => {
      try {
        const stat = readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8')
        return stat.split(') ')[1]?.split(' ')[38]
      } catch {
        // Ended meanwhile.
        return undefined
      }
    })
}

it.runIf(process.platform === 'linux')(
  'a pack that is installed while the gateway answers is learnt when nobody else wants the core',
  async () => {
    const pack = join(folder, 'hospital')
    cpSync(HOSPITAL_PACK, pack, { recursive: true })
    appendFileSync(
      join(pack, 'pack.yaml'),
      '\n# Another pack than the one that the build has learnt.\n',
    )
    expect(policies(gateway.pid)).not.toContain(SCHED_IDLE)
    let isInstalled = false
    const install = kefu(join(folder, 'data'), 'pack', 'install', pack).finally(() => {
      isInstalled = true
    })
    const seen: (string | undefined)[][] = []
    while (!isInstalled) {
      seen.push(policies(gateway.pid))
      await sleep(LOOK_MS)
    }
    expect(await install).toMatchObject({ code: 0 })
    expect(seen.some((threads) => threads.includes(SCHED_IDLE))).toBe(true)
    expect(new Set(seen.map(([answers]) => answers))).toEqual(new Set(['0']))
    // The thread ends a moment after it has said what it learnt.
    await expect.poll(() => policies(gateway.pid)).not.toContain(SCHED_IDLE)
  },
  INSTALL_TIMEOUT_MS,
)
