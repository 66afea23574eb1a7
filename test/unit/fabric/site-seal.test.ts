import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { decodeFrame, encodeFrame } from '../../../gateway/fabric/frames.ts'
import { loadSiteKey } from '../../../gateway/fabric/site-key.ts'
import { createSiteSeal, SITE_KEY_BYTES } from '../../../gateway/fabric/site-seal.ts'
import { tempFolder } from '../../support/temp-folder.ts'

const key = Buffer.alloc(SITE_KEY_BYTES, 7)
const words = Buffer.from('我要找骨科')

describe('the seal of a site', () => {
  it('opens on another box of the site, and hides the words', () => {
    const sealed = createSiteSeal(key).seal(words, 'here')
    expect(sealed.includes(words)).toBe(false)
    expect(createSiteSeal(key).open(sealed, 'here')).toEqual(words)
  })

  it('does not open elsewhere, with another key, or with any byte changed', () => {
    const seal = createSiteSeal(key)
    const sealed = seal.seal(words, 'here')
    expect(seal.open(sealed, 'there')).toBeUndefined()
    expect(createSiteSeal(Buffer.alloc(SITE_KEY_BYTES, 8)).open(sealed, 'here')).toBeUndefined()
    for (let at = 0; at < sealed.length; at++) {
      const changed = Buffer.from(sealed)
      changed[at] = (changed[at] ?? 0) ^ 1
      expect(seal.open(changed, 'here'), `byte ${at}`).toBeUndefined()
    }
    expect(seal.open(Buffer.alloc(3), 'here')).toBeUndefined()
  })

  it('never seals twice alike, and names alike on every box', () => {
    const seal = createSiteSeal(key)
    expect(seal.seal(words, 'here')).not.toEqual(seal.seal(words, 'here'))
    expect(createSiteSeal(key).nameOf('p-1')).toBe(seal.nameOf('p-1'))
    expect(seal.nameOf('p-2')).not.toBe(seal.nameOf('p-1'))
    expect(seal.nameOf('p-1')).not.toContain('p-1')
  })
})

describe('a frame', () => {
  it('arrives as it was sent; what is no frame is told apart', () => {
    const seal = createSiteSeal(key)
    const message = { topic: 'a/b', payload: words, qos: 1, retain: false } as const
    const envelope = {
      box: 'gw-1',
      run: 5,
      number: 1,
      frame: { kind: 'message', message },
    } as const
    expect(decodeFrame(encodeFrame(envelope, seal), seal)).toEqual(envelope)
    const strange = { ...envelope, frame: { kind: 'later' } } as never
    expect(decodeFrame(encodeFrame(strange, seal), seal)).toBeUndefined()
    expect(decodeFrame(seal.seal(Buffer.from([0xc1]), 'frame'), seal)).toBeUndefined()
  })
})

describe('the key file of a site', () => {
  it('is made once, for its owner only, and read again', () => {
    const file = join(tempFolder(), 'keys/site.key')
    const made = loadSiteKey(file)
    expect(made.isNew).toBe(true)
    expect(statSync(file).mode & 0o077).toBe(0)
    expect(loadSiteKey(file)).toEqual({ key: made.key, isNew: false })
    expect(readFileSync(file, 'utf8').trim()).toBe(made.key.toString('base64'))
  })

  it('that is empty is refused: a key of its own would part the box from its site', () => {
    const file = join(tempFolder(), 'site.key')
    writeFileSync(file, '', { mode: 0o600 })
    expect(() => loadSiteKey(file)).toThrow(/it is empty/)
    expect(readFileSync(file, 'utf8')).toBe('')
  })

  it('that others may read is refused with what to do', () => {
    const file = join(tempFolder(), 'site.key')
    loadSiteKey(file)
    chmodSync(file, 0o644)
    expect(() => loadSiteKey(file)).toThrow(
      expect.objectContaining({
        code: 'config.unreadable',
        message: expect.stringContaining('chmod 600'),
      }),
    )
  })
})
