/**
 * The fabric over one Redis of the site: messages by mqemitter-redis (one channel, so that the order of a
 * sender is kept), values and what is kept by ioredis.
 *
 * "Connected" means that the box has heard its own voice through Redis within `AWAY_AFTER_MS`; a socket
 * that is open and says nothing is given up. Publish and subscribe in Redis reach those who are there:
 * what is sent while a box is away, that box misses. DESIGN.md says what is made good and what is not.
 */
import { randomBytes } from 'node:crypto'
import { Redis, type RedisOptions } from 'ioredis'
import createEmitter from 'mqemitter-redis'
import type { Clock } from '../clock.ts'
import { maskUrls } from '../mask-line.ts'
import {
  AWAY_AFTER_MS,
  BEAT_MS,
  FABRIC_WAIT_MS,
  type Fabric,
  type FabricStatus,
  type KeptValue,
  MAX_UNSENT_BYTES,
  STAMP_BYTES,
} from './fabric.ts'
import { DROP_SAME, KEEP_NEWEST } from './redis-scripts.ts'

/** First and longest wait before Redis is tried again; each is drawn from zero to that (full jitter). */
const RETRY_FIRST_MS = 100
const RETRY_MAX_MS = 2000
const CONNECT_TIMEOUT_MS = 2000
/** Kept values read at once: a page of retained messages, not a pause of Redis. */
const PAGE_FIELDS = 200
const SENDER_BYTES = 8

export interface RedisFabricParts {
  /** `redis://` or `rediss://`, with credentials where Redis wants some. */
  readonly url: string
  /** Boxes with the same site name share channel and values. */
  readonly site: string
  readonly clock: Clock
  readonly random: () => number
  readonly onError: (error: unknown) => void
}

/** Opens it; returns at once, away until Redis has answered. */
export function openRedisFabric(parts: RedisFabricParts): Fabric {
  return new RedisFabric(parts)
}

class RedisFabric implements Fabric {
  readonly #parts: RedisFabricParts
  readonly #pub: Redis
  readonly #sub: Redis
  readonly #emitter: ReturnType<typeof createEmitter>
  readonly #channel: string
  readonly #hash: string
  readonly #sender = randomBytes(SENDER_BYTES)
  readonly #listeners: ((bytes: Buffer) => void)[] = []
  readonly #watchers: ((status: FabricStatus) => void)[] = []
  readonly #timer: NodeJS.Timeout
  #status: FabricStatus
  #lastError: string | undefined
  /** Why Redis took the last write of the beat not. */
  #refused: string | undefined
  #unsentBytes = 0
  #beats = 0
  #beatSentMs = 0
  #heardMs: number
  #isClosed = false

  constructor(parts: RedisFabricParts) {
    this.#parts = parts
    const { url, site, clock } = parts
    this.#channel = `kefu:${site}:fabric`
    this.#hash = `kefu:${site}:kept`
    this.#status = { state: 'away', url: maskUrls(url.replace(/\?.*/, '')), sinceMs: clock.now() }
    this.#heardMs = clock.monotonic()
    const options: RedisOptions = {
      connectTimeout: CONNECT_TIMEOUT_MS,
      retryStrategy: (attempt) =>
        Math.ceil(parts.random() * Math.min(RETRY_MAX_MS, RETRY_FIRST_MS * 2 ** attempt)),
    }
    // Nothing waits in line for Redis: what cannot be sent now is refused now, and what was sent fails as its
    // connection closes (`maxRetriesPerRequest`). Without that ioredis 5 never ends it, and the pipeline
    // that it belongs to holds up every later command (redis/ioredis#2193).
    this.#pub = new Redis(url, {
      ...options,
      enableOfflineQueue: false,
      enableAutoPipelining: true,
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
    })
    this.#sub = new Redis(url, { ...options, maxRetriesPerRequest: null })
    for (const connection of [this.#pub, this.#sub]) {
      connection.on('ready', () => this.#beat())
      connection.on('close', () => this.#away('the connection to Redis was lost'))
    }
    this.#emitter = createEmitter({ pubConn: this.#pub, subConn: this.#sub })
    const { state } = this.#emitter as unknown as { state: NodeJS.EventEmitter }
    state.on('error', (error: Error) => {
      this.#lastError = error.message || error.name
    })
    this.#guardAgainstStrangers()
    this.#emitter.on(this.#channel, (message, done) => {
      this.#receive(message)
      done()
    })
    this.#timer = setInterval(() => this.#watch(), BEAT_MS)
    this.#timer.unref()
  }

  send(bytes: Buffer): boolean {
    if (this.#status.state === 'away' || this.#unsentBytes > MAX_UNSENT_BYTES) return false
    this.#publish({ bytes })
    return true
  }

  onMessage(listener: (bytes: Buffer) => void): void {
    this.#listeners.push(listener)
  }

  onChange(listener: (status: FabricStatus) => void): void {
    this.#watchers.push(listener)
  }

  status(): FabricStatus {
    return this.#status
  }

  async put(
    entries: readonly (readonly [key: string, value: Buffer])[],
    ttlMs: number,
  ): Promise<boolean> {
    const work = () =>
      entries.map(([key, value]) => this.#pub.set(this.#key(key), value, 'PX', ttlMs))
    return (await this.#soon(() => Promise.all(work()))) !== undefined
  }

  get(keys: readonly string[]): Promise<readonly (Buffer | undefined)[] | undefined> {
    return this.#soon(async () => {
      const found = await this.#pub.mgetBuffer(keys.map((key) => this.#key(key)))
      return found.map((value) => value ?? undefined)
    })
  }

  async remove(keys: readonly string[]): Promise<boolean> {
    if (keys.length === 0) return true
    return (await this.#soon(() => this.#pub.del(keys.map((key) => this.#key(key))))) !== undefined
  }

  async keep({ field, stamp, value }: KeptValue): Promise<boolean> {
    const stored = Buffer.concat([stamp, value])
    const work = () => this.#pub.eval(KEEP_NEWEST, 1, this.#hash, field, stored)
    return (await this.#soon(work)) !== undefined
  }

  async *readKept(): AsyncIterable<readonly KeptValue[]> {
    let cursor = '0'
    do {
      const [next, found] = await this.#pub.hscanBuffer(this.#hash, cursor, 'COUNT', PAGE_FIELDS)
      const page: KeptValue[] = []
      for (let at = 0; at + 1 < found.length; at += 2) {
        const stored = found[at + 1] ?? Buffer.alloc(0)
        if (stored.length < STAMP_BYTES) continue
        page.push({
          field: String(found[at]),
          stamp: stored.subarray(0, STAMP_BYTES),
          value: stored.subarray(STAMP_BYTES),
        })
      }
      yield page
      cursor = next.toString()
    } while (cursor !== '0')
  }

  async dropKept({ field, stamp }: Pick<KeptValue, 'field' | 'stamp'>): Promise<boolean> {
    const work = () => this.#pub.eval(DROP_SAME, 1, this.#hash, field, stamp)
    return (await this.#soon(work)) !== undefined
  }

  async close(): Promise<void> {
    this.#isClosed = true
    clearInterval(this.#timer)
    this.#pub.disconnect()
    this.#sub.disconnect()
  }

  #key(key: string): string {
    return `kefu:${this.#parts.site}:${key}`
  }

  #publish(message: { readonly bytes?: Buffer; readonly beat?: number }): void {
    const size = message.bytes?.length ?? 0
    this.#unsentBytes += size
    const taken = (error?: Error) => {
      this.#unsentBytes -= size
      if (error) this.#lastError = error.message
    }
    this.#emitter.emit({ topic: this.#channel, from: this.#sender, ...message }, taken)
  }

  #receive(message: Record<string, unknown>): void {
    const { from, bytes, beat } = message
    if (!Buffer.isBuffer(from)) return
    if (from.equals(this.#sender)) {
      if (typeof beat === 'number') this.#heard(beat)
    } else if (Buffer.isBuffer(bytes)) {
      for (const listener of this.#listeners) listener(bytes)
    }
  }

  /** Its own voice, sent out so that it comes back. */
  #beat(): void {
    if (this.#isClosed || this.#pub.status !== 'ready' || this.#sub.status !== 'ready') return
    this.#beatSentMs = this.#parts.clock.monotonic()
    // A replica, a full disk, a lost replica: Redis says yes to what is published, and no to what is stored.
    const key = this.#key(`beat:${this.#sender.toString('hex')}`)
    this.#pub.set(key, this.#beats, 'PX', AWAY_AFTER_MS).then(
      () => this.#tookWrite(undefined),
      (error: Error) => {
        if (this.#pub.status === 'ready') this.#tookWrite(error.message)
      },
    )
    this.#publish({ beat: ++this.#beats })
  }

  #tookWrite(refused: string | undefined): void {
    if (refused === this.#refused) return
    this.#refused = refused
    if (this.#status.state !== 'connected') return
    const { refused: _, ...status } = this.#status
    this.#status = refused === undefined ? status : { ...status, refused }
    this.#tell()
  }

  #heard(beat: number): void {
    const { clock } = this.#parts
    this.#heardMs = clock.monotonic()
    if (beat !== this.#beats) return
    const roundTripMs = Math.round((this.#heardMs - this.#beatSentMs) * 10) / 10
    const { url, state, sinceMs } = this.#status
    const isNew = state === 'away'
    this.#status = {
      state: 'connected',
      url,
      sinceMs: isNew ? clock.now() : sinceMs,
      roundTripMs,
      ...(this.#refused === undefined ? {} : { refused: this.#refused }),
    }
    if (isNew) this.#tell()
  }

  #watch(): void {
    const silentMs = this.#parts.clock.monotonic() - this.#heardMs
    if (this.#status.state === 'connected' && silentMs > AWAY_AFTER_MS) {
      this.#away(`Redis has not answered for ${Math.round(silentMs / 1000)} s`)
      // What is unanswered is given up, so that nobody waits for it.
      this.#pub.disconnect(true)
      this.#sub.disconnect(true)
    }
    this.#beat()
  }

  #away(reason: string): void {
    if (this.#isClosed || this.#status.state === 'away') return
    const { url } = this.#status
    const lastError = this.#lastError ?? reason
    this.#status = { state: 'away', url, sinceMs: this.#parts.clock.now(), lastError }
    this.#tell()
  }

  #tell(): void {
    for (const watcher of this.#watchers) watcher(this.#status)
  }

  /** The result of work that is done within `FABRIC_WAIT_MS`; undefined when it is not, or fails. */
  #soon<T>(work: () => Promise<T>): Promise<T | undefined> {
    if (this.#status.state === 'away') return Promise.resolve(undefined)
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, FABRIC_WAIT_MS, undefined)
      const finish = (result: T | undefined) => {
        clearTimeout(timer)
        resolve(result)
      }
      work().then(finish, (error: unknown) => {
        this.#lastError = error instanceof Error ? error.message : String(error)
        finish(undefined)
      })
    })
  }

  /** The emitter decodes whatever comes by its channel and would throw out of the socket's handler. */
  #guardAgainstStrangers(): void {
    const handlers = this.#sub.listeners('messageBuffer') as ((...args: unknown[]) => void)[]
    this.#sub.removeAllListeners('messageBuffer')
    this.#sub.on('messageBuffer', (...args: unknown[]) => {
      try {
        for (const handler of handlers) handler(...args)
      } catch (error) {
        this.#parts.onError(error)
      }
    })
  }
}
