/**
 * The `mq` of the aedes core: the interface of mqemitter over the gateway's own router, so that what a
 * plug-in publishes through aedes reaches devices, and what devices publish reaches its subscriptions.
 */

export type Notify<P> = (this: unknown, packet: P, done: () => void) => void
type Done = (error?: Error) => void

/** Where subscriptions of the house are kept. */
export interface ListenerRoutes<P> {
  add(filter: string, listener: Registered<P>): void
  remove(filter: string, listener: Registered<P>): void
  match(topic: string): readonly Registered<P>[]
}

export interface Registered<P> {
  readonly kind: 'listener'
  readonly notify: (packet: P, done: () => void) => void
}

export interface EmitterParts<P> {
  readonly routes: ListenerRoutes<P>
  /** Hands a packet to everybody who is not a function of the house. */
  readonly deliver?: (packet: P, done: Done) => void
}

const nothing = (): void => {}

export class RouteEmitter<P extends { readonly topic: string }> {
  private readonly parts: EmitterParts<P>
  private readonly registered = new Map<string, Map<Notify<P>, Registered<P>[]>>()
  closed = false
  /** Packets whose listeners have not all called back. */
  current = 0
  readonly concurrency = 0

  constructor(parts: EmitterParts<P>) {
    this.parts = parts
  }

  on(topic: string, notify: Notify<P>, done?: () => void): this {
    const listener: Registered<P> = {
      kind: 'listener',
      notify: (packet, called) => notify.call(this, packet, called),
    }
    const byNotify = this.registered.get(topic) ?? new Map<Notify<P>, Registered<P>[]>()
    this.registered.set(topic, byNotify)
    byNotify.set(notify, [...(byNotify.get(notify) ?? []), listener])
    this.parts.routes.add(topic, listener)
    if (done !== undefined) setImmediate(done)
    return this
  }

  removeListener(topic: string, notify: Notify<P>, done?: () => void): this {
    const byNotify = this.registered.get(topic)
    for (const listener of byNotify?.get(notify) ?? []) this.parts.routes.remove(topic, listener)
    byNotify?.delete(notify)
    if (byNotify?.size === 0) this.registered.delete(topic)
    if (done !== undefined) setImmediate(done)
    return this
  }

  removeAllListeners(topic: string, done?: () => void): this {
    for (const notify of [...(this.registered.get(topic)?.keys() ?? [])]) {
      this.removeListener(topic, notify)
    }
    if (done !== undefined) setImmediate(done)
    return this
  }

  /** Calls back once every listener has, with an error when closed. */
  emit(packet: P, done: Done = nothing): this {
    if (this.closed) {
      done(new Error('mqemitter is closed'))
      return this
    }
    const listeners = this.parts.routes.match(packet.topic)
    const { deliver } = this.parts
    let waiting = listeners.length + (deliver === undefined ? 0 : 1)
    let failure: Error | undefined
    this.current++
    const called = (error?: Error): void => {
      failure ??= error
      if (--waiting > 0) return
      this.current--
      done(failure)
    }
    if (waiting === 0) {
      waiting = 1
      called()
      return this
    }
    for (const listener of listeners) listener.notify(packet, () => called())
    deliver?.(packet, called)
    return this
  }

  close(done: () => void = nothing): this {
    this.closed = true
    setImmediate(done)
    return this
  }
}
