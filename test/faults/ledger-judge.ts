/** What a round of faults needs of the ledger: work to lose, and a look at what is left of it. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { databaseEvidence } from '../../gateway/ledger/evidence.ts'
import { balanceFromDatabase, unbalanced } from '../../gateway/ledger/lanes.ts'
import type { FullLedger } from '../../gateway/ledger/ledger.ts'
import { decodeVerifierKey } from '../../gateway/ledger/tlog/note.ts'
import { verifyLedger } from '../../gateway/ledger/verify.ts'
import { openStore, type Store } from '../../gateway/storage/store.ts'
import { openTestLedger } from './cloud-ledger.ts'

export interface RoundResult {
  readonly fault: string
  readonly acknowledged: number
  readonly lost: number
  /** Rounds after which the books did not close or the record was not whole. */
  readonly unbalanced: number
  readonly notWhole: number
  readonly bitFlips: number
  readonly bitFlipsFound: number
  /** Entries that retention removed meanwhile. */
  readonly removed?: number
}

export async function inFolder<T>(work: (dir: string) => Promise<T>): Promise<T> {
  const dir = mkdtempSync(join(tmpdir(), 'kefu-fault-'))
  try {
    return await work(dir)
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

/** Returns how many of the group were refused. */
export async function appendGroup(
  store: Store,
  ledger: FullLedger,
  n: number,
  acknowledged: Map<number, string>,
): Promise<number> {
  const results = await Promise.allSettled(
    Array.from({ length: 4 }, (_, i) => {
      const askId = `${n}-${i}`
      return store
        .commit(() =>
          ledger.append({
            lane: i === 0 ? 'critical' : 'session',
            kind: 'test',
            atMs: n,
            body: { n, i },
            personal: { heard: `question ${askId}`.repeat(4) },
            askKey: { deviceId: 'd', askId },
          }),
        )
        .then(({ index }) => void acknowledged.set(index, `d ${askId}`))
    }),
  )
  return results.filter((one) => one.status === 'rejected').length
}

/** Acknowledged entries that are not where they were said to be, or that their ask does not find. */
export function lostOf(acknowledged: ReadonlyMap<number, string>, ledger: FullLedger): number {
  let lost = 0
  for (const [index, ask] of acknowledged) {
    const [deviceId = '', askId = ''] = ask.split(' ')
    const entry = ledger.entryAt(index)
    const isThere = entry?.askKey?.askId === askId && entry.personal !== undefined
    if (!isThere || ledger.seen(deviceId, askId)?.index !== index) lost += 1
  }
  return lost
}

/** Opens the box again as after a fault, goes on working, and looks at everything. */
export async function judge(
  fault: string,
  dir: string,
  lostIn: (ledger: FullLedger) => number,
  acknowledged: number,
): Promise<RoundResult> {
  const { store, ledger } = openTestLedger(dir)
  const lost = lostIn(ledger)
  await store.commit(() => ledger.append({ lane: 'audit', kind: 'after', atMs: 0, body: {} }))
  await ledger.checkpoint()
  const fromRows = balanceFromDatabase(store)
  const isSame = JSON.stringify(fromRows) === JSON.stringify(ledger.balance())
  const report = verifyLedger(databaseEvidence(store), {
    logKey: decodeVerifierKey(ledger.verifierKey),
    cosigners: [],
  })
  await store.close()
  return {
    fault,
    acknowledged,
    lost,
    unbalanced: unbalanced(fromRows).length + (isSame ? 0 : 1),
    notWhole: report.isWhole ? 0 : 1,
    bitFlips: 0,
    bitFlipsFound: 0,
  }
}

export async function isWhole(path: string, key: string): Promise<boolean> {
  let store: Store | undefined
  try {
    store = openStore({ path, readonly: true })
    return verifyLedger(databaseEvidence(store), { logKey: decodeVerifierKey(key), cosigners: [] })
      .isWhole
  } catch {
    // A file that does not open any more is a flip that was found.
    return false
  } finally {
    await store?.close()
  }
}
