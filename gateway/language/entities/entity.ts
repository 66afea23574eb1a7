/** What every reader of entities gives back. */

export interface EntityHit {
  /** Normal form: a number, an ISO date or time, a duration in ISO 8601, digits of a phone. */
  readonly value: string | number
  readonly start: number
  readonly end: number
}

/** Reads entities of one kind, left to right. `nowMs` is what 明天 counts from. */
export type EntityReader = (text: string, nowMs: number) => EntityHit[]
