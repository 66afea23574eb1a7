/** Topic names and filters: MQTT 5.0 sections 4.7 and 4.8. */

const PLUS = 0x2b
const HASH = 0x23
const SLASH = 0x2f
const SHARE_PREFIX = '$share/'

/** Whether `topic` may be published to: not empty, no wildcard [MQTT-3.3.2-2] [MQTT-4.7.3-1]. */
export function isTopicName(topic: string): boolean {
  if (topic.length === 0) return false
  for (let at = 0; at < topic.length; at++) {
    const code = topic.charCodeAt(at)
    if (code === PLUS || code === HASH) return false
  }
  return true
}

/** Whether `filter` is well formed: wildcards fill a level, `#` is last [MQTT-4.7.1-1] [MQTT-4.7.1-2]. */
export function isTopicFilter(filter: string): boolean {
  if (filter.length === 0) return false
  for (let at = 0; at < filter.length; at++) {
    const code = filter.charCodeAt(at)
    if (code !== PLUS && code !== HASH) continue
    if (at > 0 && filter.charCodeAt(at - 1) !== SLASH) return false
    if (code === HASH && at !== filter.length - 1) return false
    if (code === PLUS && at < filter.length - 1 && filter.charCodeAt(at + 1) !== SLASH) return false
  }
  return true
}

export function topicDepth(topic: string): number {
  let depth = 1
  for (let at = 0; at < topic.length; at++) if (topic.charCodeAt(at) === SLASH) depth++
  return depth
}

export const hasWildcard = (filter: string): boolean => filter.includes('+') || filter.includes('#')

export interface ParsedFilter {
  /** What is matched against topics: the filter without `$share/{group}/`. */
  readonly filter: string
  /** Name of the shared-subscription group. */
  readonly group: string | undefined
}

/** Takes `$share/{group}/{filter}` apart; undefined when malformed [MQTT-4.8.2-1] [MQTT-4.8.2-2]. */
export function parseFilter(text: string): ParsedFilter | undefined {
  if (!text.startsWith(SHARE_PREFIX)) {
    if (text === '$share') return undefined
    return isTopicFilter(text) ? { filter: text, group: undefined } : undefined
  }
  const slash = text.indexOf('/', SHARE_PREFIX.length)
  if (slash <= SHARE_PREFIX.length) return undefined
  const group = text.slice(SHARE_PREFIX.length, slash)
  const filter = text.slice(slash + 1)
  if (hasWildcard(group) || !isTopicFilter(filter)) return undefined
  return { filter, group }
}
