/** Publishes releases: signs them, offers each gateway what is new for it, and halts a rollout that fails. */
import { createHash, type KeyObject } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { CloudError } from '../errors.ts'
import type { Clock } from '../ports.ts'
import { makeDelta } from '../protocol/delta.ts'
import { packr } from '../protocol/parse.ts'
import {
  MAX_RELEASE_BYTES,
  NOTHING_HERE,
  type ReleaseContent,
  type ReleaseKind,
  type ReleaseManifest,
  type ReleaseOutcome,
  type ReleasesRequest,
  type SignedRelease,
  sha256Hex,
  signRelease,
  URGENT_KINDS,
} from '../protocol/release.ts'
import type { Gateway } from './gateways.ts'
import type { CoreStore } from './storage.ts'

/** Releases of one answer. */
const MAX_OFFERED = 100
/** Gateways that rolled back before a rollout halts by itself … */
const HALT_AFTER_FAILURES = 3
/** … if they are more than this share of those that reported. */
const HALT_ABOVE_SHARE = 0.1
/** Failures told of a release: they have one cause, as a rule. */
const MAX_FAILURES = 5
/** Packed contents that are kept in memory: in a rollout thousands of gateways ask for the same. */
const MAX_PACKED = 32

export interface Draft {
  readonly kind: ReleaseKind
  readonly name: string
  readonly label: string
  readonly content: Uint8Array
  readonly expiresAtMs: number
  /** Share of gateways that are offered it, 0–100; default 100. */
  readonly percent?: number
  readonly gateways?: readonly string[]
}

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

export interface ReleaseFailure {
  readonly gateway: string
  readonly outcome: Exclude<ReleaseOutcome, 'active'>
  readonly reason: string | null
  readonly atMs: number
}

export interface Releases {
  publish(draft: Draft): Promise<ReleaseManifest>
  /** Wider or narrower; lifts a halt. False: no such release. */
  setPercent(kind: string, name: string, serial: number, percent: number): Promise<boolean>
  /** Offers it to nobody else; whoever has it keeps it. False: no such release. */
  halt(kind: string, name: string, serial: number, reason: string): Promise<boolean>
  /** Notes what the gateway settled, answers what is new for it. */
  offer(gateway: Gateway, request: ReleasesRequest): Promise<readonly SignedRelease[]>
  content(kind: string, name: string, serial: number, base: number | undefined): Buffer
  reports(limit: number): readonly ReleaseReport[]
}

/** As the core keeps it. */
type Outcome = ReleaseOutcome | 'not-here'
const COUNTED_AS = {
  active: 'active',
  refused: 'refused',
  'rolled-back': 'rolledBack',
  'not-here': 'notHere',
} as const satisfies Record<Outcome, string>
const isFailure = (outcome: Outcome): boolean => outcome === 'refused' || outcome === 'rolled-back'

interface Row {
  no: number
  kind: ReleaseKind
  name: string
  serial: number
  manifest: string
  signature: string
  percent: number
  gateways: string | null
}

export function createReleases(store: CoreStore, publisherKey: KeyObject, clock: Clock): Releases {
  const sql = prepare(store)
  const packed = new Map<string, Buffer>()

  async function publish(draft: Draft): Promise<ReleaseManifest> {
    if (draft.content.length > MAX_RELEASE_BYTES) throw new CloudError('request.too-large')
    if (draft.expiresAtMs <= clock.now()) {
      const detail = new Date(Math.max(0, draft.expiresAtMs)).toISOString()
      throw new CloudError('release.expired', { detail: `expiresAtMs is ${detail}` })
    }
    return store.commit(() => {
      const last = sql.lastSerial.get(draft.kind, draft.name)?.serial ?? 0
      const manifest: ReleaseManifest = {
        v: 1,
        kind: draft.kind,
        name: draft.name,
        serial: last + 1,
        label: draft.label,
        issuedAtMs: clock.now(),
        expiresAtMs: draft.expiresAtMs,
        bytes: draft.content.length,
        sha256: sha256Hex(draft.content),
        ...(draft.gateways ? { gateways: [...draft.gateways] } : {}),
      }
      const signed = signRelease(manifest, publisherKey)
      sql.insert.run(
        draft.kind,
        draft.name,
        manifest.serial,
        draft.label,
        signed.manifest,
        signed.signature,
        draft.content,
        draft.percent ?? 100,
        draft.expiresAtMs,
        draft.gateways ? JSON.stringify(draft.gateways) : null,
      )
      return manifest
    })
  }

  async function offer(gateway: Gateway, { settled, kinds }: ReleasesRequest) {
    if (settled.length > 0) await store.commit(() => note(gateway, settled))
    const have = new Map(settled.map((one) => [`${one.kind}/${one.name}`, one.serial]))
    const newest = new Map<string, Row>()
    for (const row of sql.current.all(clock.now())) {
      if (kinds && !kinds.includes(row.kind)) continue
      const isMeant = !row.gateways || (JSON.parse(row.gateways) as string[]).includes(gateway.id)
      if (isMeant && isInRollout(gateway.id, row)) newest.set(`${row.kind}/${row.name}`, row)
    }
    return [...newest]
      .filter(([key, row]) => row.serial > (have.get(key) ?? 0))
      .sort(([, one], [, other]) => urgencyOf(other) - urgencyOf(one))
      .slice(0, MAX_OFFERED)
      .map(([, { manifest, signature }]) => ({ manifest, signature }))
  }

  function note(gateway: Gateway, settled: ReleasesRequest['settled']): void {
    for (const { kind, name, serial, reason, ...said } of settled) {
      const row = sql.find.get(kind, name, serial)
      if (!row) continue
      const outcome = said.code === NOTHING_HERE ? 'not-here' : said.outcome
      const { changes } = sql.note.run(row.no, gateway.no, outcome, reason ?? null, clock.now())
      if (changes > 0 && isFailure(outcome)) haltIfFailing(row)
    }
  }

  function haltIfFailing(row: Row): void {
    const counts = countOutcomes(row.no)
    const failed = counts.refused + counts.rolledBack
    const share = failed / (failed + counts.active)
    if (failed < HALT_AFTER_FAILURES || share <= HALT_ABOVE_SHARE) return
    sql.halt.run(`${failed} gateways could not use it`, row.no)
  }

  function countOutcomes(no: number) {
    const counts = { active: 0, refused: 0, rolledBack: 0, notHere: 0 }
    for (const { outcome, count } of sql.outcomes.all(no)) {
      counts[COUNTED_AS[outcome]] = count
    }
    return counts
  }

  function content(kind: string, name: string, serial: number, base: number | undefined): Buffer {
    const key = `${kind}/${name}/${serial}/${base ?? ''}`
    const known = packed.get(key)
    if (known) return known
    const target = sql.content.get(kind, name, serial)?.content
    if (!target) throw new CloudError('request.not-found')
    const old = base === undefined ? undefined : sql.content.get(kind, name, base)?.content
    const made = packr.encode(smallest(target, base, old))
    const oldest = packed.size >= MAX_PACKED ? packed.keys().next().value : undefined
    if (oldest !== undefined) packed.delete(oldest)
    packed.set(key, made)
    return made
  }

  return {
    publish,
    offer,
    content,
    async setPercent(kind, name, serial, percent) {
      const { changes } = await store.commit(() => sql.percent.run(percent, kind, name, serial))
      return changes > 0
    },
    halt: (kind, name, serial, reason) =>
      store.commit(() => {
        const row = sql.find.get(kind, name, serial)
        if (row) sql.halt.run(reason, row.no)
        return row !== undefined
      }),
    reports: (limit) =>
      sql.reports.all(limit).map(({ no, ...row }) => ({
        ...row,
        ...countOutcomes(no),
        failures: sql.failures.all(no, MAX_FAILURES),
      })),
  }
}

const urgencyOf = ({ kind }: Row): number => (URGENT_KINDS.has(kind) ? 1 : 0)

function smallest(
  target: Uint8Array,
  base: number | undefined,
  old: Uint8Array | undefined,
): ReleaseContent {
  const full = gzipSync(target)
  if (base === undefined || !old) return { form: 'full', gzip: full }
  const delta = gzipSync(makeDelta(old, target))
  return delta.length < full.length
    ? { form: 'delta', base, gzip: delta }
    : { form: 'full', gzip: full }
}

/** The same gateways stay in as the share grows; another release meets other ones first. */
export function isInRollout(
  gatewayId: string,
  release: Pick<Row, 'kind' | 'name' | 'serial' | 'percent'>,
): boolean {
  const { kind, name, serial, percent } = release
  const hash = createHash('sha256').update(`${kind}/${name}/${serial}/${gatewayId}`).digest()
  return (hash.readUInt32BE(0) / 2 ** 32) * 100 < percent
}

function prepare(store: CoreStore) {
  return {
    lastSerial: store.prepare<{ serial: number | null }>(
      'SELECT max(serial) AS serial FROM release WHERE kind = ? AND name = ?',
    ),
    insert: store.prepare(
      `INSERT INTO release (kind, name, serial, label, manifest, signature, content, percent,
         expires_at, gateways) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ),
    find: store.prepare<Row>(
      `SELECT no, kind, name, serial, percent FROM release
       WHERE kind = ? AND name = ? AND serial = ?`,
    ),
    /** In order, so that a gateway outside the newest rollout still finds the one before. */
    current: store.prepare<Row>(
      `SELECT no, kind, name, serial, manifest, signature, percent, gateways FROM release
       WHERE expires_at > ? AND halted_reason IS NULL ORDER BY no`,
    ),
    content: store.prepare<{ content: Uint8Array }>(
      'SELECT content FROM release WHERE kind = ? AND name = ? AND serial = ?',
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
         expires_at AS expiresAtMs FROM release ORDER BY no DESC LIMIT ?`,
    ),
    failures: store.prepare<ReleaseFailure>(
      `SELECT gateway.id AS gateway, outcome, reason, at AS atMs FROM release_outcome
       JOIN gateway ON gateway.no = release_outcome.gateway_no
       WHERE release_no = ? AND outcome IN ('refused', 'rolled-back') ORDER BY at DESC LIMIT ?`,
    ),
  }
}
