import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { Sum } from './tally.ts'

const MAIN = join(import.meta.dirname, 'main.ts')

interface Run {
  readonly code: number | null
  readonly output: string
}

function faults(...args: string[]): Promise<Run> {
  const all = ['--conditions=kefu-source', '--import', 'tsx', MAIN, ...args]
  return new Promise((resolve) => {
    const child = execFile(process.execPath, all, (_error, stdout, stderr) =>
      resolve({ code: child.exitCode, output: stdout + stderr }),
    )
  })
}

const sumOf = ({ output }: Run): Sum => JSON.parse(output.trimEnd().split('\n').at(-1) ?? '') as Sum

test.each([
  ['kill-gateway', 'kill-core', 'link-cut'],
  ['power-cut-gateway', 'power-cut-core', 'lost-answers'],
  ['disk-full-gateway', 'clock-jumps', 'bit-flips'],
])('the promises hold through %s, %s and %s', async (...names) => {
  const only = names.flatMap((name) => ['--only', name])
  const run = await faults('--rounds', '3', '--seed', '20261122', ...only)
  const sum = sumOf(run)
  expect(run.output).not.toContain('BROKEN')
  expect(run.code).toBe(0)
  expect(sum).toMatchObject({ lost: 0, doubled: 0, unbalanced: 0, broken: 0 })
  expect(sum.bitFlipsFound).toBe(sum.bitFlips)
  // On a machine without a C compiler some are skipped, which the sum says.
  expect(sum.acknowledged > 0 || sum.skipped.length > 0).toBe(true)
})

test('what it does not know it refuses with exit code 2', async () => {
  const run = await faults('--only', 'earthquake')
  expect(run.code).toBe(2)
  expect(run.output).toContain('power-cut-gateway')
})
