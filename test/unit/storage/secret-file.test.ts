import { chmodSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openDataFolder } from '../../../gateway/storage/data-folder.ts'
import { readOrMakeSecret, readOrMakeText } from '../../../gateway/storage/secret-file.ts'
import { tempFolder } from '../../support/temp-folder.ts'

const made = (text: string) => () => text
const fails = () => {
  throw new Error('no entropy')
}

describe('a secret in a file', () => {
  it('is made once, for its owner alone, and read again', () => {
    const file = join(tempFolder(), 'secret')
    expect(readOrMakeSecret(file, made('first\n'))).toBe('first')
    expect(readOrMakeSecret(file, made('second'))).toBe('first')
    expect(readFileSync(file, 'utf8')).toBe('first\n')
    expect(statSync(file).mode & 0o777).toBe(0o600)
  })

  it.each(['', '\n'])('is never the text of an empty file: %j', (text) => {
    const file = join(tempFolder(), 'secret')
    writeFileSync(file, text, { mode: 0o600 })
    expect(readOrMakeSecret(file, made('first'))).toBe('first')
    const folder = openDataFolder(tempFolder())
    writeFileSync(folder.file('admin.token'), text)
    expect(folder.readOrMake('admin.token', made('token'))).toBe('token')
    folder.release()
  })

  it('leaves no file where it could not be made', () => {
    const file = join(tempFolder(), 'secret')
    expect(() => readOrMakeText(file, fails)).toThrow('no entropy')
    expect(existsSync(file)).toBe(false)
  })

  it('that others may read is refused; a name may be read by all', () => {
    const file = join(tempFolder(), 'secret')
    readOrMakeSecret(file, made('first'))
    chmodSync(file, 0o644)
    expect(() => readOrMakeSecret(file, made('second'))).toThrow(`${file} can be read by others`)
    expect(readOrMakeText(file, made('second'))).toBe('first')
  })
})
