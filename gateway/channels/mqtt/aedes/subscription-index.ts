/** Subscriptions of clients that aedes itself would serve, in memory: by topic, and by client. */
import { TopicTrie } from '../routing/topic-trie.ts'

export interface AedesSubscription {
  readonly topic: string
  readonly qos: number
  readonly [option: string]: unknown
}

export interface MatchedSubscription extends AedesSubscription {
  readonly clientId: string
}

export class SubscriptionIndex {
  private readonly matcher = new TopicTrie<MatchedSubscription>()
  private readonly byClient = new Map<string, Map<string, MatchedSubscription>>()

  counts(): { subsCount: number; clientsCount: number } {
    return { subsCount: this.matcher.size, clientsCount: this.byClient.size }
  }

  /** Those of QoS 1 and 2 that match a topic. */
  match(topic: string): MatchedSubscription[] {
    return this.matcher.match(topic)
  }

  /** Adds a filter, or replaces its options. */
  add(clientId: string, subscription: AedesSubscription): void {
    this.remove(clientId, subscription.topic)
    const { subscriptionIdentifier: _, ...options } = subscription
    const entry: MatchedSubscription = {
      clientId,
      ...options,
      topic: subscription.topic,
      qos: subscription.qos,
    }
    const own = this.byClient.get(clientId) ?? new Map<string, MatchedSubscription>()
    this.byClient.set(clientId, own)
    own.set(subscription.topic, entry)
    if (subscription.qos > 0) this.matcher.add(subscription.topic, entry)
  }

  remove(clientId: string, topic: string): void {
    const own = this.byClient.get(clientId)
    const entry = own?.get(topic)
    if (own === undefined || entry === undefined) return
    own.delete(topic)
    this.matcher.remove(topic, entry)
    if (own.size === 0) this.byClient.delete(clientId)
  }
}
