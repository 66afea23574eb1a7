/** Bytes to checked values; `undefined` or the name of the wrong field, never an exception. */
import type { Static, TSchema } from '@sinclair/typebox'
import { type TypeCheck, TypeCompiler } from '@sinclair/typebox/compiler'
import { Packr } from 'msgpackr'

const compiled = new Map<TSchema, TypeCheck<TSchema>>()

export type Parsed<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly detail: string }

/** Checks a value against its schema; the check is compiled once. */
export function check<S extends TSchema>(schema: S, value: unknown): Parsed<Static<S>> {
  let checker = compiled.get(schema)
  if (!checker) {
    checker = TypeCompiler.Compile(schema)
    compiled.set(schema, checker)
  }
  if (checker.Check(value)) return { ok: true, value: value as Static<S> }
  const first = checker.Errors(value).First()
  return { ok: false, detail: first ? `${first.path || '/'}: ${first.message}` : 'invalid' }
}

export function parseJson<S extends TSchema>(schema: S, bytes: Uint8Array): Parsed<Static<S>> {
  let value: unknown
  try {
    value = JSON.parse(Buffer.from(bytes).toString('utf8'))
  } catch {
    return { ok: false, detail: 'not JSON' }
  }
  return check(schema, value)
}

/** Self-contained maps and arrays: a record extension of another message must never be needed to read one. */
export const packr = new Packr({ useRecords: false, variableMapSize: true })

export function parseMsgpack<S extends TSchema>(schema: S, bytes: Uint8Array): Parsed<Static<S>> {
  let value: unknown
  try {
    value = packr.decode(bytes)
  } catch {
    return { ok: false, detail: 'not MessagePack' }
  }
  return check(schema, value)
}
