/**
 * The newest tree head of each log that the core has witnessed, and what is wrong with one: it was cut or
 * changed (broken), other entries came under its numbers (forked), or a later epoch goes on without what had
 * been cosigned before it (lost).
 */
import type { Clock } from '../ports.ts'
import type { Checkpoint } from '../protocol/checkpoint.ts'
import type { EntryHead } from '../protocol/entry.ts'
import { createLogForks, type ShownFork } from './log-forks.ts'
import { judgeLoss, type Lost, type LostRow } from './lost-entries.ts'
import type { CoreStore } from './storage.ts'

export interface KnownHead {
  readonly origin: string
  readonly size: number
  readonly root: Uint8Array
  /** Text of the checkpoint that it stood in. */
  readonly note: string
}

export interface LogHead {
  readonly gatewayId: string
  readonly origin: string
  readonly size: number
  /** Hexadecimal. */
  readonly root: string
  readonly atMs: number
  /** Somebody showed a head that does not extend this one. */
  readonly brokenReason: string | null
  /** What had been cosigned before in another epoch, and is not in this log. */
  readonly lost: Lost | null
  /** The word of an operator who has looked into either. */
  readonly acceptedReason: string | null
  /** Two histories gave the same numbers to other entries. */
  readonly forkedReason: string | null
  readonly forkAcceptedReason: string | null
}

/** A log that lacks something. */
export interface Lacking {
  readonly origin: string
  readonly lost: Lost
}

export interface LogHeads {
  find(gatewayNo: number, origin: string): KnownHead | undefined
  /** Of all epochs of the gateway the head that came last. */
  newest(gatewayNo: number): KnownHead | undefined
  /** What the record lacks without its own word or an operator's; where there is silence, not what waits for a word. */
  unexplained(gatewayNo: number): Lacking | undefined
  /** By gateway and origin; only those that come after `GATEWAY/ORIGIN`. */
  all(limit: number, after?: string): readonly LogHead[]
  count(): number
  /** Broken, forked, or with something lost; those that an operator accepted too, after the others. */
  troubled(limit: number): readonly LogHead[]
  countTroubled(): number
  /** These write, inside `store.commit`. */
  save(gatewayNo: number, head: Checkpoint, note: string): void
  /** `isBack`: the epoch of this log had begun before the one that it lacks. */
  markLost(gatewayNo: number, origin: string, lost: KnownHead, isBack: boolean): void
  /** `size`: of the head that shows it. */
  markBroken(gatewayNo: number, origin: string, size: number, reason: string): void
  /** Where a head of this epoch was cosigned. */
  markForked(gatewayNo: number, epoch: string, shown: ShownFork): void
  /** Why an epoch was opened, where this is the entry that says so. */
  noteOpening(gatewayNo: number, leafIndex: number, head: EntryHead): void
  /** How many heads of the gateway had something wrong that nobody had accepted yet. */
  accept(gatewayNo: number, reason: string): number
}

interface ReportRow extends LostRow, Omit<LogHead, 'lost'> {}

const REPORT = `SELECT gateway.id AS gatewayId, origin, log_head.size, hex(log_head.root) AS root,
    at AS atMs, broken_reason AS brokenReason, accepted_reason AS acceptedReason,
    forked_reason AS forkedReason, fork_accepted_reason AS forkAcceptedReason,
    lost_origin AS lostOrigin, lost_size AS lostSize, lost_root AS lostRoot, lost_at AS lostAtMs, is_back AS isBack,
    first_index AS firstIndex, reason, answers_for AS answersFor
  FROM log_head JOIN gateway ON gateway.no = log_head.gateway_no
    LEFT JOIN epoch_opened ON epoch_opened.gateway_no = log_head.gateway_no
      AND substr(origin, -length(epoch) - 1) = '/' || epoch`
const IS_HEAD_WRONG = '(broken_reason IS NOT NULL OR lost_size IS NOT NULL)'
/** Of a row of `log_head`; its partial index goes by these words. */
const IS_TROUBLE =
  '(broken_reason IS NOT NULL OR lost_size IS NOT NULL OR forked_reason IS NOT NULL)'
/** Nobody has looked into it yet. */
export const IS_UNACCEPTED = `(${IS_TROUBLE} AND (${IS_HEAD_WRONG} AND accepted_reason IS NULL
  OR forked_reason IS NOT NULL AND fork_accepted_reason IS NULL))`

/**
 * What an operator has accepted stays accepted while the same is shown again, each minute by a log that was
 * cut and goes on; what comes after it is news.
 */
const IS_SAME_INCIDENT = `broken_reason IS NOT NULL
  AND (accepted_reason IS NULL OR shown_size >= broken_size)`

/** Where a list of heads goes on; no id of a gateway has a slash. */
export const headCursor = ({ gatewayId, origin }: LogHead): string => `${gatewayId}/${origin}`

const OPENED_KIND = 'ledger.opened'
/** The gateway found by the core's mark that its folder had been put back. */
const FORKED = 'forked'
/** Of what a gateway says; its own texts are below 120. */
const MAX_TEXT_CHARS = 300

export function createLogHeads(store: CoreStore, clock: Pick<Clock, 'now'>): LogHeads {
  const find = store.prepare<KnownHead>(
    'SELECT origin, size, root, note FROM log_head WHERE gateway_no = ? AND origin = ?',
  )
  const newest = store.prepare<KnownHead>(
    `SELECT origin, size, root, note FROM log_head WHERE gateway_no = ?
     ORDER BY turn DESC, at DESC, size DESC LIMIT 1`,
  )
  const save = store.prepare(
    `INSERT INTO log_head (gateway_no, origin, size, root, note, at, turn)
       SELECT ?, ?, ?, ?, ?, ?, coalesce(max(turn), 0) + 1 FROM log_head WHERE gateway_no = ?
     ON CONFLICT DO UPDATE SET size = excluded.size, root = excluded.root, note = excluded.note,
       at = excluded.at, turn = excluded.turn WHERE excluded.size > log_head.size`,
  )
  const markLost = store.prepare(
    `UPDATE log_head SET lost_origin = ?, lost_size = ?, lost_root = ?, lost_at = ?,
       is_back = ?, accepted_reason = NULL WHERE gateway_no = ? AND origin = ?`,
  )
  const markBroken = store.prepare(
    `UPDATE log_head SET broken_size = shown_size,
       broken_reason = iif(${IS_SAME_INCIDENT}, broken_reason, shown_reason),
       accepted_reason = iif(${IS_SAME_INCIDENT}, accepted_reason, NULL)
     FROM (SELECT ? AS shown_size, ? AS shown_reason) WHERE gateway_no = ? AND origin = ?`,
  )
  const forks = createLogForks(store)
  const goneOn = store.prepare(
    `UPDATE log_head SET broken_size = NULL
     WHERE gateway_no = ? AND origin = ? AND broken_size IS NOT NULL`,
  )
  const addOpened = store.prepare(
    `INSERT INTO epoch_opened (gateway_no, epoch, first_index, reason, answers_for)
     VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
  )
  const accept = store.prepare(
    `UPDATE log_head SET
       accepted_reason = coalesce(accepted_reason, iif(${IS_HEAD_WRONG}, word, NULL)),
       fork_accepted_reason =
         coalesce(fork_accepted_reason, iif(forked_reason IS NULL, NULL, word))
     FROM (SELECT ? AS word) WHERE gateway_no = ? AND ${IS_UNACCEPTED}`,
  )
  const all = store.prepare<ReportRow>(
    `${REPORT} WHERE (gateway.id, origin) > (?, ?) ORDER BY gateway.id, origin LIMIT ?`,
  )
  const count = store.prepare<{ count: number }>('SELECT count(*) AS count FROM log_head')
  const lacking = store.prepare<ReportRow>(
    `${REPORT} WHERE log_head.gateway_no = ? AND lost_size IS NOT NULL AND accepted_reason IS NULL
     ORDER BY turn DESC`,
  )
  const troubled = store.prepare<ReportRow>(
    `${REPORT} WHERE ${IS_TROUBLE} ORDER BY NOT ${IS_UNACCEPTED}, gateway.id, at LIMIT ?`,
  )
  const countTroubled = store.prepare<{ count: number }>(
    `SELECT count(*) AS count FROM log_head WHERE ${IS_TROUBLE}`,
  )

  function toHead(row: ReportRow): LogHead {
    const { gatewayId, origin, size, root, atMs, brokenReason, acceptedReason } = row
    const { forkedReason, forkAcceptedReason } = row
    const head = { gatewayId, origin, size, root, atMs, brokenReason, acceptedReason }
    return { ...head, lost: judgeLoss(row, clock.now()), forkedReason, forkAcceptedReason }
  }

  return {
    find: (gatewayNo, origin) => find.get(gatewayNo, origin),
    newest: (gatewayNo) => newest.get(gatewayNo),
    unexplained(gatewayNo) {
      const found = lacking.all(gatewayNo).flatMap((row) => {
        const { origin, lost } = toHead(row)
        return lost && lost.word !== 'told' ? [{ origin, lost }] : []
      })
      return found.find(({ lost }) => lost.word === 'silent') ?? found[0]
    },
    all(limit, after = '') {
      const gatewayId = after.split('/', 1)[0] ?? ''
      return all.all(gatewayId, after.slice(gatewayId.length + 1), limit).map(toHead)
    },
    count: () => count.get()?.count ?? 0,
    troubled: (limit) => troubled.all(limit).map(toHead),
    countTroubled: () => countTroubled.get()?.count ?? 0,
    save(gatewayNo, { origin, size, root }, note) {
      save.run(gatewayNo, origin, size, root, note, clock.now(), gatewayNo)
      goneOn.run(gatewayNo, origin)
    },
    markLost(gatewayNo, origin, { origin: from, size, root }, isBack) {
      const since = clock.now()
      markLost.run(from, size, root, since, isBack ? 1 : 0, gatewayNo, origin)
    },
    markBroken(gatewayNo, origin, size, reason) {
      markBroken.run(size, reason, gatewayNo, origin)
    },
    markForked: forks.show,
    noteOpening(gatewayNo, leafIndex, { kind, body }) {
      const { epoch, answersFor } = body
      if (kind !== OPENED_KIND || typeof epoch !== 'string') return
      const reason = textOf(body.reason) ?? ''
      addOpened.run(gatewayNo, epoch, leafIndex, reason, textOf(answersFor) ?? null)
      const before = newest.get(gatewayNo)
      if (reason !== FORKED || !before || before.origin.endsWith(`/${epoch}`)) return
      const found = `forked: the record goes on under epoch ${epoch}, its folder was put back`
      forks.mark(gatewayNo, before.origin, found)
    },
    accept: (gatewayNo, reason) => accept.run(reason, gatewayNo).changes,
  }
}

const textOf = (value: unknown): string | undefined =>
  typeof value === 'string' ? value.slice(0, MAX_TEXT_CHARS) : undefined
