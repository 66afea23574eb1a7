/** Lists of the read API: never longer than a page, never at an end without saying so. */
import { CloudError } from '../errors.ts'

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
