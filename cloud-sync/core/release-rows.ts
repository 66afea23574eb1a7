/** Releases as they lie in the core's database, and what is told of them. */
import type { ReleaseKind, ReleaseOutcome, SignedRelease } from '../protocol/release.ts'
import type { CoreStore } from './storage.ts'

export interface ReleaseReport {
  readonly kind: ReleaseKind
  readonly name: string
  readonly serial: number
  readonly label: string
  readonly percent: number
  readonly haltedReason: string | null
  readonly active: number
  readonly refused: number
  readonly rolledBack: number
  /** Gateways without anything that it concerns; they say nothing of whether it is sound. */
  readonly notHere: number
  readonly expiresAtMs: number
  /** The last gateways that could not use it, and why. */
  readonly failures: readonly ReleaseFailure[]
}

/** What names one release. */
export type ReleaseId = Pick<ReleaseReport, 'kind' | 'name' | 'serial'>

/** As people write it, and as the cursor of a list. */
export const pathOf = ({ kind, name, serial }: ReleaseId): string => `${kind}/${name}/${serial}`

/** Which releases a list holds; what is absent chooses nothing. */
export interface ReleaseSelection {
  readonly kind?: string | undefined
  readonly name?: string | undefined
  /** Only those that were published before this one: `KIND/NAME/SERIAL`. */
  readonly after?: string | undefined
}

export interface ReleaseFailure {
  readonly gateway: string
  readonly outcome: Exclude<ReleaseOutcome, 'active'>
  readonly reason: string | null
  readonly atMs: number
}

/** As the core keeps it. */
export type Outcome = ReleaseOutcome | 'not-here'
export const COUNTED_AS = {
  active: 'active',
  refused: 'refused',
  'rolled-back': 'rolledBack',
  'not-here': 'notHere',
} as const satisfies Record<Outcome, string>
export const isFailure = (outcome: Outcome): boolean =>
  outcome === 'refused' || outcome === 'rolled-back'

export interface ReleaseRow {
  no: number
  kind: ReleaseKind
  name: string
  serial: number
  percent: number
  /** Gateways are named; else 0. */
  isForSome: number
}

const SELECTED = 'kind = coalesce(?, kind) AND name = coalesce(?, name)'

/** Statements of `releases.ts`. */
export function prepareReleases(store: CoreStore) {
  return {
    lastSerial: store.prepare<{ serial: number | null }>(
      'SELECT max(serial) AS serial FROM release WHERE kind = ? AND name = ?',
    ),
    insert: store.prepare(
      `INSERT INTO release (kind, name, serial, label, percent, expires_at, is_for_some)
       VALUES (?, ?, ?, ?, ?, ?, ?)`,
    ),
    insertContent: store.prepare(
      `INSERT INTO release_content (release_no, manifest, signature, gateways, content)
       VALUES (?, ?, ?, ?, ?)`,
    ),
    signed: store.prepare<SignedRelease>(
      'SELECT manifest, signature FROM release_content WHERE release_no = ?',
    ),
    over: store.prepare<{ no: number }>(
      'SELECT no FROM release WHERE expires_at < ? AND is_dropped = 0 LIMIT ?',
    ),
    dropContent: store.prepare('UPDATE release_content SET content = NULL WHERE release_no = ?'),
    markDropped: store.prepare('UPDATE release SET is_dropped = 1 WHERE no = ?'),
    find: store.prepare<ReleaseRow>(
      `SELECT no, kind, name, serial, percent, is_for_some AS isForSome FROM release
       WHERE kind = ? AND name = ? AND serial = ?`,
    ),
    /**
     * In order, so that a gateway outside the newest rollout still finds the one before. The plus has SQLite
     * take the index by term and sort the few, not go through all that were ever published.
     */
    current: store.prepare<ReleaseRow>(
      `SELECT no, kind, name, serial, percent, is_for_some AS isForSome FROM release
       WHERE expires_at > ? AND halted_reason IS NULL ORDER BY +no`,
    ),
    /** What this gateway has settled of a name after this serial. */
    later: store.prepare<{ serial: number }>(
      `SELECT serial FROM release_outcome JOIN release ON release.no = release_no
       WHERE gateway_no = ? AND kind = ? AND name = ? AND serial > ? LIMIT 1`,
    ),
    percent: store.prepare(
      `UPDATE release SET percent = ?, halted_reason = NULL
       WHERE kind = ? AND name = ? AND serial = ?`,
    ),
    halt: store.prepare('UPDATE release SET halted_reason = ? WHERE no = ?'),
    note: store.prepare(
      `INSERT INTO release_outcome (release_no, gateway_no, outcome, reason, at)
       VALUES (?, ?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET outcome = excluded.outcome, reason = excluded.reason,
         at = excluded.at WHERE outcome <> excluded.outcome`,
    ),
    outcomes: store.prepare<{ outcome: Outcome; count: number }>(
      `SELECT outcome, count(*) AS count FROM release_outcome WHERE release_no = ?
       GROUP BY outcome`,
    ),
    reports: store.prepare<
      Omit<ReleaseReport, (typeof COUNTED_AS)[Outcome] | 'failures'> & { no: number }
    >(
      `SELECT no, kind, name, serial, label, percent, halted_reason AS haltedReason,
         expires_at AS expiresAtMs FROM release WHERE ${SELECTED} AND no < ? ORDER BY no DESC LIMIT ?`,
    ),
    count: store.prepare<{ count: number }>(
      `SELECT count(*) AS count FROM release WHERE ${SELECTED}`,
    ),
    failures: store.prepare<ReleaseFailure>(
      `SELECT gateway.id AS gateway, outcome, reason, at AS atMs FROM release_outcome
       JOIN gateway ON gateway.no = release_outcome.gateway_no
       WHERE release_no = ? AND outcome IN ('refused', 'rolled-back') ORDER BY at DESC LIMIT ?`,
    ),
  }
}
