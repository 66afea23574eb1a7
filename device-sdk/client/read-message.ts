import type { Static, TSchema } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { Answer, GatewayTime, Presence, Problem, Speech, TwinState } from '../protocol/schemas.ts'
import { DeviceClientError } from './errors.ts'
import type { Downstream } from './link.ts'

/** Throws `client.invalid` (or the given code) naming the first field that does not fit. */
export function checkMessage<T extends TSchema>(
  schema: T,
  value: unknown,
  code: 'client.invalid' | 'client.unreadable',
): Static<T> {
  if (Value.Check(schema, value)) return value
  const first = Value.Errors(schema, value).First()
  throw new DeviceClientError(code, `${first?.path || '/'}: ${first?.message ?? 'does not fit'}`)
}

/**
 * A message from the gateway, checked against the contract; undefined for a name that this version
 * does not know (a newer gateway may send it). Throws `client.unreadable`.
 */
export function readDownstream(name: string, value: unknown): Downstream | undefined {
  switch (name) {
    case 'answer':
      return { name, message: checkMessage(Answer, value, 'client.unreadable') }
    case 'speech':
      return { name, message: checkMessage(Speech, value, 'client.unreadable') }
    case 'desired':
      return { name, message: checkMessage(TwinState, value, 'client.unreadable') }
    case 'presence':
      return { name, message: checkMessage(Presence, value, 'client.unreadable') }
    case 'time':
      return { name, message: checkMessage(GatewayTime, value, 'client.unreadable') }
    case 'problem':
      return { name, message: checkMessage(Problem, value, 'client.unreadable') }
    default:
      return undefined
  }
}
