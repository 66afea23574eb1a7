/** Shared subscriptions: each message goes to one member of the group (MQTT 5.0 section 4.8.2). */
import type { Message } from './message.ts'
import type { Router, Subscription } from './router.ts'

export class SharedGroup {
  readonly kind = 'group'
  readonly name: string
  readonly filter: string
  private readonly members: Subscription[] = []
  private turn = 0

  constructor(name: string, filter: string) {
    this.name = name
    this.filter = filter
  }

  get size(): number {
    return this.members.length
  }

  /** Adds a member, or replaces its options. */
  put(subscription: Subscription): void {
    const at = this.members.findIndex((one) => one.session === subscription.session)
    if (at >= 0) this.members[at] = subscription
    else this.members.push(subscription)
  }

  remove(subscription: Subscription): void {
    const at = this.members.indexOf(subscription)
    if (at >= 0) this.members.splice(at, 1)
  }

  /** Whether there is such a member; whose turn it is stays. */
  has(isMeant: (subscription: Subscription) => boolean): boolean {
    return this.members.some(isMeant)
  }

  /**
   * The member whose turn it is: connected ones that read come first, then connected ones, then, for
   * QoS 1 and 2, sessions that are kept. Undefined when nobody can take it.
   */
  choose(
    message: Message,
    mayReceive: (subscription: Subscription) => boolean,
  ): Subscription | undefined {
    const count = this.members.length
    let fallback: Subscription | undefined
    let fallbackRank = 0
    for (let step = 0; step < count; step++) {
      const at = (this.turn + step) % count
      const member = this.members[at] as Subscription
      const rank = memberRank(member, message)
      if (rank === 0 || !mayReceive(member)) continue
      if (rank === 3) {
        this.turn = (at + 1) % count
        return member
      }
      if (rank > fallbackRank) {
        fallback = member
        fallbackRank = rank
      }
    }
    if (fallback !== undefined) this.turn = (this.members.indexOf(fallback) + 1) % count
    return fallback
  }
}

function memberRank(member: Subscription, message: Message): 0 | 1 | 2 | 3 {
  const { connection } = member.session
  if (connection !== null) return connection.hasRoom() ? 3 : 2
  return member.session.isDurable && message.qos > 0 && member.qos > 0 ? 1 : 0
}

/** All groups, by `$share` name and filter; a group is in the router while it has members. */
export class SharedGroups {
  private readonly router: Router
  private readonly groups = new Map<string, SharedGroup>()

  constructor(router: Router) {
    this.router = router
  }

  get size(): number {
    return this.groups.size
  }

  find(name: string, filter: string): SharedGroup | undefined {
    return this.groups.get(`${name}/${filter}`)
  }

  put(name: string, subscription: Subscription): void {
    const key = `${name}/${subscription.filter}`
    let group = this.groups.get(key)
    if (group === undefined) {
      group = new SharedGroup(name, subscription.filter)
      this.groups.set(key, group)
      this.router.add(group.filter, group)
    }
    group.put(subscription)
  }

  remove(name: string, subscription: Subscription): void {
    const key = `${name}/${subscription.filter}`
    const group = this.groups.get(key)
    if (group === undefined) return
    group.remove(subscription)
    if (group.size > 0) return
    this.groups.delete(key)
    this.router.remove(group.filter, group)
  }
}
