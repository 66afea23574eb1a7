/** A tree of topic filters, one node a level, and what is registered under each. */

export interface TopicSyntax {
  readonly separator: string
  /** Stands for one level. */
  readonly one: string
  /** Stands for the rest, also for nothing. */
  readonly rest: string
  /** Whether `one` matches an empty level, as MQTT asks. */
  readonly matchesEmptyLevels: boolean
  /** Topics that begin so are hidden from wildcards at the first level [MQTT-4.7.2-1]; empty: none are. */
  readonly reserved: string
}

export const MQTT_SYNTAX: TopicSyntax = {
  separator: '/',
  one: '+',
  rest: '#',
  matchesEmptyLevels: true,
  reserved: '$',
}

/** Most nodes have one of the two: a device's own topic is a chain that ends in one value. */
interface Node<T> {
  children: Map<string, Node<T>> | null
  values: Set<T> | null
}

export class TopicTrie<T> {
  private readonly syntax: TopicSyntax
  private readonly root: Node<T> = createNode()
  /** Values registered. */
  size = 0

  constructor(syntax: TopicSyntax = MQTT_SYNTAX) {
    this.syntax = syntax
  }

  add(filter: string, value: T): void {
    let node = this.root
    for (const level of filter.split(this.syntax.separator)) {
      node.children ??= new Map()
      let child = node.children.get(level)
      if (child === undefined) {
        child = createNode()
        node.children.set(level, child)
      }
      node = child
    }
    node.values ??= new Set()
    if (!node.values.has(value)) this.size++
    node.values.add(value)
  }

  /** False when it was not there. Levels that nobody needs any more go too. */
  remove(filter: string, value: T): boolean {
    const levels = filter.split(this.syntax.separator)
    const path: Node<T>[] = [this.root]
    for (const level of levels) {
      const child = (path[path.length - 1] as Node<T>).children?.get(level)
      if (child === undefined) return false
      path.push(child)
    }
    const last = path[path.length - 1] as Node<T>
    if (last.values?.delete(value) !== true) return false
    if (last.values.size === 0) last.values = null
    this.size--
    for (let depth = levels.length; depth > 0; depth--) {
      const node = path[depth] as Node<T>
      if (node.values !== null || (node.children?.size ?? 0) > 0) break
      ;(path[depth - 1] as Node<T>).children?.delete(levels[depth - 1] as string)
    }
    return true
  }

  /** Everything registered under a filter that matches the topic; `#` filters first. */
  match(topic: string): T[] {
    const { separator, reserved } = this.syntax
    const found: T[] = []
    const isReserved = reserved !== '' && topic.startsWith(reserved)
    this.collect(this.root, topic.split(separator), 0, isReserved, found)
    return found
  }

  private collect(
    node: Node<T>,
    levels: readonly string[],
    depth: number,
    isReserved: boolean,
    found: T[],
  ): void {
    const hasWildcards = depth > 0 || !isReserved
    if (hasWildcards) {
      pushAll(node.children?.get(this.syntax.rest), found)
    }
    const level = levels[depth]
    if (level === undefined) {
      pushAll(node, found)
      return
    }
    const exact = node.children?.get(level)
    if (exact !== undefined) this.collect(exact, levels, depth + 1, isReserved, found)
    if (!hasWildcards || (level === '' && !this.syntax.matchesEmptyLevels)) return
    const one = node.children?.get(this.syntax.one)
    if (one !== undefined) this.collect(one, levels, depth + 1, isReserved, found)
  }
}

const createNode = <T>(): Node<T> => ({ children: null, values: null })

function pushAll<T>(node: Node<T> | undefined, found: T[]): void {
  if (node?.values) for (const value of node.values) found.push(value)
}
