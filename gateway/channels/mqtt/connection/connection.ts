/** One client connection: bytes in to packets, packets out to joined writes, and its end with a reason. */
import type { ByteConnection } from '../byte-connection.ts'
import { encodeAck, encodeConnack, encodeDisconnect } from '../codec/encoder.ts'
import { type Properties, ProtocolError, type ProtocolVersion, type Qos } from '../codec/packets.ts'
import { Reason, reasonText } from '../codec/reason-codes.ts'
import type { Engine } from '../engine.ts'
import type { Message } from '../routing/message.ts'
import type { Session } from '../sessions/session.ts'
import { shownText } from '../shown-text.ts'
import { dispatchPacket } from './dispatch-packet.ts'
import { Farewell } from './farewell.ts'
import { Handshake } from './handshake.ts'
import { Inbound } from './inbound.ts'
import { Intake } from './intake.ts'
import { Outlet } from './outlet.ts'
import { AT_ONCE, NEXT_TURN, Pace, tellHeldBack } from './pace.ts'

type State = 'new' | 'authenticating' | 'open' | 'closed'

export class Connection {
  readonly io: ByteConnection
  readonly engine: Engine
  readonly inbound: Inbound
  readonly handshake: Handshake
  readonly outlet: Outlet
  readonly intake: Intake
  readonly farewell: Farewell
  version: ProtocolVersion = 4
  state: State = 'new'
  session: Session | null = null
  clientId = ''
  /** QoS 1 and 2 messages we may have open towards the client. */
  sendWindow: number
  wantsProblemInformation = true
  keepAliveMs = 0
  lastHeardMs: number
  readonly openedAtMs: number
  private readonly pace: Pace
  private isRefused = false
  /** Why the connection ends, said once. */
  private endReason: { code: number; text: string; isClean: boolean } | null = null

  constructor(io: ByteConnection, engine: Engine) {
    this.io = io
    this.engine = engine
    this.sendWindow = engine.limits.maxInflight
    this.openedAtMs = engine.clock.nowMs()
    this.lastHeardMs = this.openedAtMs
    this.outlet = new Outlet(io, engine, this)
    this.inbound = new Inbound(this)
    this.handshake = new Handshake(this)
    this.farewell = new Farewell(this)
    const isAwaited = (): boolean => this.farewell.isAwaited
    this.pace = new Pace(engine.limits, engine.turns, this.openedAtMs, isAwaited)
    const { maxPacketBytes, maxConnectBytes } = engine.limits
    this.intake = new Intake(io, engine, this, Math.min(maxPacketBytes, maxConnectBytes))
    io.onDrain(() => this.outlet.drained())
    io.onClose(this.onClosed)
  }

  /** Whether the client may have said more than was handled, its goodbye perhaps. */
  get isBehind(): boolean {
    const { state, intake } = this
    if (state === 'closed') return false
    return intake.isHolding || (state === 'open' && intake.isResting)
  }

  /** The client is let in. */
  open(): void {
    this.state = 'open'
    this.intake.maxPacketBytes = this.engine.limits.maxPacketBytes
  }

  /** Whether another QoS 0 message may be added, or a window be used: the client reads. */
  hasRoom(): boolean {
    return this.outlet.hasRoom()
  }

  send(bytes: Buffer): void {
    if (this.state !== 'closed') this.outlet.send(bytes)
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
    if (this.state === 'closed') return true
    return this.outlet.publish(this.version, message, qos, packetId, dup, retain, identifiers)
  }

  sendAck(packetType: number, packetId: number, reasonCode: number, reason?: string): void {
    this.engine.counters.messagesSent++
    this.send(
      encodeAck(this.version, packetType, packetId, reasonCode, this.reasonProperties(reason)),
    )
  }

  /**
   * An answer that may be of any length: without its reason where that is too much for the client, and
   * where it is still too long not at all [MQTT-3.1.2-24]. False: the connection has ended.
   */
  sendAnswer(encode: (properties?: Properties) => Buffer, reason: string | undefined): boolean {
    const { maxPacketBytes } = this.outlet
    let bytes = encode(this.reasonProperties(reason))
    if (bytes.length > maxPacketBytes) bytes = encode()
    if (bytes.length > maxPacketBytes) {
      this.disconnect(Reason.packetTooLarge, 'the answer is larger than the client takes')
      return false
    }
    this.engine.counters.messagesSent++
    this.send(bytes)
    return true
  }

  /** A reason string, if the client wants such [MQTT-3.1.2-29] and there is room for one. */
  reasonProperties(reason: string | undefined): Properties | undefined {
    if (reason === undefined || this.version < 5 || !this.wantsProblemInformation) return undefined
    const reasonString = shownText(reason)
    const roomy = this.outlet.maxPacketBytes > 64 + Buffer.byteLength(reasonString)
    return roomy ? { reasonString } : undefined
  }

  /** Stops handing out packets until `release`; calls add up. Reading stops too, so that the client feels it. */
  hold(): void {
    this.intake.hold()
  }

  release(): void {
    if (this.intake.release()) this.farewell.handled()
  }

  /** A packet that is as much work as so many more: they count against the client's rate too. */
  charge(packets: number): void {
    const waitMs = this.pace.charge(packets, this.engine.clock.nowMs)
    if (waitMs !== AT_ONCE) this.restFor(waitMs)
  }

  /** Too much at once, or too fast: nothing more is handled in this turn, or for a while. */
  private restFor(waitMs: number): void {
    this.hold()
    const { deadlines, clock, turns } = this.engine
    if (waitMs === NEXT_TURN) {
      turns.later(this.goOn)
      return
    }
    deadlines.at(clock.nowMs() + waitMs, this.goOn)
    const counters = this.session?.counters
    if (counters && counters.heldBack++ === 0) tellHeldBack(this.engine, this.clientId)
  }

  private readonly goOn = (): void => this.release()

  /** Refuses a client that is not connected yet: CONNACK with the code, then the end. */
  refuse(reasonCode: number, words: string, logCode?: string): void {
    const reason = shownText(words)
    this.noteRefusal(reasonCode, reason, logCode)
    const connack = encodeConnack(this.version, false, reasonCode, this.reasonProperties(reason))
    if (connack.length <= this.outlet.maxPacketBytes) this.send(connack)
    this.end(reasonCode, reason, false)
  }

  /** Refuses one that is not owed an answer. */
  turnAway(reasonCode: number, reason: string): void {
    this.noteRefusal(reasonCode, reason)
    this.end(reasonCode, reason, false)
  }

  private noteRefusal(reasonCode: number, reason: string, code?: string): void {
    const { clientId, io, engine } = this
    this.isRefused = true
    engine.refusals.note({ clientId, remoteAddress: io.remoteAddress, reasonCode, reason, code })
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
    this.endReason ??= { code: reasonCode, text: shownText(reason), isClean }
    this.outlet.flush()
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

  /** From the intake. */
  onRead(bytes: number): void {
    this.lastHeardMs = this.engine.clock.nowMs()
    this.engine.counters.bytesReceived += bytes
    if (this.session !== null) this.session.counters.bytesReceived += bytes
  }

  /** More came than may be kept, on a transport that cannot hold its peer back. */
  onOverrun(words: string): void {
    this.disconnect(Reason.quotaExceeded, words)
  }

  /** The client reads again, or has fallen so far behind that we stop reading from it. From the outlet. */
  onOutlet(isChoked: boolean): void {
    this.intake.choke(isChoked)
    if (!isChoked) this.session?.outbound.pump()
  }

  private readonly onClosed = (cause = 'the client closed the connection'): void => {
    if (this.state === 'closed') return
    // Who has gone need not read what it was sent.
    this.intake.choke(false)
    if (this.intake.isHolding && this.state !== 'new') this.farewell.begin(cause)
    else this.gone(cause)
  }

  /** The peer has gone, and all that was heard of it is handled. */
  gone(cause: string): void {
    if (this.state === 'authenticating' && this.session === null) {
      this.noteRefusal(Reason.unspecifiedError, 'the client left during its login')
    }
    this.endReason ??= { code: 0x80, text: cause, isClean: false }
    this.settle()
  }

  /** A whole packet, from the framer. */
  onPacket(head: number, buffer: Buffer, from: number, start: number, end: number): void {
    const { counters, clock } = this.engine
    counters.messagesReceived++
    const waitMs = this.pace.spend(head >> 4, end - from, clock.nowMs)
    if (waitMs !== AT_ONCE) this.restFor(waitMs)
    dispatchPacket(this, head, buffer, from, start, end)
  }

  /** Once, at the end: the session is told, its will sent or not, its presence made known. */
  private settle(): void {
    if (this.state === 'closed') return
    this.state = 'closed'
    this.engine.connections.delete(this)
    this.inbound.close()
    this.intake.close()
    this.outlet.close()
    this.tellSession()
    this.farewell.settled()
  }

  private tellSession(): void {
    const { session, endReason } = this
    // Who was not let in has been noted as refused, or only looked.
    if (session === null || endReason === null) return
    if (!endReason.isClean && !this.isRefused) {
      this.engine.recentEnds.add({
        atMs: this.engine.clock.nowMs(),
        clientId: this.clientId,
        remoteAddress: this.io.remoteAddress,
        wasRefused: false,
        reasonCode: endReason.code,
        reason: endReason.text,
      })
    }
    this.handshake.left(session, endReason)
  }
}
