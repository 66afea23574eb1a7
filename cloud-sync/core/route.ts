/** One route of the core: who may call it, and how it reads what it was sent. */
import type { TSchema } from '@sinclair/typebox'
import { CloudError } from '../errors.ts'
import { type Parsed, parseJson } from '../protocol/parse.ts'
import type { Gateway } from './gateways.ts'
import type { Incoming, Outgoing } from './http.ts'

export interface Route {
  readonly method: 'GET' | 'POST'
  /** Named groups are its parameters; `id` is the gateway. */
  readonly path: RegExp
  readonly caller: 'anyone' | 'gateway' | 'operator'
  /** A read that changes something all the same: not with the password of a browser. */
  readonly hasEffect?: boolean
  /** As it travels; default `MAX_BODY_BYTES`. */
  readonly maxBodyBytes?: number
  /** It waits for somebody else, so it takes no place of those that only write to the disk. */
  readonly isWaiting?: boolean
  handle(call: Call): Promise<Outgoing> | Outgoing
}

export interface Call {
  readonly incoming: Incoming
  readonly params: Readonly<Record<string, string>>
  /** Only where the caller is a gateway, whose signature was checked. */
  readonly gateway: Gateway | undefined
}

/** The gateway that calls. Throws `core.failed` where the route is none of gateways. */
export function gatewayOf(call: Call): Gateway {
  if (!call.gateway) throw new CloudError('core.failed', { detail: 'route without a gateway' })
  return call.gateway
}

/** Throws `request.invalid` with the field. */
export function parseBody<S extends TSchema>(schema: S, incoming: Incoming) {
  return orInvalid(parseJson(schema, incoming.body))
}

/** Throws `request.invalid` with the field. */
export function orInvalid<T>(parsed: Parsed<T>): T {
  if (!parsed.ok) throw new CloudError('request.invalid', { detail: parsed.detail })
  return parsed.value
}
