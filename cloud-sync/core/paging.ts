/** Lists of the read API: never longer than a page, never at an end without saying so. */
import { CloudError } from '../errors.ts'
import type { EntryCursor } from './reports.ts'
import type { SessionCursor, TurnCursor } from './sessions.ts'

/** `next` is what to give as `after` for the rows that follow; null: these were the last. */
export interface Page<T> {
  readonly rows: readonly T[]
  readonly next: string | null
}

/** One page of what `read` finds; it is asked for a row more, which tells whether others follow. */
export function pageOf<T>(
  limit: number,
  read: (limit: number) => readonly T[],
  cursorOf: (row: T) => string,
): Page<T> {
  const found = read(limit + 1)
  const rows = found.slice(0, limit)
  const last = rows.at(-1)
  return { rows, next: last && found.length > limit ? cursorOf(last) : null }
}

/** Rows that `limit` of a query asks for, `most` at the most and where it is absent. Throws `request.invalid`. */
export const limitOf = (query: URLSearchParams, most: number): number =>
  Math.min(wholeNumber(query, 'limit', most, 1), most)

/** Throws `request.invalid`, naming the field. */
export function wholeNumber(
  query: URLSearchParams,
  name: string,
  otherwise: number,
  min = 0,
): number {
  const value = Number(query.get(name) ?? otherwise)
  if (Number.isSafeInteger(value) && value >= min) return value
  throw new CloudError('request.invalid', { detail: `${name}: not a whole number from ${min}` })
}

/** `EPOCH/SEQUENCE`, or a sequence for every epoch. Throws `request.invalid`, as the others. */
export function entryCursor(query: URLSearchParams): EntryCursor {
  const [epoch, sequence] = cursorParts(query, /^(?:(.+)\/)?(\d{1,15})$/s) ?? []
  return { sequence: Number(sequence ?? 0), ...(epoch ? { epoch } : {}) }
}

/** `EPOCH/LANE/SEQUENCE` of an entry. */
export function turnCursor(query: URLSearchParams): TurnCursor | undefined {
  const parts = cursorParts(query, /^(.+)\/([^/]+)\/(\d{1,15})$/s)
  if (!parts) return undefined
  const [epoch = '', lane = '', sequence] = parts
  return { epoch, lane, sequence: Number(sequence) }
}

/** A session that goes on moves up, so its place is told by when it was over last as well. */
export function sessionCursor(query: URLSearchParams): SessionCursor | undefined {
  const parts = cursorParts(query, /^(-?\d{1,16})\/(.*)$/s)
  return parts && { lastAtMs: Number(parts[0]), id: parts[1] ?? '' }
}

function cursorParts(query: URLSearchParams, form: RegExp): (string | undefined)[] | undefined {
  const after = query.get('after')
  if (!after) return undefined
  const parts = form.exec(after)?.slice(1)
  if (!parts) throw new CloudError('request.invalid', { detail: `after: ${after}` })
  return parts
}
