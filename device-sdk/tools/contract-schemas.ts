/** The messages of the contract as JSON Schema 2020-12, made from the schemas of the types. */
import type { TSchema } from '@sinclair/typebox'
import {
  Ack,
  Answer,
  Ask,
  Credentials,
  DeviceEvent,
  EnrollRequest,
  Feedback,
  GatewayTime,
  Hello,
  Ping,
  PlayReport,
  Presence,
  Problem,
  Speech,
  TwinState,
  Welcome,
} from '../protocol/schemas.ts'

export type JsonObject = { [key: string]: unknown }

const DIALECT = 'https://json-schema.org/draft/2020-12/schema'

export const MESSAGES: readonly TSchema[] = [
  Ask,
  Answer,
  Speech,
  PlayReport,
  Feedback,
  DeviceEvent,
  TwinState,
  Presence,
  GatewayTime,
  Problem,
  Ack,
  Hello,
  Welcome,
  Ping,
  EnrollRequest,
  Credentials,
]
const NAMES: ReadonlySet<string> = new Set(MESSAGES.map((schema) => schema.$id ?? ''))

/** `PlayReport` → `play-report`. */
export const fileNameOf = (name: string): string =>
  name.replace(/(?<=[a-z])[A-Z]/g, (letter) => `-${letter}`).toLowerCase()

/** One schema as plain JSON; the messages inside it become references. */
export function plainSchema(schema: TSchema, refTo: (name: string) => string): JsonObject {
  const whole = JSON.parse(JSON.stringify(schema)) as JsonObject
  delete whole.$id
  return refer(whole, refTo) as JsonObject
}

function refer(value: unknown, refTo: (name: string) => string): unknown {
  if (Array.isArray(value)) return value.map((item) => refer(item, refTo))
  if (typeof value !== 'object' || value === null) return value
  const { $id } = value as JsonObject
  if (typeof $id === 'string' && NAMES.has($id)) return { $ref: refTo($id) }
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => key !== '$id')
      .map(([key, inner]) => [key, refer(inner, refTo)]),
  )
}

export const schemaFiles = (): [string, JsonObject][] =>
  MESSAGES.map((schema) => {
    const name = schema.$id ?? ''
    const body = plainSchema(schema, (other) => `${fileNameOf(other)}.json`)
    // The file's own name: references between the files resolve wherever the folder lies.
    const head = { $schema: DIALECT, $id: `${fileNameOf(name)}.json`, title: name }
    return [`schemas/${fileNameOf(name)}.json`, { ...head, ...body }]
  })

export const componentSchemas = (): JsonObject =>
  Object.fromEntries(
    MESSAGES.map((schema) => [
      schema.$id,
      plainSchema(schema, (other) => `#/components/schemas/${other}`),
    ]),
  )
