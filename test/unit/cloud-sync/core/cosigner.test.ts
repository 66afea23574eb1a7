/** What the core signs of the tree heads that a gateway brings, epoch after epoch. */
import { createHash, generateKeyPairSync } from 'node:crypto'
import { createCosigner } from '@kefu-edge/cloud-sync/core/cosigner'
import { createLogHeads, IS_UNACCEPTED } from '@kefu-edge/cloud-sync/core/log-heads'
import type { CoreStore } from '@kefu-edge/cloud-sync/core/storage'
import { silentLogger } from '@kefu-edge/cloud-sync/ports'
import {
  formatWitnessRequest,
  parseWitnessRequest,
} from '@kefu-edge/cloud-sync/protocol/checkpoint'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { consistencyProof, rootOf } from '../../../../gateway/ledger/tlog/merkle.ts'
import {
  encodeVerifierKey,
  formatCheckpoint,
  noteSigner,
  signNote,
} from '../../../../gateway/ledger/tlog/note.ts'
import { tempFolder } from '../../../support/temp-folder.ts'
import { openStoreOf } from '../support/core-store.ts'

const MINUTE_MS = 60_000
const signer = noteSigner('kefu-edge/gw-1', generateKeyPairSync('ed25519').privateKey, 'log')
const { publicKey, privateKey } = generateKeyPairSync('ed25519')
const gateway = { no: 1, id: 'gw-1', publicKey, ledgerKey: encodeVerifierKey(signer) }

let store: CoreStore
let nowMs: number
beforeEach(async () => {
  store = await openStoreOf(tempFolder(), [1])
  nowMs = 1_795_000_000_000
})
afterEach(() => {
  store.close()
})

/** A log by its leaves, one letter each: what two logs share in the beginning, they share in the tree. */
const rangeOf = (leaves: string) => (from: number, to: number) =>
  rootOf(
    Buffer.concat(
      [...leaves.slice(from, to)].map((leaf) => createHash('sha256').update(leaf).digest()),
    ),
  )

function aCore() {
  const heads = createLogHeads(store, { now: () => nowMs })
  const clock = { now: () => nowMs, monotonic: () => nowMs }
  const logger = silentLogger
  const cosigner = createCosigner({ store, heads, name: 'core', privateKey, clock, logger })
  const submit = (epoch: string, leaves: string, old: number, atMs: number) => {
    const root = rangeOf(leaves)(0, leaves.length)
    const origin = `kefu-edge/gw-1/${epoch}`
    const note = signNote(formatCheckpoint({ origin, size: leaves.length, root, atMs }), signer)
    const proof =
      old > 0 && old < leaves.length ? consistencyProof(old, leaves.length, rangeOf(leaves)) : []
    const request = parseWitnessRequest(formatWitnessRequest(old, proof, note))
    if (!request) throw new Error('no request')
    return cosigner.add(gateway, request)
  }
  /** As a gateway does it: from what it believes, then from what the core says. */
  const bring = async (epoch: string, leaves: string, old = 0, atMs = nowMs) => {
    const said = async (from: number) => {
      try {
        const { kind, ...more } = await submit(epoch, leaves, from, atMs)
        return { kind, size: 0, ...more }
      } catch (error) {
        return { kind: (error as { code: string }).code, size: 0 }
      }
    }
    const first = await said(old)
    if (first.kind !== 'conflict' || first.size > leaves.length) return first.kind
    return (await said(first.size)).kind
  }
  const opened = (epoch: string, firstIndex: number, reason: string, answersFor?: string) =>
    store.commit(() =>
      heads.noteOpening(1, firstIndex, {
        lane: 'audit',
        sequence: 1,
        kind: 'ledger.opened',
        atMs: nowMs,
        deviceId: undefined,
        body: { epoch, reason, ...(answersFor ? { answersFor } : {}) },
        keyId: undefined,
      }),
    )
  return { heads, bring, opened }
}

const cosignedBefore = 'abcdefgh'

it('goes on with an epoch that contains all that was cosigned, whatever opened it', async () => {
  const { heads, bring, opened } = aCore()
  expect(await bring('one', cosignedBefore)).toBe('cosigned')
  await opened('two', 8, 'older-copy')
  expect(await bring('two', `${cosignedBefore}ij`)).toBe('cosigned')
  // In a run the gateway knows from where on to prove.
  expect(await bring('three', `${cosignedBefore}ijk`, 10)).toBe('cosigned')
  expect(heads.troubled(9)).toEqual([])
})

it('signs no head that it could not keep', async () => {
  const { heads, bring } = aCore()
  store
    .prepare('CREATE TRIGGER full BEFORE INSERT ON log_head BEGIN SELECT RAISE(ABORT, 1); END')
    .run()
  expect(await bring('one', cosignedBefore)).not.toBe('cosigned')
  expect(heads.newest(1)).toBeUndefined()
  store.prepare('DROP TRIGGER full').run()
  expect(await bring('one', cosignedBefore)).toBe('cosigned')
})

it('of two heads that come at once signs one, so that no fork of a record has both', async () => {
  const { heads, bring } = aCore()
  expect(await bring('one', 'abcd')).toBe('cosigned')
  const both = await Promise.all([bring('one', 'abcdefgh', 4), bring('one', 'abcdXYZ', 4)])
  expect(both.filter((kind) => kind === 'cosigned')).toHaveLength(1)
  expect(both).toContain('core.busy')
  expect(heads.newest(1)?.size).toBe(both[0] === 'cosigned' ? 8 : 7)
})

it('goes on where the record names what it lacks: that head, or a younger one of the box', async () => {
  const root = Buffer.from(rangeOf(cosignedBefore)(0, 8)).toString('base64')
  for (const [answersFor, kind] of [
    [`one 8 ${root}`, 'cosigned'],
    ['one 11 AAAA', 'cosigned'],
    ['one 8 AAAA', 'checkpoint.inconsistent'],
    ['one 7 AAAA', 'checkpoint.inconsistent'],
    ['none 99 AAAA', 'checkpoint.inconsistent'],
  ] as const) {
    await store.commit(() => store.prepare('DELETE FROM log_head').run())
    await store.commit(() => store.prepare('DELETE FROM epoch_opened').run())
    const { heads, bring, opened } = aCore()
    await bring('one', cosignedBefore)
    await opened('two', 3, 'older-copy', answersFor)
    expect(await bring('two', 'abcXYZ'), answersFor).toBe(kind)
    expect(heads.troubled(9)).toMatchObject([{ lost: { size: 8, atLeast: 5 } }])
  }
})

it('waits for the entry that opens the epoch, not for ever, and remembers what it does not sign', async () => {
  const { heads, bring, opened } = aCore()
  await bring('one', cosignedBefore)
  expect(await bring('two', 'abcX')).toBe('core.busy')
  nowMs += 11 * MINUTE_MS
  expect(await bring('two', 'abcXY')).toBe('checkpoint.inconsistent')
  // Written anew once more: that breaks what was remembered.
  expect(await bring('two', 'abcQRS')).toBe('checkpoint.inconsistent')
  expect(heads.troubled(9)).toMatchObject([
    { brokenReason: 'size 6 does not extend size 5', lost: { word: 'silent' } },
  ])
  await opened('two', 3, 'restored from the backup of 2026-11-27')
  expect(await bring('two', 'abcXYZ')).toBe('cosigned')
})

it('tells a cut from a request that was held up, and what is new from what an operator accepted', async () => {
  const { heads, bring } = aCore()
  await bring('one', cosignedBefore)
  expect(await bring('one', 'abcde', 0, nowMs - 1000)).toBe('conflict')
  expect(heads.troubled(9)).toEqual([])
  nowMs += MINUTE_MS
  expect(await bring('one', 'abcde')).toBe('conflict')
  const cut = 'cut: 8 entries were cosigned, now it has 5'
  expect(heads.troubled(9)).toMatchObject([{ brokenReason: cut }])
  await store.commit(() => heads.accept(1, 'tried out'))
  expect(heads.troubled(9)).toMatchObject([{ brokenReason: cut, acceptedReason: 'tried out' }])
  nowMs += MINUTE_MS
  await bring('one', 'abcd')
  expect(heads.troubled(9)).toMatchObject([
    { brokenReason: expect.stringContaining('now it has 4'), acceptedReason: null },
  ])
})

it('does not take an epoch that was over for the present one, though its first entry tells of a restore', async () => {
  const { heads, bring, opened } = aCore()
  await opened('one', 0, 'restored from the backup of 2026-11-26')
  await bring('one', 'abcd')
  // The clock of the core was ahead meanwhile.
  nowMs -= 91 * 24 * 60 * MINUTE_MS
  await opened('two', 4, 'restored from the backup of 2026-11-27')
  expect(await bring('two', cosignedBefore)).toBe('cosigned')
  expect(await bring('two', `${cosignedBefore}i`)).toBe('cosigned')
  expect(await bring('one', 'abcdXY')).toBe('checkpoint.inconsistent')
  expect(heads.troubled(9)).toMatchObject([{ size: 6, lost: { size: 9, word: 'silent' } }])
  await store.commit(() => heads.accept(1, 'disk image put back'))
  expect(await bring('one', 'abcdXYZ')).toBe('cosigned')
})

it('keeps what an operator said of an earlier incident when he accepts a later one', async () => {
  const { heads, bring } = aCore()
  await bring('one', cosignedBefore)
  nowMs += 11 * MINUTE_MS
  await bring('two', 'abcX')
  await store.commit(() => heads.accept(1, 'cut for a test'))
  nowMs += MINUTE_MS
  await bring('three', 'aY')
  expect(await store.commit(() => heads.accept(1, 'disk image put back'))).toBe(1)
  expect(await store.commit(() => heads.accept(1, 'once more'))).toBe(0)
  const reasons = heads.troubled(9).map(({ acceptedReason }) => acceptedReason)
  expect(reasons.sort()).toEqual(['cut for a test', 'disk image put back'])
})

it('does not cosign a record that was cut because it opens one more epoch, until the cut is accepted', async () => {
  const { heads, bring, opened } = aCore()
  await bring('one', cosignedBefore)
  await opened('two', 3, 'older-copy')
  expect(await bring('two', 'abcX')).toBe('checkpoint.inconsistent')
  await opened('three', 4, 'older-copy')
  expect(await bring('three', 'abcXY')).toBe('checkpoint.inconsistent')
  await opened('four', 4, 'restored from the backup of 2026-11-27')
  expect(await bring('four', 'abcXZ')).toBe('checkpoint.inconsistent')
  await store.commit(() => heads.accept(1, 'cut for a test'))
  expect(await bring('four', 'abcXZZ')).toBe('cosigned')
})

it('waits for what explains an epoch though another one goes on from it', async () => {
  const { bring, opened } = aCore()
  await bring('one', cosignedBefore)
  expect(await bring('two', 'abcX')).toBe('core.busy')
  await opened('three', 4, 'older-copy')
  expect(await bring('three', 'abcXY')).toBe('core.busy')
  await opened('two', 3, 'restored from the backup of 2026-11-27')
  expect(await bring('three', 'abcXYZ')).toBe('cosigned')
})

it('takes a late request of an epoch that is over for what it is, not for a folder that was put back', async () => {
  const { heads, bring } = aCore()
  await bring('one', 'abcd')
  const heldUpMs = nowMs + 1000
  nowMs += MINUTE_MS
  expect(await bring('two', cosignedBefore)).toBe('cosigned')
  expect(await bring('one', 'abcdef', 4, heldUpMs)).toBe('conflict')
  expect(heads.troubled(9)).toEqual([])
  expect(await bring('two', `${cosignedBefore}i`)).toBe('cosigned')
  expect(heads.troubled(9)).toEqual([])
})

it('keeps an acceptance while the record that was cut goes on, not when it is cut once more', async () => {
  const { heads, bring } = aCore()
  const state = () => {
    const [{ brokenReason = null, acceptedReason = null } = {}] = heads.troubled(9)
    return [brokenReason, acceptedReason]
  }
  /** A minute later, as the box does it. */
  const later = (leaves: string) => {
    nowMs += MINUTE_MS
    return bring('one', leaves)
  }
  await bring('one', cosignedBefore)
  await later('abcdX')
  await store.commit(() => heads.accept(1, 'cut for a test'))
  const cut = 'cut: 8 entries were cosigned, now it has 5'
  expect(await later('abcdXYZ')).toBe('conflict')
  expect(await later('abcdXYZxyz')).toBe('checkpoint.inconsistent')
  expect(state()).toEqual([cut, 'cut for a test'])

  // The right folder is put back; then that is cut.
  expect(await later(`${cosignedBefore}ijklm`)).toBe('cosigned')
  expect(state()).toEqual([cut, 'cut for a test'])
  await later(`${cosignedBefore}ijkl`)
  expect(state()).toEqual(['cut: 13 entries were cosigned, now it has 12', null])
})

it('keeps an acceptance of a fork while one lane after the other shows it', async () => {
  const { heads, bring, opened } = aCore()
  await bring('one', cosignedBefore)
  const forked = (lane: string) =>
    store.commit(() =>
      heads.markForked(1, 'one', { lane, sequence: 5, bytes: Buffer.from('another') }),
    )
  await forked('critical')
  await store.commit(() => heads.accept(1, 'disk image put back'))
  await opened('two', 8, 'forked')
  await forked('stats')
  expect(heads.troubled(9)).toMatchObject([
    {
      brokenReason: null,
      forkedReason: expect.stringContaining('numbers of critical from 5 on'),
      forkAcceptedReason: 'disk image put back',
    },
  ])
})

it('shows a record that is cut or rewritten after a fork of it was accepted', async () => {
  const { heads, bring } = aCore()
  const unaccepted = () =>
    store.prepare(`SELECT 1 FROM log_head WHERE ${IS_UNACCEPTED}`).all().length
  const later = (leaves: string) => {
    nowMs += MINUTE_MS
    return bring('one', leaves)
  }
  await bring('one', cosignedBefore)
  const shown = { lane: 'audit', sequence: 5, bytes: Buffer.from('another') }
  await store.commit(() => heads.markForked(1, 'one', shown))
  expect(unaccepted()).toBe(1)
  expect(await store.commit(() => heads.accept(1, 'a copy ran as well'))).toBe(1)
  expect(unaccepted()).toBe(0)
  await later(`${cosignedBefore}ijklm`)
  await later(`${cosignedBefore}ijkl`)
  const fork = {
    forkedReason: 'forked: other entries came under the numbers of audit from 5 on',
    forkAcceptedReason: 'a copy ran as well',
  }
  const cut = 'cut: 13 entries were cosigned, now it has 12'
  expect(heads.troubled(9)).toMatchObject([{ ...fork, brokenReason: cut, acceptedReason: null }])
  expect(unaccepted()).toBe(1)

  await store.commit(() => heads.accept(1, 'cut for a test'))
  await later('abcdefghXXXXXXXXXXXX')
  expect(unaccepted()).toBe(0)
  await later('abc')
  expect(heads.troubled(9)).toMatchObject([
    { ...fork, brokenReason: expect.stringContaining('now it has 3'), acceptedReason: null },
  ])
})
