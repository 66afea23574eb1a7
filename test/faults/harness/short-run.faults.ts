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

/** One of each kind; `disk-full` itself needs root, so its sibling stands for it. */
const ONE_OF_EACH = [
  'kill-gateway',
  'link-cut',
  'lost-answers',
  'clock-jumps',
  'bit-flips',
  'power-cut-gateway',
  'disk-full-gateway',
  'power-cut-both',
]

test('the promises hold through one fault of each kind', async () => {
  const only = ONE_OF_EACH.flatMap((name) => ['--only', name])
  const run = await faults('--rounds', `${ONE_OF_EACH.length}`, '--seed', '20261122', ...only)
  const sum = sumOf(run)
  expect(run.output).not.toContain('BROKEN')
  expect(run.code).toBe(0)
  expect(sum).toMatchObject({ lost: 0, doubled: 0, unbalanced: 0, broken: 0 })
  expect(sum.acknowledged).toBeGreaterThan(0)
  expect(sum.bitFlips).toBeGreaterThan(0)
  expect(sum.bitFlipsFound).toBe(sum.bitFlips)
})

test('what it does not know it refuses with exit code 2', async () => {
  const run = await faults('--only', 'earthquake')
  expect(run.code).toBe(2)
  expect(run.output).toContain('power-cut-gateway')
})
