import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest'
import { randomFrom } from '../seeded-random.ts'
import { readFolder } from './power-cut.ts'
import { buildShim, openShim, type Shim } from './shim.ts'

/** Rounds of chance in one test: every outcome that may be, comes. */
const TIMES = 16

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kefu-cut-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const libraryFolder = mkdtempSync(join(tmpdir(), 'kefu-cut-'))
const library = buildShim(libraryFolder)
afterAll(() => rmSync(libraryFolder, { recursive: true, force: true }))

/** Runs a program of these lines with `d`, its folder; returns the file `a` after each of many cuts. */
function afterCuts(lines: string): (string | undefined)[] {
  return Array.from({ length: TIMES }, (_, n) => {
    const { dir, shim } = run(lines, `${n}`)
    shim.cutPower(randomFrom(n))
    return readFolder(dir).get('a')?.toString()
  })
}

function run(lines: string, name: string): { dir: string; shim: Shim } {
  const dir = join(folder, name)
  mkdirSync(dir)
  const shim = openShim(library ?? '', join(folder, name))
  const code = `const fs = require('fs'); const d = process.argv[1]; ${lines}`
  execFileSync(process.execPath, ['-e', code, dir], { env: { ...process.env, ...shim.env(dir) } })
  return { dir, shim }
}

describe.skipIf(library === undefined)('the model of a power cut', () => {
  test('what was synced is always there', () => {
    const found = afterCuts(`
      const f = fs.openSync(d + '/a', 'w'); fs.writeSync(f, 'kept'); fs.fsyncSync(f);
    `)
    expect(new Set(found)).toEqual(new Set(['kept']))
  }, 60_000)

  test('what was written after the sync is sometimes there and sometimes not', () => {
    const found = new Set(
      afterCuts(`
        const f = fs.openSync(d + '/a', 'w'); fs.writeSync(f, 'kept'); fs.fdatasyncSync(f);
        fs.writeSync(f, ' more');
      `),
    )
    expect(found).toContain('kept')
    expect(found).toContain('kept more')
  }, 60_000)

  test('a rename without a sync of the folder is sometimes lost, never half done', () => {
    const found = new Set(
      afterCuts(`
        const write = (name, text) => {
          const f = fs.openSync(d + name, 'w'); fs.writeSync(f, text); fs.fsyncSync(f);
        };
        write('/a', 'old'); write('/b', 'new'); fs.renameSync(d + '/b', d + '/a');
      `),
    )
    expect(found).toEqual(new Set(['old', 'new']))
  }, 60_000)
})

describe.skipIf(library === undefined)('the disk and the clock of a program under test', () => {
  test('it has room for so many bytes, then none', () => {
    const dir = join(folder, 'full')
    mkdirSync(dir)
    const shim = openShim(library ?? '', dir)
    const env = { ...process.env, ...shim.env(dir) }
    shim.setRoom(10)
    const code = `const fs = require('fs'); try { fs.writeFileSync('${dir}/a', 'x'.repeat(20)) }
      catch (error) { console.log(error.code, fs.statSync('${dir}/a').size) }`
    expect(execFileSync(process.execPath, ['-e', code], { env }).toString()).toBe('ENOSPC 10\n')
  })

  test('its wall clock jumps, its monotonic clock does not', () => {
    const dir = join(folder, 'clock')
    mkdirSync(dir)
    const shim = openShim(library ?? '', dir)
    const env = { ...process.env, ...shim.env(dir) }
    shim.setClock(-Date.now())
    const code = `console.log(new Date().getUTCFullYear(), performance.now() < 60000)`
    expect(execFileSync(process.execPath, ['-e', code], { env }).toString()).toBe('1970 true\n')
  })
})
