/** What a schema has to say against a value, in words for who wrote it. */
import type { TSchema } from '@sinclair/typebox'
import type { ValueError } from '@sinclair/typebox/value'
import { GatewayError } from './errors.ts'

/** Enough to find a wrong word again; a message may bring 64 KB of it. */
const MAX_SHOWN_CHARACTERS = 60

/** What a field should have been: of a closed set, its words. */
export function wordingOf({ message, schema, value }: ValueError): string {
  const words: unknown[] = (schema.anyOf ?? []).map((one: TSchema) => one.const)
  if (words.length === 0 || words.includes(undefined)) return message
  const choice = words.join(', ')
  return value === undefined ? `one of ${choice} is needed` : `${shown(value)} is none of ${choice}`
}

/** Maps and lists are not written out: what JSON brings may not even be made into text. */
function shown(value: unknown): string {
  if (Array.isArray(value)) return 'a list'
  return typeof value === 'object' && value !== null
    ? 'a map'
    : `"${String(value).slice(0, MAX_SHOWN_CHARACTERS)}"`
}

export interface Misfit {
  /** What does not fit, where no field of it is to blame. */
  readonly what: string
  /** Words to come before. */
  readonly lead?: string
  /** Id of the message. */
  readonly inReplyTo?: string
}

/** The refusal of a value for the first thing that its schema has against it: `message.invalid`, with the field. */
export function invalidMessage(
  wrong: ValueError | undefined,
  { what, lead = '', ...reply }: Misfit,
): GatewayError {
  const field = wrong?.path ?? ''
  const words = wrong === undefined ? 'not valid' : wordingOf(wrong)
  return new GatewayError('message.invalid', {
    field,
    detail: `${lead}${field || what}: ${words}`,
    ...reply,
  })
}
