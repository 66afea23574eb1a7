import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { newId } from '../../../device-sdk/protocol/ids.ts'
import { decodeLeaf } from '../../../gateway/ledger/entry-codec.ts'
import { laneLimitsOf } from '../../../gateway/ledger/lane-limits.ts'
import { balanceFromDatabase, unbalanced } from '../../../gateway/ledger/lanes.ts'
import { LANES, type LaneBalance } from '../../../gateway/ledger/port.ts'
import { leafHash, rootOf } from '../../../gateway/ledger/tlog/merkle.ts'
import { parseCheckpoint, parseNote } from '../../../gateway/ledger/tlog/note.ts'
import { type Fixture, NOON_MS, openFixture, turn } from './fixture.ts'

const patient = { id: 'P-20261122-007', kind: 'patient' } as const
let box: Fixture
beforeEach(() => {
  box = openFixture()
})
afterEach(() => box.close())

/** At every moment the books close; with the next transaction the tables say what memory says. */
async function checkBooks(): Promise<readonly LaneBalance[]> {
  const books = box.ledger.balance()
  expect(unbalanced(books)).toEqual([])
  expect(unbalanced(balanceFromDatabase(box.store))).toEqual([])
  await box.store.commit(() => undefined)
  expect(balanceFromDatabase(box.store)).toEqual(books)
  return books
}

const storedRoot = (): Uint8Array =>
  rootOf(
    Buffer.concat(
      box.store
        .prepare<{ bytes: Uint8Array }>('SELECT bytes FROM ledger_entry ORDER BY idx')
        .all()
        .map((row) => leafHash(row.bytes)),
    ),
  )

describe('append', () => {
  test('an entry comes back as it was given, also after a restart', async () => {
    const draft = turn({ subject: patient, askKey: { deviceId: 'kiosk-01', askId: 'a-1' } })
    const index = await box.append(draft)
    const entry = box.ledger.entryAt(index)
    expect(entry).toMatchObject(draft)
    await box.reopen()
    expect(box.ledger.entryAt(index)).toEqual(entry)
    expect(box.ledger.seen('kiosk-01', 'a-1')).toEqual(entry)
  })

  test('the first entry of a new folder opens the epoch', async () => {
    await box.append()
    expect(box.ledger.entryAt(0)).toMatchObject({
      kind: 'ledger.opened',
      body: { gateway: 'box-1', epoch: box.ledger.epoch(), reason: 'new' },
    })
    const epoch = box.ledger.epoch()
    await box.reopen()
    expect(box.ledger.epoch()).toBe(epoch)
  })

  test('members that are undefined are left out at every depth, and null stays', async () => {
    const index = await box.append({ body: { a: undefined, b: [{ c: undefined, d: null }] } })
    expect(box.ledger.entryAt(index)?.body).toEqual({ b: [{ d: null }] })
    expect(Object.keys(box.ledger.entryAt(index)?.body ?? {})).toEqual(['b'])
  })

  test('what a person said and who he is stand nowhere in the stored bytes', async () => {
    const index = await box.append({ subject: patient })
    const row = box.store
      .prepare<{ bytes: Uint8Array }>('SELECT bytes FROM ledger_entry WHERE idx = ?')
      .get(index)
    const bytes = Buffer.from(row?.bytes ?? [])
    expect(bytes.includes('kiosk-01')).toBe(true)
    expect(bytes.includes('内科')).toBe(false)
    expect(bytes.includes(patient.id)).toBe(false)
  })

  test('an entry that no bundle can hold is refused and leaves no trace', async () => {
    await box.append()
    const size = box.ledger.size()
    const tooLong = box.append({ body: { text: 'x'.repeat(70_000) } })
    await expect(tooLong).rejects.toMatchObject({ code: 'ledger.entry-too-large' })
    expect(box.ledger.size()).toBe(size)
    await box.append()
    await checkBooks()
    expect(box.ledger.size()).toBe(size + 1)
  })
})

describe('seen', () => {
  test('only the same device and ask id find the entry', async () => {
    await box.append({ askKey: { deviceId: 'kiosk-01', askId: 'a-1' } })
    expect(box.ledger.seen('kiosk-01', 'a-1')?.askKey).toEqual({
      deviceId: 'kiosk-01',
      askId: 'a-1',
    })
    expect(box.ledger.seen('kiosk-02', 'a-1')).toBeUndefined()
    expect(box.ledger.seen('kiosk-01', 'a-2')).toBeUndefined()
  })

  test('ids that tell their time are found like any other, and lie side by side in the index', async () => {
    const ids = Array.from({ length: 50 }, (_, i) => newId(NOON_MS + i))
    for (const askId of ids) await box.append({ askKey: { deviceId: 'kiosk-01', askId } })
    expect(ids.map((id) => box.ledger.seen('kiosk-01', id)?.askKey?.askId)).toEqual(ids)
    expect(box.ledger.seen('kiosk-02', ids[0] ?? '')).toBeUndefined()
    const range = box.store
      .prepare<{ width: number }>('SELECT max(ask) - min(ask) AS width FROM ledger_entry')
      .get()
    expect(range?.width).toBeLessThan(2 ** 26)
  })

  test('an ask whose index value is shared with another is still told apart', async () => {
    await box.append({ askKey: { deviceId: 'kiosk-01', askId: 'a-1' } })
    await box.append({ askKey: { deviceId: 'kiosk-01', askId: 'a-2' } })
    box.store
      .prepare(
        'UPDATE ledger_entry SET ask = (SELECT max(ask) FROM ledger_entry) WHERE ask IS NOT NULL',
      )
      .run()
    const found = ['a-1', 'a-2'].map((id) => box.ledger.seen('kiosk-01', id)?.askKey?.askId)
    expect(found.filter((id) => id !== undefined)).toHaveLength(1)
  })
})

describe('rollback', () => {
  test('work that fails after its append takes back entry, sequence, tree and key', async () => {
    await box.append()
    const before = { size: box.ledger.size(), books: box.ledger.balance() }
    const kept = box.append({ kind: 'kept' })
    const failed = box.store.commit(() => {
      box.ledger.append(turn({ subject: patient }))
      throw new Error('the session could not be written')
    })
    const later = box.append({ kind: 'later', subject: patient })
    await expect(failed).rejects.toThrow('the session')
    expect(await kept).toBe(before.size)
    expect(await later).toBe(before.size + 1)
    expect(box.ledger.entryAt(before.size + 1)).toMatchObject({ kind: 'later', subject: patient })
    const { root } = await box.ledger.checkpoint()
    expect(Buffer.from(root)).toEqual(Buffer.from(storedRoot()))
    await checkBooks()
  })

  test('a key made in a lost transaction is not used again, others stay open', async () => {
    await box.append({ subject: patient })
    const visitor = { id: 'V-1', kind: 'visitor' } as const
    const failed = box.store.commit(() => {
      box.ledger.append(turn({ subject: visitor }))
      throw new Error('no')
    })
    await expect(failed).rejects.toThrow('no')
    for (const subject of [visitor, patient]) {
      const index = await box.append({ subject })
      expect(box.ledger.entryAt(index)?.subject).toEqual(subject)
    }
    await box.reopen()
    expect(box.ledger.entryAt(box.ledger.size() - 2)?.subject).toEqual(visitor)
  })

  test('a key whose making was undone is not used again, though its transaction was kept', async () => {
    await box.append()
    const visitor = { id: 'V-1', kind: 'visitor' } as const
    const other = { id: 'V-2', kind: 'visitor' } as const
    const failed = box.store.commit(() => {
      box.ledger.append(turn({ subject: visitor }))
      throw new Error('no')
    })
    // Of the same transaction, and nothing of the ledger.
    await Promise.all([box.store.commit(() => undefined), expect(failed).rejects.toThrow('no')])
    // Takes the number of the key that was undone.
    const indices = [await box.append({ subject: other }), await box.append({ subject: visitor })]
    await box.reopen()
    const subjects = indices.map((index) => box.ledger.entryAt(index)?.subject)
    expect(subjects).toEqual([other, visitor])
  })

  test('a rollback over the edge of a tile leaves the tree as the tables have it', async () => {
    await box.store.commit(() => {
      for (let i = 0; i < 250; i++) box.ledger.append(turn())
    })
    const failed = box.store.commit(() => {
      for (let i = 0; i < 20; i++) box.ledger.append(turn())
      throw new Error('no')
    })
    await expect(failed).rejects.toThrow('no')
    await box.store.commit(() => {
      for (let i = 0; i < 300; i++) box.ledger.append(turn({ kind: 'again' }))
    })
    const { root, size } = await box.ledger.checkpoint()
    expect(size).toBe(551)
    expect(Buffer.from(root)).toEqual(Buffer.from(storedRoot()))
  })
})

describe('the way up', () => {
  test('a lane is read in order, within both limits, and only what is on disk', async () => {
    for (let i = 0; i < 5; i++) await box.append({ kind: `k${i}` })
    const open = box.append({ kind: 'open' })
    const all = box.ledger.readLane('session', 0, 100, 1e6)
    expect(all.map((entry) => entry.sequence)).toEqual([1, 2, 3, 4, 5])
    expect(all.map((entry) => decodeLeaf(entry.bytes)?.kind)).toEqual([
      'k0',
      'k1',
      'k2',
      'k3',
      'k4',
    ])
    await open
    expect(box.ledger.readLane('session', 0, 100, 1e6)).toHaveLength(6)
    expect(box.ledger.readLane('session', 2, 2, 1e6).map((entry) => entry.sequence)).toEqual([3, 4])
    expect(box.ledger.readLane('session', 0, 100, 1)).toHaveLength(1)
    const two = (all[0]?.bytes.length ?? 0) + (all[1]?.bytes.length ?? 0)
    expect(box.ledger.readLane('session', 0, 100, two)).toHaveLength(2)
  })

  test('an entry of a transaction that began as the last one ended is not read either', async () => {
    await box.append()
    const sizeSeen: number[] = []
    const next = box.store
      .commit(() => undefined)
      .then(() => {
        const opened = box.append({ kind: 'open' })
        queueMicrotask(() => sizeSeen.push(box.ledger.readLane('session', 0, 100, 1e6).length))
        return opened
      })
    await Promise.all([box.append({ kind: 'second' }), next])
    expect(sizeSeen).toEqual([2])
    expect(box.ledger.readLane('session', 0, 100, 1e6)).toHaveLength(3)
  })

  test('a rolled-back entry is never read, though others of its transaction are', async () => {
    const first = box.append({ kind: 'first' })
    const failed = box.store.commit(() => {
      box.ledger.append(turn({ kind: 'failed' }))
      throw new Error('no')
    })
    await Promise.allSettled([first, failed])
    const open = box.append({ kind: 'second' })
    const read = () =>
      box.ledger.readLane('session', 0, 10, 1e6).map((entry) => decodeLeaf(entry.bytes)?.kind)
    expect(read()).toEqual(['first'])
    await open
    expect(read()).toEqual(['first', 'second'])
  })

  test('what is acknowledged is delivered and not read again, also after a restart', async () => {
    for (let i = 0; i < 4; i++) await box.append()
    await box.ledger.acknowledge('session', 3)
    await box.ledger.acknowledge('session', 2)
    const session = async () => (await checkBooks()).find((lane) => lane.lane === 'session')
    expect(await session()).toMatchObject({ accepted: 4, delivered: 3, pending: 1 })
    await box.reopen()
    expect(await session()).toMatchObject({ accepted: 4, delivered: 3, pending: 1 })
    expect(box.ledger.readLane('session', 0, 10, 1e6).map((entry) => entry.sequence)).toEqual([4])
  })

  test('a delivery waits for no disk: it rides along on the next transaction', async () => {
    for (let i = 0; i < 4; i++) await box.append()
    const stored = () => balanceFromDatabase(box.store).find((one) => one.lane === 'session')
    await box.ledger.acknowledge('session', 2)
    expect(stored()).toMatchObject({ accepted: 4, delivered: 0, pending: 4 })
    expect(box.ledger.readLane('session', 0, 9, 1e6).map((entry) => entry.sequence)).toEqual([3, 4])
    await box.append()
    expect(stored()).toMatchObject({ accepted: 5, delivered: 2, pending: 3 })
  })

  test('a delivery outlives the transaction that was to keep it', async () => {
    for (let i = 0; i < 4; i++) await box.append()
    await box.ledger.acknowledge('session', 3)
    const lost = box.store.commit(() => {
      box.ledger.append(turn({ kind: 'lost' }))
      throw new Error('no')
    })
    await expect(lost).rejects.toThrow('no')
    expect(box.ledger.readLane('session', 0, 9, 1e6).map((entry) => entry.sequence)).toEqual([4])
    expect((await checkBooks()).find((one) => one.lane === 'session')).toMatchObject({
      accepted: 4,
      delivered: 3,
      pending: 1,
    })
  })

  test('what was delivered never counts as expired', async () => {
    await box.close()
    box = openFixture({ limits: { telemetry: { maxPending: 3, whenFull: 'expire-oldest' } } })
    for (let i = 0; i < 3; i++) await box.append({ lane: 'telemetry' })
    await box.ledger.acknowledge('telemetry', 2)
    for (let i = 0; i < 3; i++) await box.append({ lane: 'telemetry' })
    expect((await checkBooks()).find((one) => one.lane === 'telemetry')).toMatchObject({
      accepted: 6,
      delivered: 2,
      expired: 1,
      pending: 3,
    })
  })

  test('an acknowledgement of entries that do not exist is refused', async () => {
    await box.append()
    const tooFar = box.ledger.acknowledge('session', 9)
    await expect(tooFar).rejects.toMatchObject({ code: 'ledger.acknowledged-unknown' })
    await checkBooks()
  })

  test('a quarantined entry blocks nothing, is counted once and stays in the record', async () => {
    for (let i = 0; i < 4; i++) await box.append()
    await box.ledger.quarantine('session', 2, 'core.invalid')
    await box.ledger.quarantine('session', 2, 'core.invalid')
    expect(box.ledger.readLane('session', 0, 9, 1e6).map((entry) => entry.sequence)).toEqual([
      1, 3, 4,
    ])
    await checkBooks()
    await box.ledger.acknowledge('session', 4)
    const session = (await checkBooks()).find((lane) => lane.lane === 'session')
    expect(session).toMatchObject({ accepted: 4, delivered: 3, pending: 0, quarantined: 1 })
    expect(box.ledger.entryAt(2)?.kind).toBe('turn')
  })

  test('counts that drifted from the sequences show in the books', async () => {
    for (let i = 0; i < 5; i++) await box.append()
    await box.ledger.quarantine('session', 4, 'poison')
    await box.ledger.acknowledge('session', 2)
    await box.append()
    expect(unbalanced(box.ledger.balance())).toEqual([])
    await checkBooks()
    box.store.prepare('UPDATE ledger_lane SET delivered = delivered + 1 WHERE lane = 1').run()
    await box.reopen()
    expect(unbalanced(box.ledger.balance())).toMatchObject([{ lane: 'session', pending: 3 }])
  })

  test('entries of two epochs never share a batch', async () => {
    await box.append()
    const first = box.ledger.epoch()
    const second = await box.ledger.openEpoch('restored')
    await box.append()
    await box.append()
    const batch = box.ledger.readLane('session', 0, 10, 1e6)
    expect(batch.map((entry) => [entry.sequence, entry.epoch])).toEqual([[1, first]])
    // The number of its row says nothing of an epoch.
    box.store.prepare('UPDATE ledger_epoch SET n = -n').run()
    await box.reopen()
    const next = box.ledger.readLane('session', 1, 10, 1e6)
    expect(next.map((entry) => [entry.sequence, entry.epoch])).toEqual([
      [2, second],
      [3, second],
    ])
  })
})

describe('a full lane', () => {
  for (const lane of LANES.filter((one) => one !== 'telemetry')) {
    test(`${lane} refuses aloud and keeps what it has`, async () => {
      await box.close()
      box = openFixture({ limits: { [lane]: { maxPending: 3, whenFull: 'refuse' } } })
      box.ledger.epoch()
      const room = 3 - (box.ledger.balance().find((one) => one.lane === lane)?.pending ?? 0)
      for (let i = 0; i < room; i++) await box.append({ lane })
      await expect(box.append({ lane })).rejects.toMatchObject({ code: 'ledger.lane-full' })
      expect((await checkBooks()).find((one) => one.lane === lane)).toMatchObject({ pending: 3 })
      await box.ledger.acknowledge(lane, 1)
      await box.append({ lane })
      expect((await checkBooks()).find((one) => one.lane === lane)).toMatchObject({
        pending: 3,
        delivered: 1,
      })
    })
  }

  test('refuses nothing where no core is configured, and what is kept goes up when one is', async () => {
    const limits = laneLimitsOf({ ledgerMaxPending: 20, ledgerMaxPendingCritical: 20 })
    await box.close()
    box = openFixture({ limits, hasCore: false })
    for (let i = 0; i < 25; i++) for (const lane of LANES) await box.append({ lane })
    expect(await checkBooks()).toMatchObject(LANES.map((lane) => ({ lane, delivered: 0 })))
    expect(box.ledger.entryAt(0)).toBeDefined()
    await box.reopen({ hasCore: true })
    for (const lane of ['critical', 'session', 'audit'] as const) {
      await box.append({ lane })
      const sequences = box.ledger.readLane(lane, 0, 100, 1e6).map((entry) => entry.sequence)
      expect(sequences).toEqual(Array.from(sequences, (_, n) => (sequences[0] ?? 0) + n))
      expect(sequences.length).toBe(11)
    }
    await checkBooks()
  })

  test('telemetry expires the oldest and counts them', async () => {
    await box.close()
    box = openFixture({ limits: { telemetry: { maxPending: 10, whenFull: 'expire-oldest' } } })
    for (let i = 0; i < 25; i++) await box.append({ lane: 'telemetry', kind: `t${i}` })
    const books = (await checkBooks()).find((one) => one.lane === 'telemetry')
    expect(books).toMatchObject({ accepted: 25, expired: 15, pending: 10, delivered: 0 })
    const first = box.ledger.readLane('telemetry', 0, 1, 1e6)[0]
    expect(first?.sequence).toBe(16)
  })
})

describe('checkpoint', () => {
  test('is a signed note over the root of the stored entries', async () => {
    for (let i = 0; i < 3; i++) await box.append()
    const { note, size, atMs } = await box.ledger.checkpoint()
    const head = parseCheckpoint(parseNote(note)?.text ?? '')
    expect(head).toMatchObject({ origin: `kefu-edge/box-1/${box.ledger.epoch()}`, size: 4 })
    expect(Buffer.from(head?.root ?? [])).toEqual(Buffer.from(storedRoot()))
    expect([size, atMs]).toEqual([4, NOON_MS])
    expect((await box.ledger.checkpoint()).note).toBe(note)
    await box.reopen()
    expect(box.ledger.latestCheckpoint()?.note).toBe(note)
  })
})
