/** `npm run sim` as somebody types it who does not know it yet. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { expect, it } from 'vitest'

const SIMULATOR = join(import.meta.dirname, '../../firmware-sim/dist/main.js')

const simulate = (...args: readonly string[]) =>
  new Promise<{ code: unknown; err: string }>((resolve) => {
    execFile(process.execPath, [SIMULATOR, ...args], (error, _out, err) => {
      resolve({ code: error ? error.code : 0, err })
    })
  })

it.each([
  ['an unknown option', ['--bogus'], "Unknown option '--bogus'"],
  ['a scenario without its option', ['chest-pain'], 'chest-pain'],
  ['a scenario that is not there', ['--scenario', 'none'], 'there are: bad-network'],
  ['a file that is not there', ['--scenario', 'chest-pain', '--tokens', '/no/file'], '/no/file'],
])('%s ends with exit code 2 and what to do, without a stack', async (_, args, words) => {
  const { code, err } = await simulate(...args)
  expect(code).toBe(2)
  expect(err).toContain(words)
  expect(err).not.toContain('    at ')
})
