/**
 * Data keys and legal holds, as a verification at the box checks them: each key opens what it sealed and
 * belongs to the person who is in it; a destroyed one was destroyed by an entry of the record, not under
 * legal hold, and one that the record destroyed is not back; who is held is held.
 */
import { decodeSealed, type Leaf } from './entry-codec.ts'
import type { Evidence } from './evidence.ts'
import type { KeyRow } from './evidence-keys.ts'
import type { Found } from './findings.ts'
import { OPENED_KIND } from './head.ts'
import { destroyedBy, idsIn } from './key-entries.ts'
import { open, type WrapKeys } from './key-ring.ts'
import type { Json } from './port.ts'
import { CLASS_NUMBER, isZero, periodOf, subjectName } from './subject-keys.ts'

export interface KeysReport {
  readonly live: number
  readonly destroyed: number
  /** Each live key was opened with the master key; false: the master key was not given. */
  readonly isOpened: boolean
}

/** What is known of a key so far; one byte each, so that a million keys take a megabyte. */
const UNSEEN = 0
const LIVE = 1
/** Destroyed, and used: an entry after its last use must say so. */
const UNNAMED = 2
const NAMED = 3

export function createKeyCheck(evidence: Evidence, secrets: WrapKeys | undefined, found: Found) {
  const keys = evidence.database?.keys
  const states = new Uint8Array((keys?.count ?? 0) + 1)
  const held = new Set<number>()
  let opening: Opening | undefined

  function entry(index: number, leaf: Leaf): void {
    if (!keys) return
    opening = openingOf(index, leaf, opening)
    for (const id of destroyedBy(leaf)) destroyed(index, id)
    if (leaf.kind === 'subject.held') for (const id of idsIn(leaf.body.keys)) held.add(id)
    if (leaf.kind === 'subject.released') for (const id of idsIn(leaf.body.keys)) held.delete(id)
    if (leaf.key !== undefined) used(index, leaf.key, leaf)
  }

  function used(index: number, id: number, leaf: Leaf): void {
    const state = states[id]
    if (state === UNSEEN || state === undefined) {
      const row = keys?.row(id)
      if (!row || state === undefined) found('key-changed', `data key ${id} is missing`, index)
      else if (isZero(row.wrapped)) states[id] = UNNAMED
      else {
        states[id] = LIVE
        if (secrets) checkFirstUse(index, row, leaf, secrets)
      }
    } else if (state === NAMED) states[id] = UNNAMED
  }

  function destroyed(index: number, id: number): void {
    if (states[id] === UNNAMED) states[id] = NAMED
    if (held.has(id)) {
      const detail = `data key ${id} was destroyed under legal hold${whereToLook(opening)}`
      found('key-destroyed', detail, index)
    }
    const row = keys?.row(id)
    if (row && !isZero(row.wrapped)) {
      found('key-revived', `data key ${id}, which was destroyed, is there again`, index)
    }
  }

  function checkFirstUse(index: number, row: KeyRow, leaf: Leaf, secrets: WrapKeys): void {
    const key = secrets.unwrap(row.wrapped)
    const plain = key && leaf.sealed && open(key, leaf.sealed)
    key?.fill(0)
    if (!plain) {
      found('key-changed', `data key ${row.id} does not open what it sealed`, index)
      return
    }
    const subject = decodeSealed(plain)?.subject
    const isOwn = secrets.tag(subject ? subjectName(subject) : 'box').equals(row.tag)
    if (!isOwn) found('key-changed', `data key ${row.id} is filed under another person`, index)
    // What was written in doubt gets its period later.
    const period = leaf.doubt ? row.period : periodOf(subject, leaf.at)
    if (row.class !== CLASS_NUMBER[leaf.cls ?? 'C2'] || row.period !== period) {
      found('key-changed', `data key ${row.id} is filed under another class or time`, index)
    }
  }

  function checkRow(row: KeyRow): void {
    const { id, wrapped, tag } = row
    if (isZero(wrapped)) {
      if (states[id] === UNNAMED) {
        found('key-destroyed', `no entry of the record says that data key ${id} was destroyed`)
      }
      if (tag.some((byte) => byte !== 0)) {
        found('key-changed', `data key ${id} is destroyed and still filed under a person`)
      }
      return
    }
    const isUnopened = states[id] === UNSEEN && secrets && !secrets.unwrap(wrapped)
    if (isUnopened) found('key-changed', `data key ${id} cannot be opened`)
    if (held.has(id) && !keys?.isHeld(tag)) {
      found('hold-missing', `data key ${id} is under legal hold, and the hold is not there`)
    }
  }

  return {
    entry,
    finish(): KeysReport | undefined {
      if (!keys) return undefined
      let live = 0
      let destroyed = 0
      for (const row of keys.rows()) {
        checkRow(row)
        if (isZero(row.wrapped)) destroyed += 1
        else live += 1
      }
      // Numbers are given out without a gap, and no row ever goes.
      if (keys.highest !== keys.count) {
        found('key-changed', `${keys.count} data keys, the highest number is ${keys.highest}`)
      }
      return { live, destroyed, isOpened: secrets !== undefined }
    },
  }
}

/** The newest entry of those that open an epoch over an older copy, with erasures that are done again. */
interface Opening {
  readonly index: number
  readonly reason: Json | undefined
  /** The epoch whose end the copy lacks. */
  readonly lost: string
}

function openingOf(index: number, { kind, body }: Leaf, before?: Opening): Opening | undefined {
  const { answersFor, reason } = body
  if (kind === OPENED_KIND && typeof answersFor === 'string') {
    return { index, reason, lost: answersFor.split(' ', 1)[0] ?? '' }
  }
  const goesOn = before && before.index === index - 1 && before.reason === reason
  return goesOn && kind === 'subject.erased' ? { ...before, index } : undefined
}

/** Builds that took no heed of holds did so: only what the copy lacks can tell whether they were right. */
const whereToLook = (opening: Opening | undefined): string =>
  opening
    ? ` when an older copy was put back: where the cloud core has a subject.released for it in the end of epoch ${opening.lost}, the hold was over`
    : ''
