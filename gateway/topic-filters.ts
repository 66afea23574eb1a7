/**
 * What MQTT topics and filters have to do with each other [MQTT-4.7]: asked by rights, bridges and retained
 * messages. Filters are well formed and without `$share/{group}/`. The router has a trie of its own.
 */

/** A wildcard at the first level does not reach topics that begin with `$` [MQTT-4.7.2-1]. */
const isOutOfReach = (filter: string, topic: string): boolean =>
  topic.startsWith('$') && (filter.startsWith('+') || filter.startsWith('#'))

/** Whether `filter` matches every topic that `wanted` (a topic or a filter) can match. */
export function covers(filter: string, wanted: string): boolean {
  if (isOutOfReach(filter, wanted)) return false
  const mine = filter.split('/')
  const theirs = wanted.split('/')
  for (let level = 0; ; level++) {
    const have = mine[level]
    const want = theirs[level]
    if (have === '#') return true
    if (have === undefined || want === undefined) return have === want
    if (want === '#') return false
    if (have !== '+' && have !== want) return false
  }
}

/** Whether there is a topic that both filters match. */
export function overlap(one: string, other: string): boolean {
  if (isOutOfReach(one, other) || isOutOfReach(other, one)) return false
  const mine = one.split('/')
  const theirs = other.split('/')
  for (let level = 0; ; level++) {
    const left = mine[level]
    const right = theirs[level]
    if (left === '#' || right === '#') return true
    if (left === undefined || right === undefined) return left === right
    if (left !== '+' && right !== '+' && left !== right) return false
  }
}
