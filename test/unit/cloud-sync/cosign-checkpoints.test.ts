import { createHash } from 'node:crypto'
import { cpSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { createCosigning } from '@kefu-edge/cloud-sync/cosign-checkpoints'
import { enrol } from '@kefu-edge/cloud-sync/enrol'
import { loadIdentity } from '@kefu-edge/cloud-sync/identity'
import { createLink } from '@kefu-edge/cloud-sync/link'
import { silentLogger, systemClock } from '@kefu-edge/cloud-sync/ports'
import { isConsistent } from '@kefu-edge/cloud-sync/protocol/checkpoint'
import { isSignedBy, parseNote, parseVerifierKey } from '@kefu-edge/cloud-sync/protocol/signed-note'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { GatewayError } from '../../../gateway/errors.ts'
import { consistencyProof, rootOf } from '../../../gateway/ledger/tlog/merkle.ts'
import { decodeVerifierKey } from '../../../gateway/ledger/tlog/note.ts'
import { openTestLedger } from '../../faults/cloud-ledger.ts'
import { openRig, type Rig, readAsOperator } from './support/rig.ts'

let rig: Rig
let closers: (() => unknown)[]
beforeEach(async () => {
  rig = await openRig({ isInsecureHttp: true })
  closers = []
})
afterEach(async () => {
  for (const close of closers.reverse()) await close()
  await rig.close()
})

const pinned = () => [decodeVerifierKey(rig.core.cosignerKey)].filter((key) => key !== undefined)

/** The gateway's own ledger in a folder, enrolled with its key, and its cosigning. */
async function openLog(folder: string, prepare = () => {}, cosigners = pinned) {
  const dir = join(rig.folder, folder)
  mkdirSync(dir, { recursive: true })
  prepare()
  const { store, ledger } = openTestLedger(dir, Date, cosigners)
  const identity = loadIdentity(ledger.gatewayId, join(rig.folder, 'log.key'))
  const link = createLink({ url: rig.core.url, identity, clock: systemClock })
  const { verifierKey } = ledger
  const enrolled = await enrol(link, identity, rig.core.enrolToken, { ledgerKey: verifierKey })
  expect(enrolled.kind).toBe('enrolled')
  const cosigning = createCosigning({
    link,
    gatewayId: ledger.gatewayId,
    ledger,
    clock: systemClock,
    random: Math.random,
    logger: silentLogger,
  })
  closers.push(
    () => store.close(),
    () => link.close(),
  )
  const append = (count: number) =>
    store.commit(() => {
      for (let n = 0; n < count; n += 1) {
        ledger.append({ lane: 'audit', kind: 'test', atMs: 1, body: { n } })
      }
    })
  return { store, ledger, cosigning, append }
}

describe('cosigning', () => {
  it('waits in silence until the gateway is enrolled, and is cosigned soon after', async () => {
    const dir = join(rig.folder, 'new')
    mkdirSync(dir)
    const { store, ledger } = openTestLedger(dir, Date, pinned)
    const identity = loadIdentity(ledger.gatewayId, join(rig.folder, 'new.key'))
    const link = createLink({ url: rig.core.url, identity, clock: systemClock })
    const warned: object[] = []
    const warn = (fields: object) => void warned.push(fields)
    const cosigning = createCosigning({
      link,
      gatewayId: ledger.gatewayId,
      ledger,
      clock: systemClock,
      random: Math.random,
      logger: { ...silentLogger, warn },
    })
    closers.push(
      () => store.close(),
      () => link.close(),
      () => cosigning.close(),
    )
    cosigning.start()
    const last = () => cosigning.status().last
    await expect.poll(last).toEqual({ kind: 'no-answer', detail: 'gateway.unknown' })
    await enrol(link, identity, rig.core.enrolToken, { ledgerKey: ledger.verifierKey })
    await expect.poll(last, { timeout: 4000 }).toMatchObject({ kind: 'cosigned' })
    expect(warned).toEqual([])
  })

  it('puts the name of the core under each head that extends the last', async () => {
    const { ledger, cosigning, append } = await openLog('box')
    for (const count of [1, 6, 30, 300]) {
      await append(count)
      const outcome = await cosigning.cosignOnce()
      expect(outcome).toEqual({ kind: 'cosigned', size: ledger.size() })
    }
    expect((await cosigning.cosignOnce()).kind).toBe('unchanged')

    const note = parseNote(ledger.latestCheckpoint()?.note ?? '')
    const verifier = parseVerifierKey(rig.core.cosignerKey)
    if (!note || !verifier) throw new Error('no note or no key')
    expect(isSignedBy(note, verifier)).toBe(true)
    expect(isSignedBy({ ...note, text: note.text.replace(/\n\d+\n/, '\n1\n') }, verifier)).toBe(
      false,
    )
    // The gateway's own reader knows the same key by the same name.
    expect(decodeVerifierKey(rig.core.cosignerKey)?.name).toBe('kefu-edge-core')
  })

  it('goes on after a restart of the box, from what the core has seen', async () => {
    const first = await openLog('box')
    await first.append(10)
    await first.cosigning.cosignOnce()
    await first.append(7)
    const fresh = createCosigningOf(first)
    expect(await fresh.cosignOnce()).toMatchObject({ kind: 'cosigned' })
  })

  it('says when a core was put back from a copy, after a restart of the box too', async () => {
    const box = await openLog('box')
    await box.append(10)
    await box.cosigning.cosignOnce()
    const copy = join(rig.folder, 'core-copy')
    const coreDir = join(rig.folder, 'core')
    await rig.restartCore(() => cpSync(coreDir, copy, { recursive: true }))
    await box.append(10)
    expect((await box.cosigning.cosignOnce()).kind).toBe('cosigned')

    await rig.restartCore(() => {
      rmSync(coreDir, { recursive: true })
      cpSync(copy, coreDir, { recursive: true })
    })
    let said = 0
    const onSetBack = async () => {
      said += 1
    }
    const fresh = createCosigningOf({ ...box, onSetBack })
    await box.append(10)
    expect(await fresh.cosignOnce()).toEqual({ kind: 'cosigned', size: box.ledger.size() })
    await box.append(10)
    expect((await fresh.cosignOnce()).kind).toBe('cosigned')
    expect(said).toBe(1)
  })

  it('counts no cosignature of another key than the pinned one', async () => {
    const box = await openLog('box')
    await box.append(10)
    await box.cosigning.cosignOnce()
    const cosigned = box.ledger.size()
    const { cosignerKey } = rig.core
    const stays = () => [decodeVerifierKey(cosignerKey)].filter((key) => key !== undefined)
    await box.store.close()
    await rig.restartCore(() => rmSync(join(rig.folder, 'core', 'cosigner.key')))
    const again = await openLog('box', () => {}, stays)
    await again.append(10)
    const outcome = await again.cosigning.cosignOnce()
    expect(outcome).toMatchObject({ kind: 'unknown-cosigner' })
    expect(again.cosigning.status().cosignedSize).toBe(0)
    expect(again.ledger.cosignedSize()).toBe(cosigned)
    await expect(again.ledger.addCosignatures(cosigned, '')).rejects.toMatchObject({
      code: 'ledger.cosignature-refused',
    })
  })

  it('tells a box that has pinned no key, or whose disk is full, from a core with another key', async () => {
    const unpinned = await openLog(
      'box',
      () => {},
      () => [],
    )
    await unpinned.append(10)
    expect(await unpinned.cosigning.cosignOnce()).toMatchObject({
      kind: 'refused',
      detail: expect.stringContaining('No key of the cloud core is pinned'),
    })
    const ledger = {
      ...unpinned.ledger,
      addCosignatures: () => Promise.reject(new GatewayError('storage.write-failed')),
    }
    expect(await createCosigningOf({ ledger }).cosignOnce()).toMatchObject({ kind: 'refused' })
  })

  it('does not cosign a ledger that was cut, and the box says so', async () => {
    const box = await openLog('box')
    await box.append(10)
    await box.store.backup(join(rig.folder, 'earlier.db'))
    await box.append(10)
    await box.cosigning.cosignOnce()

    const cut = await openLog('cut', () => {
      cpSync(join(rig.folder, 'box', 'ledger.key'), join(rig.folder, 'cut', 'ledger.key'))
      cpSync(join(rig.folder, 'earlier.db'), join(rig.folder, 'cut', 'gateway.db'))
    })
    expect(await cut.cosigning.cosignOnce()).toMatchObject({ kind: 'inconsistent' })
    expect(await headsAtCore()).toMatchObject([
      {
        gatewayId: box.ledger.gatewayId,
        size: box.ledger.size(),
        brokenReason: expect.stringContaining('cut: 21'),
      },
    ])
  })

  it('refuses a ledger whose past was written anew with its own key', async () => {
    const { cosigning, append, ledger, store } = await openLog('box')
    await append(20)
    await cosigning.cosignOnce()
    await append(20)
    const changed = createCosigningOf({
      ledger: {
        checkpoint: () => ledger.checkpoint(),
        consistency: (from, to) =>
          ledger.consistency(from, to).map((hash) => hash.map((b) => b ^ 1)),
        addCosignatures: (size, lines) => ledger.addCosignatures(size, lines),
        cosignedSize: () => ledger.cosignedSize(),
      },
      gatewayId: ledger.gatewayId,
    })
    expect((await changed.cosignOnce()).kind).toBe('inconsistent')
    const heads = await headsAtCore()
    expect(heads[0]?.brokenReason).toContain('does not extend')
    expect(store.path).toContain('box')
  })
})

function createCosigningOf(of: {
  ledger: Parameters<typeof createCosigning>[0]['ledger']
  gatewayId?: string
  onSetBack?: () => Promise<void>
}) {
  const gatewayId = of.gatewayId ?? 'gw-kill'
  const identity = loadIdentity(gatewayId, join(rig.folder, 'log.key'))
  const link = createLink({ url: rig.core.url, identity, clock: systemClock })
  closers.push(() => link.close())
  return createCosigning({
    link,
    gatewayId,
    ledger: of.ledger,
    ...(of.onSetBack ? { onSetBack: of.onSetBack } : {}),
    clock: systemClock,
    random: Math.random,
    logger: silentLogger,
  })
}

async function headsAtCore() {
  const answer = (await readAsOperator(rig.core, '/v1/checkpoints')) as {
    heads: { gatewayId: string; size: number; brokenReason: string | null }[]
  }
  return answer.heads
}

it('checks proofs that another implementation made, for every pair of sizes up to 40', () => {
  const leaves = Array.from({ length: 40 }, (_, n) =>
    createHash('sha256')
      .update(Buffer.from([0, n]))
      .digest(),
  )
  const root = (from: number, to: number) => rootOf(Buffer.concat(leaves.slice(from, to)))
  const head = (size: number) => ({ size, root: Buffer.from(root(0, size)) })
  for (let to = 1; to <= leaves.length; to += 1) {
    for (let from = 1; from < to; from += 1) {
      const proof = consistencyProof(from, to, root)
      expect(isConsistent(head(from), head(to), proof), `${from} to ${to}`).toBe(true)
      expect(isConsistent(head(from), head(to), [...proof, leaves[0] ?? Buffer.alloc(32)])).toBe(
        false,
      )
      expect(isConsistent(head(from), head(to), proof.slice(1))).toBe(false)
      const wrong = { ...head(from), root: Buffer.alloc(32) }
      expect(isConsistent(wrong, head(to), proof)).toBe(false)
    }
  }
})
