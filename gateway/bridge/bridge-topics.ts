/**
 * Topics of a bridge: which rule a message goes by, what it is called on the other side, and the mark
 * by which a message is known that has been here before.
 */
import type { Properties, Qos, UserProperty } from '../channels/mqtt/codec/packets.ts'
import { BRIDGE_MARK, MAX_BRIDGE_MARKS } from '../channels/mqtt/codec/properties.ts'
import { covers } from '../topic-filters.ts'

/** User property that names the bridges a message has passed, one each: `gateway id/bridge name`. */
export const VIA = BRIDGE_MARK
/** A message that has passed this many bridges goes round in circles that no single gateway sees. */
export const MAX_HOPS = MAX_BRIDGE_MARKS

export interface OutRule {
  readonly filter: string
  readonly remotePrefix?: string | undefined
  readonly qos: Qos
}
export interface InRule {
  readonly filter: string
  readonly localPrefix?: string | undefined
  readonly qos: Qos
}

/** The first rule that the topic matches. */
export const ruleFor = <R extends { readonly filter: string }>(
  rules: readonly R[],
  topic: string,
): R | undefined => rules.find((rule) => covers(rule.filter, topic))

/** The bridges that a message has passed. */
export const viaOf = (properties: Properties | undefined): string[] =>
  (properties?.userProperties ?? []).filter(([name]) => name === VIA).map(([, value]) => value)

/** The same properties with one more bridge passed. */
export function withVia(properties: Properties | undefined, via: string): Properties {
  const mark: UserProperty = [VIA, via]
  return { ...properties, userProperties: [...(properties?.userProperties ?? []), mark] }
}
