/** One thing an administrator may do: the schema of its arguments, and what it does. */
import type { Static, TSchema } from '@sinclair/typebox'

export interface Operation<S extends TSchema, P> {
  readonly args: S
  run(args: Static<S>, parts: P): unknown
}

export const operation = <S extends TSchema, P>(
  args: S,
  run: (args: Static<S>, parts: P) => unknown,
): Operation<S, P> => ({ args, run })
