/** What a schema has to say against a value, in words for who wrote it. */
import type { TSchema } from '@sinclair/typebox'
import type { ValueError } from '@sinclair/typebox/value'

/** What a field should have been: of a closed set, its words. */
export function wordingOf({ message, schema, value }: ValueError): string {
  const words: unknown[] = (schema.anyOf ?? []).map((one: TSchema) => one.const)
  if (words.length === 0 || words.includes(undefined)) return message
  return `"${String(value)}" is none of ${words.join(', ')}`
}
