import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const SUITES = fileURLToPath(new URL('./abstract-suites.ts', import.meta.url))

/** Runs one abstract suite under node:test and gives its summary. */
function run(suite: string): Promise<{ passed: number; failed: number; output: string }> {
  const child = spawn(
    process.execPath,
    ['--import', 'tsx', '--conditions', 'kefu-source', '--test-reporter', 'tap', SUITES],
    { env: { ...process.env, SUITE: suite, NODE_TEST_CONTEXT: undefined } },
  )
  let output = ''
  child.stdout.on('data', (chunk) => {
    output += chunk
  })
  child.stderr.on('data', (chunk) => {
    output += chunk
  })
  return new Promise((resolve) => {
    child.on('close', () => {
      const count = (name: string): number =>
        Number(new RegExp(`^# ${name} (\\d+)$`, 'm').exec(output)?.[1] ?? Number.NaN)
      resolve({ passed: count('pass'), failed: count('fail'), output })
    })
  })
}

test('the abstract suite of aedes-persistence passes on the SQLite persistence', async () => {
  const { passed, failed, output } = await run('aedes-persistence')
  expect(failed, output.slice(-3000)).toBe(0)
  expect(passed).toBeGreaterThanOrEqual(50)
}, 60_000)

test('the abstract suite of mqemitter passes on the router emitter', async () => {
  const { passed, failed, output } = await run('mqemitter')
  expect(failed, output.slice(-3000)).toBe(0)
  expect(passed).toBeGreaterThanOrEqual(24)
}, 60_000)
