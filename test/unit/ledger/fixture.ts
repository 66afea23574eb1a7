/** A real ledger over a real file in a folder of its own, with made-up keys and a clock that is set. */
import { createHash, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createKeyRing, type FillRandom, type KeyRing } from '../../../gateway/ledger/key-ring.ts'
import {
  createLedger,
  type FullLedger,
  type LedgerOptions,
} from '../../../gateway/ledger/ledger.ts'
import type { LedgerDraft } from '../../../gateway/ledger/port.ts'
import { openStore, type Store } from '../../../gateway/storage/store.ts'

export const NOON_MS = Date.parse('2026-11-22T12:00:00+08:00')

/** The same bytes for the same seed: SHA-256 in counter mode. */
export function seededRandom(seed: string): FillRandom {
  let counter = 0
  return (bytes) => {
    for (let at = 0; at < bytes.length; at += 32) {
      const block = createHash('sha256').update(`${seed} ${counter++}`).digest()
      bytes.set(block.subarray(0, Math.min(32, bytes.length - at)), at)
    }
  }
}

export const newSigningKey = (): KeyObject => generateKeyPairSync('ed25519').privateKey

export interface Fixture {
  readonly dir: string
  readonly path: string
  readonly keys: KeyRing
  readonly clock: { nowMs: number; now(): number; monotonic(): number }
  store: Store
  ledger: FullLedger
  /** Closes and opens again, as a restart does; with other options where some are given. */
  reopen(changed?: Partial<LedgerOptions>): Promise<void>
  append(draft?: Partial<LedgerDraft>): Promise<number>
  close(): Promise<void>
}

export function openFixture(options: Partial<LedgerOptions> = {}): Fixture {
  const dir = mkdtempSync(join(tmpdir(), 'kefu-ledger-'))
  const path = join(dir, 'kefu.db')
  const keys = createKeyRing({
    masterKey: new Uint8Array(32).fill(7),
    signingKey: newSigningKey(),
    random: seededRandom('keys'),
  })
  const clock = {
    nowMs: NOON_MS,
    now: () => clock.nowMs,
    monotonic: () => clock.nowMs - NOON_MS,
  }
  const open = (store: Store, changed: Partial<LedgerOptions> = {}) =>
    createLedger({
      store,
      clock,
      keys,
      random: seededRandom(`${Math.random()}`),
      gatewayId: 'box-1',
      ...options,
      ...changed,
    })
  const store = openStore({ path, synchronous: 'OFF' })
  const fixture: Fixture = {
    dir,
    path,
    keys,
    clock,
    store,
    ledger: open(store),
    reopen: async (changed) => {
      await fixture.store.close()
      fixture.store = openStore({ path, synchronous: 'OFF' })
      fixture.ledger = open(fixture.store, changed)
    },
    append: async (draft = {}) =>
      (await fixture.store.commit(() => fixture.ledger.append(turn(draft)))).index,
    close: async () => {
      await fixture.store.close()
      rmSync(dir, { recursive: true, force: true })
    },
  }
  return fixture
}

export function turn(draft: Partial<LedgerDraft> = {}): LedgerDraft {
  return {
    lane: 'session',
    kind: 'turn',
    atMs: NOON_MS,
    deviceId: 'kiosk-01',
    body: { intent: 'opening-hours', confidence: 0.93 },
    personal: { heard: ['内科几点开门'], answer: '内科门诊上午八点开门' },
    ...draft,
  }
}

/** Turns of one device, every seventh in the audit lane. */
export async function fillWithTurns({ store, ledger }: Fixture, count: number): Promise<void> {
  await store.commit(() => {
    for (let i = 0; i < count; i++) {
      const lane = i % 7 === 0 ? 'audit' : 'session'
      ledger.append(turn({ lane, askKey: { deviceId: 'kiosk-01', askId: `a${i}` } }))
    }
  })
}
