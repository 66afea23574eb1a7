/** Publishes releases: signs them, offers each gateway what is new for it, and halts a rollout that fails. */
import type { KeyObject } from 'node:crypto'
import { CloudError } from '../errors.ts'
import { type Clock, type Logger, silentLogger } from '../ports.ts'
import {
  isSameContent,
  MAX_RELEASE_BYTES,
  NOTHING_HERE,
  type ReleaseKind,
  type ReleaseManifest,
  type ReleasesRequest,
  type SignedRelease,
  sha256Hex,
  signRelease,
  URGENT_KINDS,
} from '../protocol/release.ts'
import { DAY_MS } from './days.ts'
import type { Gateway } from './gateways.ts'
import { createAudience } from './release-audience.ts'
import { createContents } from './release-contents.ts'
import {
  COUNTED_AS,
  isFailure,
  prepareReleases,
  type ReleaseReport,
  type ReleaseRow,
  type ReleaseSelection,
} from './release-rows.ts'
import type { CoreStore } from './storage.ts'

/** Releases of one answer. */
const MAX_OFFERED = 100
/** Gateways that rolled back before a rollout halts by itself … */
const HALT_AFTER_FAILURES = 3
/** … if they are more than this share of those that reported. */
const HALT_ABOVE_SHARE = 0.1
/** Failures told of a release: they have one cause, as a rule. */
const MAX_FAILURES = 5
/** Releases of a name between copies of the core; no gateway can use up the numbers by a lie. */
const MAX_LOST_SERIALS = 1000
/** Gateways that come back late still get a delta to what replaced it. */
const KEPT_AFTER_TERM_MS = 30 * DAY_MS
/** Of one sweep. */
const MAX_DROPPED = 100
/** Names that gateways tell of: more than a core has. */
const MAX_LOST_NAMES = 10_000

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

export interface Releases {
  publish(draft: Draft): Promise<ReleaseManifest>
  /** Wider or narrower; lifts a halt. False: no such release. */
  setPercent(kind: string, name: string, serial: number, percent: number): Promise<boolean>
  /** Offers it to nobody else; whoever has it keeps it. False: no such release. */
  halt(kind: string, name: string, serial: number, reason: string): Promise<boolean>
  /** Notes what the gateway settled, answers what is new for it. */
  offer(gateway: Gateway, request: ReleasesRequest): Promise<readonly SignedRelease[]>
  /**
   * What a release holds, for a gateway that it is meant for; smaller where that has an earlier one, `base`.
   * Rejects with `request.not-found`.
   */
  content(
    gateway: Pick<Gateway, 'id'>,
    kind: string,
    name: string,
    serial: number,
    base: number | undefined,
  ): Promise<Buffer>
  /** Removes the contents of releases that were over well before; how many. */
  dropOver(nowMs: number): Promise<number>
  /** The newest first. Throws `release.unknown` where there is none that they come after. */
  reports(limit: number, selection?: ReleaseSelection): readonly ReleaseReport[]
  /** How many there are of a kind and name. */
  count(selection: Omit<ReleaseSelection, 'after'>): number
}

type Settled = Pick<ReleasesRequest['settled'][number], 'kind' | 'name' | 'serial' | 'sha256'>

export function createReleases(
  store: CoreStore,
  publisherKey: KeyObject,
  clock: Clock,
  logger: Logger = silentLogger,
): Releases {
  const sql = prepareReleases(store)
  const contents = createContents(store)
  const isFor = createAudience(store)
  const digests = new Map<number, string>()
  /** Highest serials that gateways have and this core never gave out; told anew with each round. */
  const lost = new Map<string, number>()

  async function publish(draft: Draft): Promise<ReleaseManifest> {
    if (draft.content.length > MAX_RELEASE_BYTES) throw new CloudError('request.too-large')
    if (draft.expiresAtMs <= clock.now()) {
      const detail = new Date(Math.max(0, draft.expiresAtMs)).toISOString()
      throw new CloudError('release.expired', { detail: `expiresAtMs is ${detail}` })
    }
    return store.commit(() => {
      const last = Math.max(lastOf(draft), lost.get(`${draft.kind}/${draft.name}`) ?? 0)
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
      const { lastInsertRowid } = sql.insert.run(
        draft.kind,
        draft.name,
        manifest.serial,
        draft.label,
        draft.percent ?? 100,
        draft.expiresAtMs,
        draft.gateways ? 1 : 0,
      )
      sql.insertContent.run(
        Number(lastInsertRowid),
        signed.manifest,
        signed.signature,
        draft.gateways ? JSON.stringify(draft.gateways) : null,
        draft.content,
      )
      return manifest
    })
  }

  const lastOf = ({ kind, name }: Pick<Draft, 'kind' | 'name'>): number =>
    sql.lastSerial.get(kind, name)?.serial ?? 0

  function signedOf({ no }: Pick<ReleaseRow, 'no'>): SignedRelease {
    const signed = sql.signed.get(no)
    if (!signed) throw new CloudError('core.failed', { detail: `release ${no} has no manifest` })
    return signed
  }

  function digestOf({ no }: Pick<ReleaseRow, 'no'>): string {
    const known = digests.get(no)
    if (known !== undefined) return known
    const { manifest } = signedOf({ no })
    const { sha256 } = JSON.parse(Buffer.from(manifest, 'base64').toString()) as ReleaseManifest
    digests.set(no, sha256)
    return sha256
  }

  async function offer(gateway: Gateway, { settled, kinds }: ReleasesRequest) {
    if (settled.length > 0) await store.commit(() => note(gateway, settled))
    const have = new Map(settled.map((one) => [`${one.kind}/${one.name}`, one]))
    const newest = new Map<string, ReleaseRow>()
    for (const row of sql.current.all(clock.now())) {
      if (kinds && !kinds.includes(row.kind)) continue
      if (!isFor(row, gateway.id)) continue
      const key = `${row.kind}/${row.name}`
      // A name that is set anew would keep its first place; what was published last must come last.
      newest.delete(key)
      newest.set(key, row)
    }
    return [...newest]
      .filter(([key, row]) => isNew(row, have.get(key)) && !isReplaced(row, gateway))
      .sort(([, one], [, other]) => urgencyOf(other) - urgencyOf(one))
      .slice(0, MAX_OFFERED)
      .map(([, row]) => signedOf(row))
  }

  /** Whoever it is not for hears what he would of one that does not exist. */
  async function content(...[gateway, kind, name, serial, base]: Parameters<Releases['content']>) {
    const row = sql.find.get(kind, name, serial)
    if (!row || !isFor(row, gateway.id)) throw new CloudError('request.not-found')
    const old = base === undefined ? undefined : sql.find.get(kind, name, base)
    return contents(row.no, old && isFor(old, gateway.id) ? old : undefined)
  }

  async function dropOver(nowMs: number): Promise<number> {
    const over = sql.over.all(nowMs - KEPT_AFTER_TERM_MS, MAX_DROPPED)
    // One by one: each is up to 16 MB that are overwritten.
    for (const { no } of over) {
      await store.commit(() => {
        sql.dropContent.run(no)
        sql.markDropped.run(no)
      })
    }
    return over.length
  }

  function isNew(row: ReleaseRow, settled: Settled | undefined): boolean {
    if (!settled || row.serial !== settled.serial) return row.serial > (settled?.serial ?? 0)
    return !isSameContent(settled.sha256, digestOf(row))
  }

  /** A gateway forgets what is over: an earlier one with a longer term must not come after it. */
  const isReplaced = ({ kind, name, serial }: ReleaseRow, gateway: Gateway): boolean =>
    URGENT_KINDS.has(kind) && sql.later.get(gateway.no, kind, name, serial) !== undefined

  function note(gateway: Gateway, settled: ReleasesRequest['settled']): void {
    for (const { kind, name, serial, reason, ...said } of settled) {
      const row = sql.find.get(kind, name, serial)
      if (!row) noteLost(gateway, { kind, name, serial })
      if (!row || !isSameContent(said.sha256, digestOf(row))) continue
      const outcome = said.code === NOTHING_HERE ? 'not-here' : said.outcome
      const { changes } = sql.note.run(row.no, gateway.no, outcome, reason ?? null, clock.now())
      if (changes > 0 && isFailure(outcome)) haltIfFailing(row)
    }
  }

  /** This core was put back from a copy: what it publishes next goes above what gateways have. */
  function noteLost({ id }: Gateway, { kind, name, serial }: Settled): void {
    const key = `${kind}/${name}`
    const last = Math.max(lastOf({ kind, name }), lost.get(key) ?? 0)
    if (serial <= last || serial > last + MAX_LOST_SERIALS || lost.size >= MAX_LOST_NAMES) return
    lost.set(key, serial)
    logger.warn(
      { gateway: id, kind, name, serial },
      'a gateway has a release that this core never published: was it put back from a copy? Publish anew what is to be in use',
    )
  }

  function haltIfFailing(row: ReleaseRow): void {
    const counts = countOutcomes(row.no)
    const failed = counts.refused + counts.rolledBack
    const share = failed / (failed + counts.active)
    if (failed < HALT_AFTER_FAILURES || share <= HALT_ABOVE_SHARE) return
    sql.halt.run(`${failed} gateways could not use it`, row.no)
  }

  function numberOf(path: string | undefined): number {
    if (path === undefined) return Number.MAX_SAFE_INTEGER
    const [kind = '', name = '', serial = ''] = path.split('/')
    const row = sql.find.get(kind, name, Number(serial))
    if (!row) throw new CloudError('release.unknown', { detail: path })
    return row.no
  }

  function countOutcomes(no: number) {
    const counts = { active: 0, refused: 0, rolledBack: 0, notHere: 0 }
    for (const { outcome, count } of sql.outcomes.all(no)) {
      counts[COUNTED_AS[outcome]] = count
    }
    return counts
  }

  return {
    publish,
    offer,
    content,
    dropOver,
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
    reports: (limit, { kind = null, name = null, after } = {}) =>
      sql.reports.all(kind, name, numberOf(after), limit).map(({ no, ...row }) => ({
        ...row,
        ...countOutcomes(no),
        failures: sql.failures.all(no, MAX_FAILURES),
      })),
    count: ({ kind = null, name = null }) => sql.count.get(kind, name)?.count ?? 0,
  }
}

const urgencyOf = ({ kind }: ReleaseRow): number => (URGENT_KINDS.has(kind) ? 1 : 0)
