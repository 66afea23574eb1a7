/** One thing an administrator may do: the schema of its arguments, and what it does. */
import { type Static, type TSchema, Type } from '@sinclair/typebox'
import type { Clock } from '../clock.ts'
import type { Json, Ledger } from '../ledger/port.ts'

export interface Operation<S extends TSchema, P> {
  readonly args: S
  run(args: Static<S>, parts: P): unknown
}

export const operation = <S extends TSchema, P>(
  args: S,
  run: (args: Static<S>, parts: P) => unknown,
): Operation<S, P> => ({ args, run })

/** The id of a device, a group, a pack or a job, as an administrator names it. */
export const Id = Type.String({ minLength: 1, maxLength: 64 })

export interface AuditParts {
  readonly clock: Clock
  readonly ledger: Ledger
}

/** Says in the record what was done; inside `store.commit`, with what it speaks of. */
export function audit(
  { clock, ledger }: AuditParts,
  kind: string,
  body: Readonly<Record<string, Json>>,
): void {
  ledger.append({ lane: 'audit', kind, atMs: clock.now(), body })
}
