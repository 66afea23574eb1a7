/** The schema as a list of options, for the help text and whoever reads it. */
import type { TSchema } from '@sinclair/typebox'
import { ConfigSchema } from './schema.ts'

export interface OptionDoc {
  readonly name: string
  readonly type: string
  readonly default: unknown
  readonly description: string
}

/** Behind the name of a list: its entries' options are `permissions[].publish` and so on. */
export const LIST = '[]'

/** Every option with type, default and description: what `kefu-edge config` prints comes from it. */
export function describeOptions(schema: TSchema = ConfigSchema, prefix = ''): OptionDoc[] {
  if (schema.type === 'object' && schema.properties) {
    return Object.entries(schema.properties as Record<string, TSchema>).flatMap(([key, inner]) =>
      describeOptions(inner, prefix ? `${prefix}.${key}` : key),
    )
  }
  const items = schema.type === 'array' ? (schema.items as TSchema) : undefined
  const within = items?.type === 'object' ? describeOptions(items, `${prefix}${LIST}`) : []
  const choices = (schema.anyOf as { const?: unknown }[] | undefined)?.map((one) =>
    String(one.const),
  )
  return [
    {
      name: prefix,
      type: choices ? choices.join(' | ') : String(schema.type ?? 'any'),
      default: schema.default,
      description: String(schema.description ?? ''),
    },
    ...within,
  ]
}
