/**
 * The ledger as the house sees it: one append-only record, audit and outbox in one.
 *
 * `append` is called inside `store.commit`, in the same transaction as the state it speaks of.
 */
import type { Subject } from '@kefu-edge/device-sdk/protocol/schemas'

/** Priority classes on the way up; each has its own limit and its own rule when full. */
export const LANES = ['critical', 'session', 'audit', 'telemetry'] as const
export type Lane = (typeof LANES)[number]

export type Json =
  | string
  | number
  | boolean
  | null
  | readonly Json[]
  | { readonly [key: string]: Json | undefined }

export interface LedgerDraft {
  readonly lane: Lane
  /** What happened: `turn`, `device.added`, `pack.installed`, `speech.played` … */
  readonly kind: string
  readonly atMs: number
  readonly deviceId?: string
  /** Whose personal data `personal` is; its key encrypts it. Absent: the key of the box. */
  readonly subject?: Subject
  /** Kept in clear: codes, names of intents, counts; never what a person said. */
  readonly body: { readonly [key: string]: Json | undefined }
  /** Encrypted: words, answers, slots, anything that tells of a person. */
  readonly personal?: { readonly [key: string]: Json | undefined }
  /** Idempotency key of a turn: found again by `seen`. */
  readonly askKey?: { readonly deviceId: string; readonly askId: string }
}

export interface LedgerPosition {
  /** Leaf index in the Merkle tree, from 0. */
  readonly index: number
  /** Sequence within the lane, from 1. */
  readonly sequence: number
}

/** One entry read back, decrypted; `personal` is absent once the person's key was destroyed. */
export interface LedgerEntry extends LedgerDraft, LedgerPosition {}

/** accepted = delivered + pending + expired + quarantined, at every moment. */
export interface LaneBalance {
  readonly lane: Lane
  readonly accepted: number
  readonly delivered: number
  readonly pending: number
  readonly expired: number
  readonly quarantined: number
}

export interface Ledger {
  /** Appends one entry; only inside `store.commit`. Throws `ledger.lane-full` when the lane refuses. */
  append(draft: LedgerDraft): LedgerPosition
  /** The entry of a turn that was recorded for this device and ask id, if there is one. */
  seen(deviceId: string, askId: string): LedgerEntry | undefined
  balance(): readonly LaneBalance[]
}
