/**
 * Who gets a message: a trie of filters and, in front of it, a cache from topic to receivers with the
 * overlaps of each session already merged, so that a repeated topic costs one map look-up.
 */
import type { Properties, Qos } from '../codec/packets.ts'
import { hasWildcard } from '../codec/topics.ts'
import type { Session } from '../sessions/session.ts'
import type { SharedGroup } from './shared-groups.ts'
import { TopicTrie } from './topic-trie.ts'

/** One filter of one session. */
export interface Subscription {
  readonly kind: 'session'
  readonly session: Session
  /** As the client wrote it, `$share/…` included. */
  readonly text: string
  /** What is matched. */
  readonly filter: string
  readonly group: string | undefined
  readonly qos: Qos
  readonly noLocal: boolean
  readonly retainAsPublished: boolean
  /** Subscription identifier, 0 when the client gave none. */
  readonly identifier: number
}

/** A message as aedes and its plug-ins know it (aedes-packet). */
export interface HousePacket {
  readonly cmd: 'publish'
  readonly brokerId?: string
  readonly brokerCounter?: number
  readonly clientId?: string
  readonly topic: string
  readonly payload: Buffer
  readonly qos: Qos
  readonly retain: boolean
  readonly dup: boolean
  readonly properties?: Properties
  /** When it expires: milliseconds since 1970 by the wall clock, as aedes-packet has it. */
  readonly messageExpiry?: number
}

/** A function of the house, as aedes and its plug-ins subscribe. */
export interface Listener {
  readonly kind: 'listener'
  readonly notify: (packet: HousePacket, done: () => void) => void
}

export type Route = Subscription | SharedGroup | Listener

/** One session that receives a topic, with all of its matching filters as one. */
export interface Target {
  readonly session: Session
  readonly qos: Qos
  readonly retainAsPublished: boolean
  readonly identifiers: readonly number[] | null
  /** What is left for the session's own messages when some filters are no-local; null when nothing is. */
  readonly whenOwn: Target | null
}

export interface Match {
  readonly targets: readonly Target[]
  readonly groups: readonly SharedGroup[]
  readonly listeners: readonly Listener[]
}

/** Topics remembered at once: more than a site's devices times their topics, about 2 MB at worst. */
const CACHE_TOPICS = 10_000

export class Router {
  private readonly trie = new TopicTrie<Route>()
  private readonly cache = new Map<string, Match>()
  private readonly mayReceive: (session: Session, topic: string) => boolean

  /** `mayReceive` is asked once per session and topic, until `forget`. */
  constructor(mayReceive: (session: Session, topic: string) => boolean) {
    this.mayReceive = mayReceive
  }

  /** Filters registered. */
  get size(): number {
    return this.trie.size
  }

  add(filter: string, route: Route): void {
    this.trie.add(filter, route)
    this.drop(filter)
  }

  remove(filter: string, route: Route): void {
    if (this.trie.remove(filter, route)) this.drop(filter)
  }

  /** Forgets what was worked out: after a change of permissions. */
  forget(): void {
    this.cache.clear()
  }

  match(topic: string): Match {
    const known = this.cache.get(topic)
    if (known !== undefined) return known
    const match = this.workOut(topic)
    if (this.cache.size >= CACHE_TOPICS) this.cache.clear()
    this.cache.set(topic, match)
    return match
  }

  private drop(filter: string): void {
    if (hasWildcard(filter)) this.cache.clear()
    else this.cache.delete(filter)
  }

  private workOut(topic: string): Match {
    const bySession = new Map<Session, Subscription[]>()
    const groups: SharedGroup[] = []
    const listeners: Listener[] = []
    for (const route of this.trie.match(topic)) {
      if (route.kind === 'listener') listeners.push(route)
      else if (route.kind === 'group') groups.push(route)
      else {
        const list = bySession.get(route.session)
        if (list === undefined) bySession.set(route.session, [route])
        else list.push(route)
      }
    }
    const targets: Target[] = []
    for (const [session, subscriptions] of bySession) {
      if (!this.mayReceive(session, topic)) continue
      targets.push(mergeTarget(session, subscriptions))
    }
    return { targets, groups, listeners }
  }
}

/** Highest QoS of the overlapping filters [MQTT-3.3.4-2], all their identifiers [MQTT-3.3.4-4]. */
function mergeTarget(session: Session, subscriptions: readonly Subscription[]): Target {
  const merged = merge(session, subscriptions)
  if (!subscriptions.some((one) => one.noLocal))
    return { ...merged, whenOwn: { ...merged, whenOwn: null } }
  const others = subscriptions.filter((one) => !one.noLocal)
  return {
    ...merged,
    whenOwn: others.length === 0 ? null : { ...merge(session, others), whenOwn: null },
  }
}

function merge(session: Session, subscriptions: readonly Subscription[]): Omit<Target, 'whenOwn'> {
  let qos: Qos = 0
  let retainAsPublished = false
  let identifiers: number[] | null = null
  for (const one of subscriptions) {
    if (one.qos > qos) qos = one.qos
    retainAsPublished ||= one.retainAsPublished
    if (one.identifier > 0) {
      identifiers ??= []
      if (!identifiers.includes(one.identifier)) identifiers.push(one.identifier)
    }
  }
  return { session, qos, retainAsPublished, identifiers }
}
