import { describe, expect, test } from 'vitest'
import {
  checkSignature,
  cosign,
  decodeVerifierKey,
  encodeVerifierKey,
  formatCheckpoint,
  noteSigner,
  parseCheckpoint,
  parseNote,
  signNote,
} from '../../../../gateway/ledger/tlog/note.ts'
import { PUBLISHED_NOTES } from '../../../support/published-notes.ts'
import { newSigningKey } from '../fixture.ts'

function read(text: string) {
  const note = parseNote(text)
  if (!note) throw new Error('not a note')
  return note
}

describe('signed notes', () => {
  test.each(PUBLISHED_NOTES)(
    'the published note of $key verifies, and no altered one',
    (published) => {
      const key = decodeVerifierKey(published.key)
      if (!key) throw new Error('not a key')
      expect(encodeVerifierKey(key)).toBe(published.key)
      expect(checkSignature(read(published.note), key)).toEqual({ kind: 'good' })
      const altered = read(published.note.replace('a', 'e'))
      expect(checkSignature(altered, key)).toEqual({ kind: 'bad' })
      const unsigned = read(published.note.replace(`— ${key.name}`, '— somebody.else'))
      expect(checkSignature(unsigned, key)).toEqual({ kind: 'absent' })
    },
  )

  test('a verifier key with another id or type is not one', () => {
    const good = PUBLISHED_NOTES[0]?.key ?? ''
    expect(decodeVerifierKey(good.replace('530d903a', '530d903b'))).toBeUndefined()
    expect(decodeVerifierKey(good.replace('+Aeky', '+Beky'))).toBeUndefined()
    expect(decodeVerifierKey('not a key')).toBeUndefined()
  })

  test.each([
    ['without signatures', 'text\n'],
    ['with a control character', 'te\u0000xt\n\n— a AAAAAAAA\n'],
    ['with a line that is no signature', 'text\n\n— a AAAAAAAA\nmore\n'],
    ['without the last newline', 'text\n\n— a AAAAAAAA'],
  ])('text %s is not a note', (_, text) => {
    expect(parseNote(text)).toBeUndefined()
  })

  test('a name with a space or a plus cannot sign', () => {
    expect(() => noteSigner('two words', newSigningKey(), 'log')).toThrow(TypeError)
    expect(() => noteSigner('a+b', newSigningKey(), 'log')).toThrow(TypeError)
  })
})

describe('checkpoints', () => {
  const root = Buffer.from('CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=', 'base64')
  const text = formatCheckpoint({ origin: 'example.com/behind-the-sofa', size: 20_852_163, root })

  test('the text is that of the tlog-checkpoint page', () => {
    expect(text).toBe(
      'example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n',
    )
    const head = parseCheckpoint(text)
    expect(head).toMatchObject({ origin: 'example.com/behind-the-sofa', size: 20_852_163 })
    expect(Buffer.from(head?.root ?? [])).toEqual(root)
  })

  test.each([
    '',
    'o\n01\n',
    'o\n-1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n',
    'o\n1\nshort\n',
    // The page: extension lines must not be empty; RFC 4648: what base64 does not use of its last character is 0.
    'o\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n',
    'o\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2J=\n',
  ])('%j is no tree head', (bad) => {
    expect(parseCheckpoint(bad)).toBeUndefined()
  })

  test('a cosignature verifies with its time, and not for another tree head', () => {
    const log = noteSigner('example.com/behind-the-sofa', newSigningKey(), 'log')
    const witness = noteSigner('witness.example.com/w1', newSigningKey(), 'cosigner')
    const signed = signNote(text, log)
    const note = read(signed + cosign(read(signed), witness, 1_679_315_147))
    expect(checkSignature(note, log)).toEqual({ kind: 'good' })
    expect(checkSignature(note, witness)).toEqual({ kind: 'good', atSeconds: 1_679_315_147 })
    const key = decodeVerifierKey(encodeVerifierKey(witness))
    if (!key) throw new Error('not a key')
    expect(checkSignature(note, key).kind).toBe('good')
    const other = { ...note, text: note.text.replace('20852163', '20852164') }
    expect(checkSignature(other, witness)).toEqual({ kind: 'bad' })
  })
})
