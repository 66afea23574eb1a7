/**
 * What comes of one client: handed to the framer, or kept while nothing may be handled. Reading rests meanwhile,
 * so that the client feels it, unless somebody has to know what is there: whether a peer has gone shows only
 * behind all that it sent before.
 */
import type { ByteConnection } from '../byte-connection.ts'
import { Framer, type PacketSink } from '../codec/framer.ts'
import type { Engine } from '../engine.ts'
import { PausableChunks } from './pausable-chunks.ts'

/**
 * What is kept of one client at most, while reading it goes on: more than the buffers of both kernels hold, so
 * that the end of a peer that has gone is seen. Where reading cannot rest, a client of MQTT 3.1.1 that catches
 * up sends all that it has at once.
 */
const MAX_HELD_BYTES = 16 * 1024 * 1024
/**
 * The same over all clients. Above it what can wait in the kernel does, and a client that cannot be paused may have
 * only `CROWDED_HELD_BYTES`.
 */
const MAX_TOTAL_HELD_BYTES = 64 * 1024 * 1024
const CROWDED_HELD_BYTES = 4 * 1024 * 1024
const TOO_FAST = 'it sent faster than it may, and this WebSocket port cannot hold it back'
/** Rests with no longer time between them are one. */
const SAME_REST_MS = 1000

export interface IntakeOwner extends PacketSink {
  /** Bytes were read, whether they are handled now or later. */
  onRead(bytes: number): void
  /** More came than may be kept; in plain words. */
  onOverrun(words: string): void
  /** Runs work that may find the protocol broken. */
  guard(work: () => void): void
}

type IntakeParts = Pick<Engine, 'clock' | 'held'>

export class Intake {
  private readonly io: ByteConnection
  private readonly parts: IntakeParts
  private readonly owner: IntakeOwner
  private readonly framer: Framer
  /** Made with the first rest: most connections never have one. */
  private chunks: PausableChunks | null = null
  private heldBytes = 0
  private holds = 0
  /** The client does not take what it is sent. */
  private isChoked = false
  private isPaused = false
  /** Reads on while it rests. */
  private isAhead = false
  private isClosed = false
  private restsSinceMs = Number.NEGATIVE_INFINITY
  /** The end of the last rest; minus infinity: there was none. */
  private readsSinceMs = Number.NEGATIVE_INFINITY

  constructor(io: ByteConnection, parts: IntakeParts, owner: IntakeOwner, maxPacketBytes: number) {
    this.io = io
    this.parts = parts
    this.owner = owner
    this.framer = new Framer(maxPacketBytes, owner)
    io.onData((chunk) => this.receive(chunk))
  }

  set maxPacketBytes(bytes: number) {
    this.framer.maxPacketBytes = bytes
  }

  /** Whether something came that is not handled yet. */
  get isHolding(): boolean {
    return this.framer.isHolding || this.heldBytes > 0
  }

  /** Whether nothing is handled for the time being. */
  get isResting(): boolean {
    return this.holds > 0
  }

  /** Since when it reads, in broker time; null: it does not, and so nothing can be heard of the client. */
  get readingSinceMs(): number | null {
    return this.isPaused ? null : this.readsSinceMs
  }

  /** How long it rests by now, short stretches between rests included. */
  restedMs(nowMs: number): number {
    return this.isPaused ? nowMs - this.restsSinceMs : 0
  }

  /** Handles nothing until `release`; calls add up. */
  hold(): void {
    if (this.holds++ > 0) return
    this.framer.hold()
    this.rest()
  }

  /** False: something else still holds it. Goes on with what is kept, and then reads. */
  release(): boolean {
    if (this.holds === 0 || --this.holds > 0) return false
    if (this.isClosed) return false
    this.owner.guard(() => this.framer.release())
    this.goOn()
    return true
  }

  /** The client falls behind with reading, so it is not read either; or it has caught up. */
  choke(isChoked: boolean): void {
    this.isChoked = isChoked
    if (isChoked) this.rest()
    else this.goOn()
  }

  /** Reads on while it rests, as far as there is room. */
  readAhead(): void {
    if (!this.isPaused || this.isClosed || this.isFull()) return
    this.isAhead = true
    this.read()
  }

  /** What is kept, from the beginning of a packet on. */
  peek(): Buffer {
    return Buffer.concat([this.framer.unhandled, ...(this.chunks?.held ?? [])])
  }

  /** The same, which is kept no more. */
  take(): Buffer {
    const bytes = this.peek()
    this.framer.drop()
    this.chunks?.drop()
    this.note()
    return bytes
  }

  /** Handles these bytes at once, whatever holds it. */
  handle(bytes: Buffer): void {
    this.owner.guard(() => {
      this.framer.release()
      this.framer.push(bytes)
    })
  }

  close(): void {
    this.isClosed = true
    this.chunks?.drop()
    this.note()
  }

  private receive(chunk: Buffer): void {
    if (this.isClosed) return
    this.owner.onRead(chunk.length)
    if (this.chunks === null) this.push(chunk)
    else {
      this.chunks.receive(chunk)
      this.note()
      if (this.heldBytes > 0 && this.isFull()) this.overrun()
    }
  }

  private push(chunk: Buffer): void {
    this.owner.guard(() => this.framer.push(chunk))
  }

  private overrun(): void {
    this.isAhead = false
    if (this.io.cannotPause) this.owner.onOverrun(TOO_FAST)
    else this.pause()
  }

  private isFull(): boolean {
    if (this.parts.held.bytes <= MAX_TOTAL_HELD_BYTES) return this.heldBytes > MAX_HELD_BYTES
    return !this.io.cannotPause || this.heldBytes > CROWDED_HELD_BYTES
  }

  private rest(): void {
    // What still comes of a connection that has ended is read and thrown away.
    if (this.isClosed) return
    if (this.chunks === null) {
      this.chunks = new PausableChunks()
      this.chunks.onData = (chunk) => this.push(chunk)
    }
    this.chunks.pause()
    if (!this.isAhead) this.pause()
  }

  private goOn(): void {
    if (this.holds > 0 || this.isChoked || this.isClosed) return
    this.chunks?.resume()
    this.note()
    // More is read only once what was read before has been handled.
    if (this.chunks?.isPaused) return
    this.isAhead = false
    this.read()
  }

  private pause(): void {
    if (this.isPaused) return
    this.isPaused = true
    const nowMs = this.parts.clock.nowMs()
    if (nowMs - this.readsSinceMs > SAME_REST_MS) this.restsSinceMs = nowMs
    this.io.pause()
  }

  private read(): void {
    if (!this.isPaused) return
    this.isPaused = false
    this.readsSinceMs = this.parts.clock.nowMs()
    this.io.resume()
  }

  private note(): void {
    const heldBytes = this.chunks?.heldBytes ?? 0
    this.parts.held.bytes += heldBytes - this.heldBytes
    this.heldBytes = heldBytes
  }
}
