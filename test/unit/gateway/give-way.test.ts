import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'

const SCHED_IDLE = '5'
const MODULE = fileURLToPath(new URL('../../../gateway/give-way.ts', import.meta.url))

/** Policies of a process of which the first thread gave way (proc_pid_stat(5), field 41). */
const PROGRAM = `
  import { readdirSync, readFileSync } from 'node:fs'
  import { giveWay } from '${MODULE}'
  giveWay()
  const policyOf = (thread) =>
    readFileSync('/proc/self/task/' + thread + '/stat', 'utf8').split(') ')[1].split(' ')[38]
  const threads = readdirSync('/proc/self/task').map(Number).sort((a, b) => a - b)
  console.log(JSON.stringify(threads.map(policyOf)))
`

describe('a thread whose work can wait', () => {
  it.runIf(process.platform === 'linux')(
    'runs when nobody else wants the core, and no other thread of its process does',
    async () => {
      const { stdout } = await promisify(execFile)(process.execPath, [
        ...['--import', 'tsx', '--input-type=module', '--eval', PROGRAM],
      ])
      const [first, ...others] = JSON.parse(stdout) as string[]
      expect(first).toBe(SCHED_IDLE)
      expect(others.length).toBeGreaterThan(0)
      expect(new Set(others)).toEqual(new Set(['0']))
    },
  )
})
