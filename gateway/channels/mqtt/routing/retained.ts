/** Retained messages: in memory as a tree of topic levels, written through to the store. */
import { filterBytes, type MqttLimits } from '../limits.ts'
import type { Message } from './message.ts'
import { RetainedShares } from './retained-shares.ts'

export type RetainedLimits = Pick<MqttLimits, 'maxRetainedMessages' | 'maxRetainedBytes'>

interface Node {
  readonly children: Map<string, Node>
  message: Message | null
  /** Whose share the message counts against; null: nobody's. */
  device: string | null
  /** Of the message. */
  charge: number
}

/** Nodes still to be gone to, and the level of the filter that is asked of them. */
interface Frame {
  readonly nodes: Iterator<Node, undefined>
  readonly depth: number
}

function* notReserved(nodes: ReadonlyMap<string, Node>): Generator<Node, undefined> {
  for (const [name, node] of nodes) if (!name.startsWith('$')) yield node
}

/** Looked at before a filter is taken for one that has messages: the levels of a topic, and a few wildcards. */
const MAX_PLACES = 20

const isOfBroker = ({ topic, publisher }: Message): boolean =>
  publisher === undefined && topic.startsWith('$SYS/')

const createNode = (): Node => ({ children: new Map(), message: null, device: null, charge: 0 })

/** What it takes in memory, whatever levels of its topic it shares with others. */
const chargeOf = (message: Message): number => message.bytes + filterBytes(message.topic)

export class RetainedMessages {
  private readonly limits: RetainedLimits
  private readonly nowMs: () => number
  private readonly deviceOf: (clientId: string) => string
  private readonly shares: RetainedShares
  private readonly root = createNode()
  /** Topics of messages of earlier runs that expire, and when; a newer one of a topic expires at another time. */
  private readonly earlier = new Map<string, number>()
  /** Without the broker's own, which take no room of anybody. */
  count = 0
  bytes = 0
  private charged = 0

  constructor(limits: RetainedLimits, nowMs: () => number, deviceOf: (clientId: string) => string) {
    this.limits = limits
    this.nowMs = nowMs
    this.deviceOf = deviceOf
    this.shares = new RetainedShares(limits)
  }

  /**
   * Whether there is room for one more in this share of the whole, and in that of its device where none is
   * given; replacing what is there by what is no larger is always possible.
   */
  wouldAccept(message: Message, share?: number): boolean {
    if (message.payload.length === 0) return true
    const { maxRetainedMessages, maxRetainedBytes } = this.limits
    const old = this.find(message.topic)
    const isNew = old === undefined || old.message === null
    const charge = chargeOf(message)
    const more = isNew ? charge : charge - old.charge
    const part = share ?? 1
    const hasPlace = !isNew || this.count < maxRetainedMessages * part
    if (!hasPlace || (more > 0 && this.charged + more > maxRetainedBytes * part)) return false
    const { publisher } = message
    if (share !== undefined || publisher === undefined) return true
    const device = this.deviceOf(publisher)
    const isOwn = !isNew && old.device === device
    return this.shares.fits(device, isOwn ? 0 : 1, isOwn ? more : charge)
  }

  /** Keeps the message for its topic; an empty payload removes what was kept [MQTT-3.3.1-6]. */
  set(message: Message): void {
    if (message.payload.length === 0) {
      this.delete(message.topic)
      return
    }
    let node = this.root
    for (const level of message.topic.split('/')) {
      let child = node.children.get(level)
      if (child === undefined) {
        child = createNode()
        node.children.set(level, child)
      }
      node = child
    }
    const { message: old, device: oldDevice, charge: oldCharge } = node
    node.message = message
    node.device = message.publisher === undefined ? null : this.deviceOf(message.publisher)
    node.charge = chargeOf(message)
    this.account(message, node.device, node.charge, 1)
    if (old !== null) this.account(old, oldDevice, oldCharge, -1)
  }

  /** Those that were kept when the gateway stopped. */
  restore(messages: Iterable<Message>): void {
    for (const message of messages) {
      this.set(message)
      const { topic, expiresAtMs } = message
      if (Number.isFinite(expiresAtMs)) this.earlier.set(topic, expiresAtMs)
    }
  }

  /** Makes those of earlier runs older; gives them as they are now. */
  age(byMs: number): Message[] {
    const aged: Message[] = []
    for (const [topic, expiresAtMs] of this.earlier) {
      const message = this.get(topic)
      if (message?.expiresAtMs !== expiresAtMs) {
        this.earlier.delete(topic)
        continue
      }
      const older = message.expiringAt(expiresAtMs - byMs)
      this.set(older)
      this.earlier.set(topic, older.expiresAtMs)
      aged.push(older)
    }
    return aged
  }

  get(topic: string): Message | undefined {
    return this.find(topic)?.message ?? undefined
  }

  private find(topic: string): Node | undefined {
    let node: Node | undefined = this.root
    for (const level of topic.split('/')) {
      node = node.children.get(level)
      if (node === undefined) return undefined
    }
    return node
  }

  delete(topic: string): boolean {
    const levels = topic.split('/')
    const path: Node[] = [this.root]
    for (const level of levels) {
      const child = (path[path.length - 1] as Node).children.get(level)
      if (child === undefined) return false
      path.push(child)
    }
    const last = path[path.length - 1] as Node
    if (last.message === null) return false
    this.account(last.message, last.device, last.charge, -1)
    last.message = null
    for (let depth = levels.length; depth > 0; depth--) {
      const node = path[depth] as Node
      if (node.message !== null || node.children.size > 0) break
      ;(path[depth - 1] as Node).children.delete(levels[depth - 1] as string)
    }
    return true
  }

  /** Every message that is not expired and whose topic `filter` matches. */
  match(filter: string): Message[] {
    const nowMs = this.nowMs()
    const found: Message[] = []
    for (const message of this.walk(filter)) {
      if (message !== null && !message.isExpired(nowMs)) found.push(message)
    }
    return found
  }

  /**
   * Goes to each place of the tree that leads to topics of `filter`: its message if there is one that matches,
   * else null, so that whoever asks can stop there for a while. What is set meanwhile may come or not.
   */
  *walk(filter: string): Generator<Message | null, undefined> {
    const wanted = filter.split('/')
    const open: Frame[] = [{ nodes: [this.root].values(), depth: 0 }]
    for (let frame = open[0]; frame !== undefined; frame = open[open.length - 1]) {
      const { value: node, done } = frame.nodes.next()
      if (done) {
        open.pop()
        continue
      }
      const { depth } = frame
      const level = wanted[depth]
      yield level === undefined || level === '#' ? node.message : null
      if (level === undefined) continue
      open.push({
        nodes: this.below(node, level),
        depth: level === '#' ? depth : depth + 1,
      })
    }
    return undefined
  }

  /** False: no topic of `filter` has a message. Looks at a few places only; where they do not tell, true. */
  mayMatch(filter: string): boolean {
    let places = 0
    for (const message of this.walk(filter)) {
      if (message !== null || ++places === MAX_PLACES) return true
    }
    return false
  }

  /** Wildcards do not reach into `$` topics at the first level [MQTT-4.7.2-1]. */
  private below(node: Node, level: string): Iterator<Node, undefined> {
    if (level !== '#' && level !== '+') {
      const child = node.children.get(level)
      return (child === undefined ? [] : [child]).values()
    }
    return node === this.root ? notReserved(node.children) : node.children.values()
  }

  /** Topics whose message has expired. */
  expired(): string[] {
    const nowMs = this.nowMs()
    const topics: string[] = []
    const visit = (node: Node): void => {
      if (node.message?.isExpired(nowMs)) topics.push(node.message.topic)
      for (const child of node.children.values()) visit(child)
    }
    visit(this.root)
    return topics
  }

  private account(message: Message, device: string | null, charge: number, sign: 1 | -1): void {
    if (isOfBroker(message)) return
    this.count += sign
    this.bytes += sign * message.bytes
    this.charged += sign * charge
    if (device !== null) this.shares.add(device, sign, sign * charge)
  }
}
