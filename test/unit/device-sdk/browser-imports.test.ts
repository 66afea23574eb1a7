import { existsSync, readFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { dirname, join, resolve } from 'node:path'
import { expect, test } from 'vitest'

const ENTRY = resolve(import.meta.dirname, '../../../device-sdk/client/browser.ts')
/** Value imports alone: types are gone at run time. */
const IMPORT = /(?:import|export)\s+(?!type\b)[^'"]*?from\s+'([^']+)'|import\(\s*'([^']+)'\s*\)/g

function importsOf(entry: string): { files: Set<string>; packages: Set<string> } {
  const files = new Set<string>()
  const packages = new Set<string>()
  const visit = (file: string) => {
    if (files.has(file)) return
    files.add(file)
    for (const match of readFileSync(file, 'utf8').matchAll(IMPORT)) {
      const name = match[1] ?? match[2] ?? ''
      if (!name.startsWith('.')) packages.add(name)
      else visit(join(dirname(file), name))
    }
  }
  expect(existsSync(entry)).toBe(true)
  visit(entry)
  return { files, packages }
}

test('the browser entry reaches no module of Node, and only packages that run in browsers', () => {
  const { files, packages } = importsOf(ENTRY)
  expect(files.size).toBeGreaterThan(15)
  const builtins = new Set(builtinModules)
  expect([...packages].filter((p) => p.startsWith('node:') || builtins.has(p))).toEqual([])
  expect([...packages].sort()).toEqual([
    '@sinclair/typebox',
    '@sinclair/typebox/value',
    'mqtt',
    'msgpackr',
  ])
})
