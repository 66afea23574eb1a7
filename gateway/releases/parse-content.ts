/** Content of a release that is one JSON value: checked against its schema, or why not. */
import type { Static, TSchema } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'

export type Content<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly reason: string }

export function parseContent<S extends TSchema>(
  schema: S,
  content: Uint8Array,
): Content<Static<S>> {
  let value: unknown
  try {
    value = JSON.parse(Buffer.from(content).toString('utf8'))
  } catch {
    return { ok: false, reason: 'not JSON' }
  }
  const wrong = Value.Errors(schema, value).First()
  if (wrong) return { ok: false, reason: `${wrong.path || '/'}: ${wrong.message}` }
  return { ok: true, value: value as Static<S> }
}
