/** What every group of options is made of. */
import { Type } from '@sinclair/typebox'

/** An option that is not known is refused: a misspelt one would silently do nothing. */
export const closed = { additionalProperties: false } as const
/** A group that may be left out whole: its options then have their defaults. */
export const group = { ...closed, default: {} } as const

/** Options as the house sees them: read once, frozen. */
export type DeepReadonly<T> = T extends (infer U)[]
  ? readonly DeepReadonly<U>[]
  : T extends object
    ? { readonly [K in keyof T]: DeepReadonly<T[K]> }
    : T

/** A TCP port; 0 takes any free one. */
export const Port = (description: string, fallback: number) =>
  Type.Integer({ minimum: 0, maximum: 65_535, default: fallback, description })
