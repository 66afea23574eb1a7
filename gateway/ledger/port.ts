/**
 * The ledger as the house sees it: one append-only record, audit and outbox in one.
 *
 * `append` is called inside `store.commit`, in the same transaction as the state it speaks of.
 */
import type { LedgerSource as CloudLedgerSource } from '@kefu-edge/cloud-sync/ports'
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

/** By which a message that comes again is known. */
export interface AskKey {
  readonly deviceId: string
  readonly askId: string
}

export interface LedgerDraft {
  readonly lane: Lane
  /** What happened: `turn`, `device.added`, `pack.installed`, `speech.played` … */
  readonly kind: string
  readonly atMs: number
  readonly deviceId?: string
  /** Of whom the entry tells; his key seals his id and `personal`. Absent: the key of the box. */
  readonly subject?: Subject
  /** Kept in clear: codes, names of intents, counts; never what a person said. */
  readonly body: { readonly [key: string]: Json | undefined }
  /** Encrypted: words, answers, slots, anything that tells of a person. */
  readonly personal?: { readonly [key: string]: Json | undefined }
  /** Idempotency key of a turn: found again by `seen`. */
  readonly askKey?: AskKey
  /** How sensitive `personal` is; C2 unless said. Its retention goes by this. */
  readonly dataClass?: DataClass
}

/** JR/T 0171-2020: C1 internal, C2 identifies a person or his affairs, C3 authenticates him. */
export type DataClass = 'C1' | 'C2' | 'C3'

/** What the cloud core may read of the sealed part on the way up: nothing, masked, or all of it. */
export type Disclosure = 'none' | 'masked' | 'full'

/** The clock was not known to be right when the entry was written; a later `clock.restamped` entry tells the offset. */
export interface TimeDoubt {
  /** Which start of the box; offsets are per start. */
  readonly boot: string
  /** Monotonic milliseconds since that start. */
  readonly monotonicMs: number
}

export interface LedgerPosition {
  /** Leaf index in the Merkle tree, from 0. */
  readonly index: number
  /** Sequence within the lane, from 1. */
  readonly sequence: number
}

/** One entry read back, decrypted; `personal` is absent once the person's key was destroyed. */
export interface LedgerEntry extends LedgerDraft, LedgerPosition {
  /** Data key that seals `personal`; a pseudonym, meaningless without the key table. */
  readonly keyId?: number
  readonly timeDoubt?: TimeDoubt
}

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
  /** O(1), from counters that a restart derives again; `balanceFromDatabase` counts the rows instead. */
  balance(): readonly LaneBalance[]
}

/** What the cloud pusher is given: its own port, with the lanes of this ledger, and nothing left out. */
export type LedgerSource = Required<CloudLedgerSource<Lane>>

/** Tree heads for the cloud core to cosign. */
export interface LedgerWitnessing {
  /** C2SP vkey of this ledger, for whoever checks or cosigns its checkpoints. */
  readonly verifierKey: string
  /** Signs the present tree head (the stored one when nothing was added). Resolves once it is on disk. */
  checkpoint(): Promise<SignedCheckpoint>
  /** The newest checkpoint on disk. */
  latestCheckpoint(): SignedCheckpoint | undefined
  /** RFC 6962 consistency proof between two tree sizes, each hash 32 bytes. */
  consistency(fromSize: number, toSize: number): readonly Uint8Array[]
  /**
   * Keeps the cosignature lines that the core made for the checkpoint of this size. Refused with
   * `ledger.cosignature-refused` unless one is of a cosigner that is pinned here, or if one of his does not verify.
   */
  addCosignatures(size: number, lines: string): Promise<void>
  /** Size of the newest checkpoint of the present epoch that a pinned cosigner has signed; 0 where none. */
  cosignedSize(): number
}

export interface SignedCheckpoint {
  readonly size: number
  readonly root: Uint8Array
  readonly atMs: number
  /** C2SP tlog-checkpoint, with cosignatures as they come in. */
  readonly note: string
}
