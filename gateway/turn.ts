/** The values that travel between the stages of a turn. */
import type {
  AnswerSource,
  AnswerStatus,
  Ask,
  Priority,
  Subject,
} from '@kefu-edge/device-sdk/protocol/schemas'
import type { Language } from './knowledge/pack-schema.ts'

export type Channel = 'mqtt' | 'websocket' | 'http' | 'console'

/** A device that has shown who it is. */
export interface Device {
  readonly id: string
  /** kiosk, speaker, bedside, staff … : permissions and voice profile go by it. */
  readonly kind: string
  readonly groups: readonly string[]
  /** How often its name or its secret was given anew; absent: never. */
  readonly generation?: number
}

/**
 * Under what its messages are told apart from those that come again: a new box under an old name begins its ids
 * anew, and must get neither the answers of the one before nor have its alarms taken for that one's.
 */
export const knownAs = ({ id, generation }: Pick<Device, 'id' | 'generation'>): string =>
  generation === undefined ? id : `${id}~${generation}`

/** One ask on its way in, already parsed against the schema. */
export interface IncomingAsk {
  readonly ask: Ask
  readonly device: Device
  readonly channel: Channel
  readonly receivedAtMs: number
}

/** One thing the recogniser may have heard. `confidence` 0–1 is the recogniser's own. */
export interface Hypothesis {
  readonly text: string
  readonly confidence: number
}

export type SlotValue = string | number | boolean | null

/** Where an answer comes from: cited in every answer. */
export interface KnowledgeRef {
  readonly pack: string
  readonly version: string
  readonly intent: string
}

export interface Slot {
  readonly name: string
  /** Normal form: list value, ISO date, number … */
  readonly value: SlotValue
  /** The words it was read from. */
  readonly text: string
  readonly entity: string
}

export interface Candidate {
  readonly ref: KnowledgeRef
  /** Calibrated: 0.9 is right nine times in ten. */
  readonly confidence: number
}

/** What the language stage made of the words. */
export type Understanding = {
  readonly lang: Language
  /** The words after normalisation. */
  readonly normal: string
  readonly slots: readonly Slot[]
  /** Values of one slot that the words name without saying which is meant (儿科和骨科); the slot is open. */
  readonly undecided?: readonly Slot[]
  /** Best first, at most five. */
  readonly candidates: readonly Candidate[]
} & (
  | {
      readonly kind: 'intent'
      readonly best: Candidate
      readonly method: UnderstandingMethod
      /** A command that its speaker does not want: 别叫护士. */
      readonly isDenied?: true
    }
  | { readonly kind: 'ambiguous'; readonly between: readonly [Candidate, Candidate] }
  | { readonly kind: 'not-known'; readonly reason: NotKnownReason }
)
export type UnderstandingMethod = 'template' | 'exact' | 'classifier' | 'retrieval'
export type NotKnownReason = 'low-confidence' | 'out-of-scope' | 'empty' | 'no-knowledge'

/** A dialogue with one subject, over channels and devices. */
export interface Session {
  readonly id: string
  readonly subject?: Subject
  readonly lang?: Language
  /** Number of turns recorded so far. */
  readonly turns: number
  /** What the box asked last and is waiting for. */
  readonly pending?: PendingQuestion
  /** The last thing said, for "say it again". */
  readonly lastAnswer?: { readonly text: string; readonly speech: string; readonly lang: Language }
  /** What was answered last, the newest first: later words may refer to it ("and its phone?"). */
  readonly recent?: readonly RecentAnswer[]
  /** Spoken more slowly and louder, because it was asked for. */
  readonly voice?: { readonly rate?: number; readonly volume?: number }
  readonly updatedAtMs: number
}
/** An answer of a pack, and the values that it was given for. */
export interface RecentAnswer {
  readonly ref: KnowledgeRef
  readonly slots: Readonly<Record<string, SlotValue>>
  /** Number of the turn in its session. */
  readonly turn: number
  readonly atMs: number
}
export type PendingQuestion =
  | {
      readonly kind: 'slot'
      readonly ref: KnowledgeRef
      /** Of the intent when it was asked for. Absent in sessions that an older version kept. */
      readonly confidence?: number
      readonly slot: string
      readonly entity: string
      readonly slots: Readonly<Record<string, SlotValue>>
      /** Values that were named together and asked back for, in the order they were said. */
      readonly between?: readonly Slot[]
      readonly tries: number
    }
  | {
      readonly kind: 'choice'
      /** In the order they were said; empty once neither was meant. */
      readonly between: readonly KnowledgeRef[]
      /** How often it was asked. Absent in sessions that an older version kept. */
      readonly tries?: number
    }

export interface Turn extends IncomingAsk {
  readonly session: Session
  readonly lang?: Language
  readonly hypotheses: readonly Hypothesis[]
}

/** What a skill decided to say. Plain words; `voice` makes speech of it. */
export interface Reply {
  readonly status: AnswerStatus
  readonly lang: Language
  readonly text: string
  /** As spoken, where it differs from the text. */
  readonly speech?: string
  readonly priority?: Priority
  readonly source: AnswerSource
  readonly ref?: KnowledgeRef
  readonly confidence?: number
  readonly slots?: Readonly<Record<string, SlotValue>>
  readonly suggestions?: readonly string[]
  /** What the session remembers from here on. */
  readonly session?: Partial<Pick<Session, 'pending' | 'recent' | 'voice'>> & {
    /** Absent: an answer ends what the box has asked, a question back does not. */
    readonly clearPending?: boolean
    /** What was said is not what "say it again" means. */
    readonly keepLastAnswer?: boolean
  }
  /** Staff are told, and it is recorded in the critical lane. */
  readonly alert?: StaffAlert
}

/** Why a person is needed at a device. */
export interface StaffAlert {
  readonly kind: 'call-nurse' | 'handoff' | 'emergency'
  /** What was said; for the record, where it is sealed. Staff are not told the words. */
  readonly detail: string
  /** Title of the entry that an emergency was understood as, in the language of staff. */
  readonly about?: string
}

/** What is said to staff; the same `id` for the same device is said once. */
export interface StaffMessage {
  readonly id: string
  readonly devices: readonly string[]
  readonly text: string
  readonly priority: Priority
  readonly subject?: Subject | undefined
}

/** What a call came to, said where it came from. */
export interface CallReply {
  readonly id: string
  readonly device: Device
  readonly text: string
  readonly lang: Language
  readonly subject?: Subject | undefined
}
