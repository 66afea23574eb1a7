import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach } from 'vitest'

const ofTest: string[] = []
const ofFile: string[] = []

/** A new empty folder, removed after the test: behind every clean-up of the test's own. */
export const tempFolder = (): string => makeIn(ofTest)

/** The same for all tests of the file: removed after the last one. */
export const fileFolder = (): string => makeIn(ofFile)

function makeIn(made: string[]): string {
  const dir = mkdtempSync(join(tmpdir(), 'kefu-test-'))
  made.push(dir)
  return dir
}

const removeAll = (made: string[]): void => {
  for (const dir of made.splice(0)) rmSync(dir, { recursive: true, force: true })
}
afterEach(() => removeAll(ofTest))
afterAll(() => removeAll(ofFile))
