/** One client connection: bytes in to packets, packets out to joined writes, and its end with a reason. */
import type { ByteConnection } from './byte-connection.ts'
import {
  decodeAck,
  decodeAuth,
  decodeConnect,
  decodeDisconnect,
  decodePublish,
  decodeSubscribe,
  decodeUnsubscribe,
  isVersion5Connect,
} from './codec/decoder.ts'
import {
  encodeAck,
  encodeConnack,
  encodeDisconnect,
  PINGRESP,
  stampPublish,
} from './codec/encoder.ts'
import { Framer } from './codec/framer.ts'
import {
  PacketType,
  type Properties,
  ProtocolError,
  type ProtocolVersion,
  type Qos,
} from './codec/packets.ts'
import { Reason, reasonText } from './codec/reason-codes.ts'
import type { Engine } from './engine.ts'
import { Handshake } from './handshake.ts'
import { Inbound } from './inbound.ts'
import type { Message } from './message.ts'
import { RatePacer } from './rate-pacer.ts'
import type { Session } from './session.ts'
import { subscribe, unsubscribe } from './subscribing.ts'

/** Parts of one turn are joined up to this size: beyond it copying costs more than another call. */
const JOIN_BYTES = 128 * 1024
/** MQTT 5 strings carry a reason of this length at most, so that a refusal is never larger than its cause. */
const MAX_REASON_CHARACTERS = 200

type State = 'new' | 'authenticating' | 'open' | 'closed'

export class Connection {
  readonly io: ByteConnection
  readonly engine: Engine
  readonly inbound: Inbound
  readonly handshake: Handshake
  version: ProtocolVersion = 4
  state: State = 'new'
  session: Session | null = null
  clientId = ''
  /** QoS 1 and 2 messages we may have open towards the client. */
  sendWindow: number
  maxSendBytes = Number.POSITIVE_INFINITY
  outboundAliasMaximum = 0
  wantsProblemInformation = true
  keepAliveMs = 0
  lastHeardMs: number
  readonly openedAtMs: number
  private readonly framer: Framer
  private readonly messagePacer: RatePacer
  private readonly bytePacer: RatePacer
  private aliases: Map<string, number> | null = null
  private out: Buffer[] = []
  private outBytes = 0
  private ioBuffered = 0
  private wasFull = false
  private isReadPaused = false
  private isRefused = false
  private holds = 0
  /** Why the connection ends, said once. */
  private endReason: { code: number; text: string; isClean: boolean } | null = null

  constructor(io: ByteConnection, engine: Engine) {
    this.io = io
    this.engine = engine
    this.sendWindow = engine.limits.maxInflight
    this.openedAtMs = engine.clock.nowMs()
    this.lastHeardMs = this.openedAtMs
    const { maxMessagesPerSecond, maxBytesPerSecond, rateBurstSeconds } = engine.limits
    this.messagePacer = new RatePacer(maxMessagesPerSecond, rateBurstSeconds, this.openedAtMs)
    this.bytePacer = new RatePacer(maxBytesPerSecond, rateBurstSeconds, this.openedAtMs)
    this.inbound = new Inbound(this)
    this.handshake = new Handshake(this)
    this.framer = new Framer(engine.limits.maxPacketBytes, this)
    io.onData(this.onData)
    io.onDrain(this.onDrain)
    io.onClose(this.onClosed)
  }

  /** We have stopped reading. */
  get isHeld(): boolean {
    return this.holds > 0 || this.isReadPaused
  }

  /** Whether another QoS 0 message may be added, or a window be used: the client reads. */
  hasRoom(): boolean {
    const hasRoom = this.outBytes + this.ioBuffered < this.engine.limits.maxSocketBufferBytes
    if (!hasRoom) this.wasFull = true
    return hasRoom
  }

  send(bytes: Buffer): void {
    if (this.state === 'closed') return
    if (this.outBytes === 0) this.engine.gatherer.add(this)
    this.out.push(bytes)
    this.outBytes += bytes.length
  }

  /** Writes what was gathered in this turn. Called by the gatherer. */
  flush(): void {
    const { out, outBytes } = this
    if (outBytes === 0) return
    this.out = []
    this.outBytes = 0
    this.engine.counters.bytesSent += outBytes
    if (this.session !== null) this.session.counters.bytesSent += outBytes
    if (out.length === 1) this.io.write(out[0] as Buffer)
    else if (outBytes <= JOIN_BYTES) this.io.write(Buffer.concat(out, outBytes))
    else this.writeInSlabs(out)
    this.ioBuffered = this.io.bufferedBytes()
    if (this.ioBuffered > 2 * this.engine.limits.maxSocketBufferBytes) this.pauseReading()
    else if (this.wasFull && this.ioBuffered === 0) this.onDrain()
  }

  private writeInSlabs(parts: readonly Buffer[]): void {
    let slab: Buffer[] = []
    let slabBytes = 0
    for (const part of parts) {
      if (slabBytes + part.length > JOIN_BYTES && slabBytes > 0) {
        this.io.write(slab.length === 1 ? (slab[0] as Buffer) : Buffer.concat(slab, slabBytes))
        slab = []
        slabBytes = 0
      }
      slab.push(part)
      slabBytes += part.length
    }
    if (slabBytes > 0) this.io.write(Buffer.concat(slab, slabBytes))
  }

  /** False when it is larger than the client takes; then nothing was sent. */
  sendPublish(
    message: Message,
    qos: Qos,
    packetId: number,
    dup: boolean,
    retain: boolean,
    identifiers: readonly number[] | null,
  ): boolean {
    const nowMs = message.expiresAtMs === Number.POSITIVE_INFINITY ? 0 : this.engine.clock.nowMs()
    if (this.version === 5 && (identifiers !== null || this.outboundAliasMaximum > 0)) {
      return this.sendOwnPublish(message, qos, packetId, dup, retain, identifiers, nowMs)
    }
    const frame = message.frame(this.version, qos, nowMs)
    if (frame.bytes.length > this.maxSendBytes) return false
    if (qos === 0 && !retain) this.send(frame.bytes)
    else this.send(stampPublish(frame, qos, packetId, dup, retain))
    this.countPublish()
    return true
  }

  sendAck(packetType: number, packetId: number, reasonCode: number, reason?: string): void {
    this.engine.counters.messagesSent++
    this.send(
      encodeAck(this.version, packetType, packetId, reasonCode, this.reasonProperties(reason)),
    )
  }

  /** A reason string, if the client wants such [MQTT-3.1.2-29] and there is room for one. */
  reasonProperties(reason: string | undefined): Properties | undefined {
    if (reason === undefined || this.version < 5 || !this.wantsProblemInformation) return undefined
    const reasonString = reason.slice(0, MAX_REASON_CHARACTERS)
    const roomy = this.maxSendBytes > 64 + Buffer.byteLength(reasonString)
    return roomy ? { reasonString } : undefined
  }

  /** Stops handing out packets until `release`; calls add up. Reading stops too, so that the client feels it. */
  hold(): void {
    if (this.holds++ > 0) return
    this.framer.hold()
    this.io.pause()
  }

  release(): void {
    if (this.holds === 0 || --this.holds > 0 || this.state === 'closed') return
    this.lastHeardMs = this.engine.clock.nowMs()
    if (!this.isReadPaused) this.io.resume()
    this.guard(() => this.framer.release())
  }

  /** Too fast: nothing is read for a while. */
  private holdFor(waitMs: number): void {
    if (waitMs <= 0) return
    this.hold()
    const { deadlines, clock } = this.engine
    deadlines.at(clock.nowMs() + waitMs, () => this.release())
  }

  /** Refuses a client that is not connected yet: CONNACK with the code, then the end. */
  refuse(reasonCode: number, reason: string, logCode?: string): void {
    this.isRefused = true
    this.engine.counters.refusedConnects++
    const { clientId, io } = this
    this.engine.logger.info(
      { clientId, remoteAddress: io.remoteAddress, reasonCode, reason, code: logCode },
      'connection refused',
    )
    const connack = encodeConnack(this.version, false, reasonCode, this.reasonProperties(reason))
    if (connack.length <= this.maxSendBytes) this.send(connack)
    this.end(reasonCode, reason, false)
  }

  /** Ends an open connection; MQTT 5 clients get a DISCONNECT with the reason. */
  disconnect(reasonCode: number, reason = reasonText(reasonCode)): void {
    if (this.state === 'closed') return
    if (this.state !== 'open') {
      if (this.state === 'authenticating') this.refuse(reasonCode, reason)
      else this.end(reasonCode, reason, false)
      return
    }
    if (this.version === 5) this.send(encodeDisconnect(reasonCode, this.reasonProperties(reason)))
    this.end(reasonCode, reason, false)
  }

  /** The client said DISCONNECT, or we have said our last word: flush, close, settle the session. */
  end(reasonCode: number, reason: string, isClean: boolean): void {
    if (this.state === 'closed') return
    this.endReason ??= { code: reasonCode, text: reason, isClean }
    this.flush()
    // Paused, the transport would not see the peer's own end.
    if (this.holds > 0 || this.isReadPaused) this.io.resume()
    this.io.end()
    this.settle()
  }

  /** Runs work that may find the protocol broken, and ends the connection if so. */
  guard(work: () => void): void {
    try {
      work()
    } catch (error) {
      this.failed(error)
    }
  }

  private failed(error: unknown): void {
    if (error instanceof ProtocolError) this.onProtocolError(error)
    else {
      this.engine.logger.error({ clientId: this.clientId, err: error }, 'packet handler failed')
      this.disconnect(Reason.unspecifiedError, 'internal error')
    }
  }

  private onProtocolError(error: ProtocolError): void {
    if (this.state === 'new') this.handshake.onMalformed(error)
    else this.disconnect(error.reasonCode, error.message)
  }

  private readonly onData = (chunk: Buffer): void => {
    if (this.state === 'closed') return
    this.lastHeardMs = this.engine.clock.nowMs()
    this.engine.counters.bytesReceived += chunk.length
    if (this.session !== null) this.session.counters.bytesReceived += chunk.length
    this.holdFor(this.bytePacer.spend(chunk.length, this.engine.clock.nowMs))
    try {
      this.framer.push(chunk)
    } catch (error) {
      this.failed(error)
    }
  }

  private readonly onDrain = (): void => {
    this.ioBuffered = this.io.bufferedBytes()
    this.wasFull = false
    if (this.isReadPaused) {
      this.isReadPaused = false
      if (this.holds === 0) this.io.resume()
    }
    this.session?.outbound.pump()
  }

  private readonly onClosed = (): void => {
    this.endReason ??= { code: 0x80, text: 'the client closed the connection', isClean: false }
    this.settle()
  }

  private pauseReading(): void {
    if (this.isReadPaused) return
    this.isReadPaused = true
    this.io.pause()
  }

  /** A whole packet, from the framer. */
  onPacket(head: number, buffer: Buffer, from: number, start: number, end: number): void {
    const type = head >> 4
    this.engine.counters.messagesReceived++
    if (this.state !== 'open') {
      this.beforeOpen(type, buffer, start, end)
      return
    }
    const { version } = this
    switch (type) {
      case PacketType.publish: {
        this.holdFor(this.messagePacer.spend(1, this.engine.clock.nowMs))
        const packet = decodePublish(head, buffer, start, end, version)
        this.inbound.publish(packet, buffer, from, end)
        return
      }
      case PacketType.puback:
        this.session?.outbound.puback(decodeAck(type, buffer, start, end, version).packetId)
        return
      case PacketType.pubrec: {
        const { packetId, reasonCode } = decodeAck(type, buffer, start, end, version)
        this.session?.outbound.pubrec(packetId, reasonCode)
        return
      }
      case PacketType.pubcomp:
        this.session?.outbound.pubcomp(decodeAck(type, buffer, start, end, version).packetId)
        return
      case PacketType.pubrel:
        this.inbound.pubrel(decodeAck(type, buffer, start, end, version).packetId)
        return
      case PacketType.subscribe:
        subscribe(this, decodeSubscribe(buffer, start, end, version))
        return
      case PacketType.unsubscribe:
        unsubscribe(this, decodeUnsubscribe(buffer, start, end, version))
        return
      case PacketType.pingreq:
        this.send(PINGRESP)
        return
      case PacketType.disconnect: {
        const { reasonCode, properties } = decodeDisconnect(buffer, start, end, version)
        this.handshake.disconnected(reasonCode, properties)
        return
      }
      case PacketType.auth:
        if (version < 5) throw new ProtocolError(Reason.malformedPacket, 'AUTH before MQTT 5')
        this.handshake.reAuthenticate(decodeAuth(buffer, start, end))
        return
      default:
        throw new ProtocolError(Reason.protocolError, 'a second CONNECT')
    }
  }

  private beforeOpen(type: number, buffer: Buffer, start: number, end: number): void {
    if (this.state === 'closed') return
    if (this.state === 'new' && type === PacketType.connect) {
      if (isVersion5Connect(buffer, start, end)) this.version = 5
      this.handshake.connect(decodeConnect(buffer, start, end))
    } else if (this.state === 'authenticating' && type === PacketType.auth) {
      this.handshake.continueAuthentication(decodeAuth(buffer, start, end))
    } else {
      this.end(Reason.protocolError, 'the first packet was not CONNECT', false)
    }
  }

  private sendOwnPublish(
    message: Message,
    qos: Qos,
    packetId: number,
    dup: boolean,
    retain: boolean,
    identifiers: readonly number[] | null,
    nowMs: number,
  ): boolean {
    this.aliases ??= new Map()
    let alias = this.aliases.get(message.topic) ?? 0
    const isKnown = alias > 0
    if (!isKnown && this.aliases.size < this.outboundAliasMaximum) alias = this.aliases.size + 1
    const frame = message.ownFrame(qos, nowMs, identifiers, alias, isKnown)
    if (frame.bytes.length > this.maxSendBytes) return false
    if (alias > 0 && !isKnown) this.aliases.set(message.topic, alias)
    this.send(qos === 0 && !retain ? frame.bytes : stampPublish(frame, qos, packetId, dup, retain))
    this.countPublish()
    return true
  }

  private countPublish(): void {
    const { counters } = this.engine
    counters.messagesSent++
    counters.publishesSent++
    if (this.session !== null) this.session.counters.messagesSent++
  }

  /** Once, at the end: the session is told, its will sent or not, its presence made known. */
  private settle(): void {
    if (this.state === 'closed') return
    this.state = 'closed'
    this.engine.connections.delete(this)
    this.inbound.close()
    const { session, endReason } = this
    if (endReason !== null && !endReason.isClean) {
      this.engine.recentEnds.add({
        atMs: this.engine.clock.nowMs(),
        clientId: this.clientId,
        remoteAddress: this.io.remoteAddress,
        wasRefused: this.isRefused,
        reasonCode: endReason.code,
        reason: endReason.text,
      })
    }
    if (session !== null && endReason !== null) {
      this.handshake.left(session, endReason)
    }
  }
}
