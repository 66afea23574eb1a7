/** What the core takes for a signed note and a checkpoint: the rules of the C2SP pages, and nothing looser. */
import { generateKeyPairSync } from 'node:crypto'
import { parseCheckpoint } from '@kefu-edge/cloud-sync/protocol/checkpoint'
import {
  COSIGNATURE_V1,
  cosign,
  ED25519,
  formatVerifierKey,
  isSignedBy,
  parseNote,
  parseVerifierKey,
  signNote,
} from '@kefu-edge/cloud-sync/protocol/signed-note'
import { describe, expect, it } from 'vitest'
import { PUBLISHED_NOTES } from '../../support/published-notes.ts'

const LOG = 'example.com/behind-the-sofa'
const WITNESS = 'witness.example.com/w1'
const ROOT = 'CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I='
const text = `${LOG}\n20852163\n${ROOT}\n`
const log = generateKeyPairSync('ed25519')
const witness = generateKeyPairSync('ed25519')
const logLine = signNote(text, LOG, log.privateKey)

function verifierOf(key: string) {
  const verifier = parseVerifierKey(key)
  if (!verifier) throw new Error('not a key')
  return verifier
}
const logKey = verifierOf(formatVerifierKey(LOG, ED25519, log.publicKey))
const witnessKey = verifierOf(formatVerifierKey(WITNESS, COSIGNATURE_V1, witness.publicKey))

function isSigned(note: string, key = logKey): boolean {
  const read = parseNote(note)
  if (!read) throw new Error('not a note')
  return isSignedBy(read, key)
}

/** The same line with another last byte of its signature. */
function spoiled(line: string): string {
  const [, name, encoded = ''] = line.trim().split(' ')
  const bytes = Buffer.from(encoded, 'base64')
  bytes.writeUInt8((bytes.at(-1) ?? 0) ^ 1, bytes.length - 1)
  return `— ${name} ${bytes.toString('base64')}\n`
}

describe('signed notes at the core', () => {
  it.each(PUBLISHED_NOTES)('the published note of $key verifies, and no altered one', (one) => {
    expect(isSigned(one.note, verifierOf(one.key))).toBe(true)
    expect(isSigned(one.note.replace('a', 'e'), verifierOf(one.key))).toBe(false)
  })

  it('lines of unknown keys say nothing, whose name or id they have', () => {
    const stranger = generateKeyPairSync('ed25519').privateKey
    const sameName = signNote(text, LOG, stranger)
    const sameId = logLine.replace(LOG, 'somebody.else')
    expect(isSigned(`${text}\n${sameName}${logLine}${sameId}`)).toBe(true)
    expect(isSigned(`${text}\n${sameName}${sameId}`)).toBe(false)
  })

  it('a wrong line of a key spoils the note, though a right one of it stands beside', () => {
    expect(isSigned(`${text}\n${logLine}${spoiled(logLine)}`)).toBe(false)
    expect(isSigned(`${text}\n${spoiled(logLine)}${logLine}`)).toBe(false)
    const line = cosign(text, WITNESS, witness.privateKey, 1_679_315_147_000)
    expect(isSigned(`${text}\n${logLine}${line}`, witnessKey)).toBe(true)
    expect(isSigned(`${text}\n${logLine}${line}${spoiled(line)}`, witnessKey)).toBe(false)
  })

  it.each([
    ['without signatures', text],
    ['without the last newline', `${text}\n${logLine.trimEnd()}`],
    ['with a line that is no signature', `${text}\n${logLine}more\n`],
    ['with a control character', `te\u0000xt\n\n${logLine}`],
    ['with carriage returns', `${text}\n${logLine}`.replaceAll('\n', '\r\n')],
    ['with a tab', `te\txt\n\n${logLine}`],
    ['with a plus in a key name', `${text}\n${logLine.replace(LOG, 'a+b')}`],
    ['with a space of Unicode in a key name', `${text}\n${logLine.replace(LOG, 'a\u3000b')}`],
    ['with a signature that is no more than a key id', `${text}\n— a AAAAAA==\n`],
    ['with bits in its base64 that nothing reads', `${text}\n— a AAAAAAB=\n`],
  ])('text %s is not a note', (_what, note) => {
    expect(parseNote(note)).toBeUndefined()
  })
})

describe('checkpoints at the core', () => {
  it('the one of the page is read', () => {
    expect(parseCheckpoint(text)).toMatchObject({ origin: LOG, size: 20_852_163 })
    expect(parseCheckpoint(`${text}time 7\n`)).toMatchObject({ size: 20_852_163 })
  })

  it.each([
    '',
    `\n1\n${ROOT}\n`,
    `o\n01\n${ROOT}\n`,
    `o\n-1\n${ROOT}\n`,
    'o\n1\nshort\n',
    `o\n1\n${ROOT.replace('2I=', '2J=')}\n`,
    `o\n1\n${ROOT}\n\n`,
  ])('%j is no tree head', (bad) => {
    expect(parseCheckpoint(bad)).toBeUndefined()
  })
})
