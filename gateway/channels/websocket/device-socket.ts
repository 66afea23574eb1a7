/**
 * The WebSocket protocol `kefu.v1`: hello → welcome, then messages by the name of their topic's last
 * segment. JSON in text frames or MessagePack in binary frames, by subprotocol.
 */
import type { DownstreamName, GatewayTime } from '@kefu-edge/device-sdk/protocol/schemas'
import { Hello } from '@kefu-edge/device-sdk/protocol/schemas'
import { TypeCompiler } from '@sinclair/typebox/compiler'
import { Packr } from 'msgpackr'
import type { Clock } from '../../clock.ts'
import type { Admission } from '../../devices/admission.ts'
import { GatewayError, isInternal, toProblem } from '../../errors.ts'
import type { Logger } from '../../logger.ts'
import { invalidMessage } from '../../schema-wording.ts'
import type { Device } from '../../turn.ts'
import type { WebSocketEndpoint, WebSocketListener, WebSocketPeer } from '../http/server.ts'
import type { Inbox } from '../inbox.ts'
import { checkMessage, decodeMap, type Encoding } from '../parse-message.ts'
import { type FrameLimits, FrameRate } from './frame-rate.ts'

const HELLO_TIMEOUT_MS = 5000
/** Frames larger than a message are read so that they can be refused with a reason; beyond this the connection is cut. */
const MAX_FRAME_BYTES = 2 * 1024 * 1024
/** A device that reads more slowly than it is spoken to is cut before it eats the box's memory; it reconnects. */
const MAX_BUFFERED_BYTES = 1024 * 1024
/** What a device may send behind its hello while its password is looked at: about a tenth of a second. */
const MAX_HELD_FRAMES = 16
const MAX_HELD_BYTES = 256 * 1024
/** Asks of one socket worked on at a time; a device with more waits for answers first. */
const MAX_UNANSWERED = 256
const TOO_MANY_AT_ONCE = 'too many devices connect at once; mqtt.connectsPerSecond sets the limit'
/** RFC 6455 section 7.4: policy violation, and 4xxx for the application. */
const CLOSE = { policy: 1008, overload: 1013, refused: 4401, taken: 4409, shutdown: 1001 } as const

export interface DeviceSockets {
  readonly endpoint: WebSocketEndpoint
  /** Sends to a device connected by WebSocket; false when it is not. */
  send(deviceId: string, name: DownstreamName, message: object): boolean
  isConnected(deviceId: string): boolean
  /** Ids of the devices connected now. */
  connected(): readonly string[]
  /** Closes the connection of a device whose rights ended. */
  disconnect(deviceId: string, reason: string): void
  count(): number
}

export interface DeviceSocketParts {
  readonly inbox: Inbox
  readonly admission: Admission
  /** The device as the registry has it now: its kind and groups change while it is connected. */
  readonly current: (device: Device) => Device
  readonly clock: Clock
  readonly logger: Logger
  readonly serverName: string
  readonly limits: FrameLimits
  /** Counts one who wants to come in; false: too many do at once. */
  readonly admits: (remoteAddress: string) => boolean
  readonly onConnected: (device: Device) => void
  /** `reason` in plain words. */
  readonly onDisconnected: (device: Device, reason: string) => void
}

const hello = TypeCompiler.Compile(Hello)
const packr = new Packr({ useRecords: false })

export function createDeviceSockets(parts: DeviceSocketParts): DeviceSockets {
  const byDevice = new Map<string, DeviceSocket>()
  const register = (socket: DeviceSocket, device: Device) => {
    const before = byDevice.get(device.id)
    byDevice.set(device.id, socket)
    before?.close(CLOSE.taken, 'the device connected again')
    parts.onConnected(device)
  }
  const unregister = (socket: DeviceSocket, device: Device) => {
    if (byDevice.get(device.id) !== socket) return
    byDevice.delete(device.id)
    parts.onDisconnected(device, socket.endReason)
  }
  return {
    endpoint: {
      path: '/v1/ws',
      protocols: ['kefu.v1.msgpack', 'kefu.v1.json'],
      maxPayloadBytes: MAX_FRAME_BYTES,
      onOpen: (peer) => new DeviceSocket(parts, peer, register, unregister),
    },
    send: (deviceId, name, message) => byDevice.get(deviceId)?.send(name, message) ?? false,
    isConnected: (deviceId) => byDevice.has(deviceId),
    connected: () => [...byDevice.keys()],
    disconnect: (deviceId, reason) => byDevice.get(deviceId)?.close(CLOSE.policy, reason),
    count: () => byDevice.size,
  }
}

type Registrar = (socket: DeviceSocket, device: Device) => void

class DeviceSocket implements WebSocketListener {
  readonly #parts: DeviceSocketParts
  readonly #peer: WebSocketPeer
  readonly #encoding: Encoding
  readonly #register: Registrar
  readonly #unregister: Registrar
  readonly #helloTimer: NodeJS.Timeout
  #device: Device | undefined
  #held: { readonly data: Uint8Array; readonly isBinary: boolean }[] | undefined
  #isClosed = false
  readonly #rate: FrameRate
  #unanswered = 0
  /** Why the connection ended, as far as this side knows. */
  endReason = 'the device closed the connection or was lost'

  constructor(
    parts: DeviceSocketParts,
    peer: WebSocketPeer,
    register: Registrar,
    unregister: Registrar,
  ) {
    this.#parts = parts
    this.#peer = peer
    this.#encoding = peer.protocol === 'kefu.v1.msgpack' ? 'msgpack' : 'json'
    this.#register = register
    this.#unregister = unregister
    this.#rate = new FrameRate(parts.limits, () => parts.clock.monotonic())
    this.#helloTimer = setTimeout(() => {
      this.#refuse(new GatewayError('auth.hello-timeout'))
      this.close(CLOSE.policy, 'no hello within 5 s')
    }, HELLO_TIMEOUT_MS)
  }

  onMessage(data: Uint8Array, isBinary: boolean): void {
    // Until the peer has answered our close, it may still send.
    if (this.#isClosed) return
    if (this.#held) {
      this.#hold(this.#held, data, isBinary)
      return
    }
    let inReplyTo: string | undefined
    if (this.#device) this.#rate.count(data.length)
    try {
      const frame = decodeMap(data, isBinary && this.#encoding === 'msgpack' ? 'msgpack' : 'json')
      if (typeof frame.id === 'string') inReplyTo = frame.id.slice(0, 64)
      const { type, ...message } = frame
      if (!this.#device) {
        this.#greet(frame)
        return
      }
      this.#rate.check()
      if (typeof type !== 'string') {
        throw new GatewayError('message.invalid', {
          field: '/type',
          detail: '/type: the name of the message is expected',
        })
      }
      if (type === 'ping') this.send('time', this.#time())
      else void this.#receive(this.#device, type, message)
    } catch (error) {
      this.#refuse(error, inReplyTo)
      if (!this.#device) this.close(CLOSE.refused, 'hello was refused')
      else if (this.#rate.isFarAhead) this.close(CLOSE.overload, 'it sent faster than it may')
    }
  }

  onDrain(): void {}

  onClose(cause?: string): void {
    this.#end(cause ?? this.endReason)
  }

  /** False when it is closed, by either side. */
  send(name: string, message: object): boolean {
    if (this.#isClosed) return false
    if (this.#peer.bufferedBytes() > MAX_BUFFERED_BYTES) {
      this.#parts.logger.warn(
        { device: this.#device?.id },
        'device reads too slowly, connection cut',
      )
      this.#end('the device read too slowly')
      this.#peer.destroy()
      return false
    }
    const frame = { ...message, type: name }
    this.#peer.send(this.#encoding === 'json' ? JSON.stringify(frame) : packr.pack(frame))
    return true
  }

  close(code: number, reason: string): void {
    this.#end(reason)
    this.#peer.close(code, reason)
  }

  /** From here on nothing is taken nor sent; the device counts as gone, whenever its network notices. */
  #end(reason: string): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.endReason = reason
    clearTimeout(this.#helloTimer)
    if (this.#device) this.#unregister(this, this.#device)
  }

  #greet(frame: Record<string, unknown>): void {
    const { admission } = this.#parts
    if (!hello.Check(frame)) {
      const lead = 'the first frame must be hello; '
      throw invalidMessage(hello.Errors(frame).First(), { what: 'hello', lead })
    }
    const { remoteAddress, wasAdmitted } = this.#peer
    if (!wasAdmitted && !this.#parts.admits(remoteAddress)) {
      throw new GatewayError('limit.overloaded', { detail: TOO_MANY_AT_ONCE })
    }
    const known = admission.login({
      deviceId: frame.deviceId,
      token: frame.token,
      remoteAddress,
    })
    clearTimeout(this.#helloTimer)
    if (!(known instanceof Promise)) {
      this.#welcome(known)
      return
    }
    this.#held = []
    known.then(
      (device) => this.#welcome(device),
      (error: unknown) => {
        this.#refuse(error)
        this.close(CLOSE.refused, 'hello was refused')
      },
    )
  }

  #welcome(device: Device): void {
    if (this.#isClosed) return
    this.#device = device
    this.send('welcome', {
      deviceId: device.id,
      server: this.#parts.serverName,
      ...this.#time(),
      maxFrameBytes: MAX_FRAME_BYTES,
    })
    this.#register(this, device)
    const held = this.#held ?? []
    this.#held = undefined
    for (const { data, isBinary } of held) this.onMessage(data, isBinary)
  }

  #time(): GatewayTime {
    return { time: new Date(this.#parts.clock.now()).toISOString() }
  }

  #hold(
    held: { readonly data: Uint8Array; readonly isBinary: boolean }[],
    data: Uint8Array,
    isBinary: boolean,
  ): void {
    held.push({ data, isBinary })
    const bytes = held.reduce((sum, frame) => sum + frame.data.length, 0)
    if (held.length <= MAX_HELD_FRAMES && bytes <= MAX_HELD_BYTES) return
    this.#refuse(new GatewayError('limit.overloaded', { detail: 'wait for welcome' }))
    this.close(CLOSE.overload, 'too much before welcome')
  }

  async #receive(device: Device, type: string, message: Record<string, unknown>): Promise<void> {
    const inReplyTo = typeof message.id === 'string' ? message.id.slice(0, 64) : undefined
    if (this.#unanswered >= MAX_UNANSWERED) {
      this.#refuse(
        new GatewayError('limit.overloaded', {
          detail: `${MAX_UNANSWERED} messages wait for their answer`,
        }),
        inReplyTo,
      )
      return
    }
    this.#unanswered++
    try {
      const answer = await this.#parts.inbox.receive(
        this.#parts.current(device),
        'websocket',
        checkMessage(type, message),
      )
      if (answer) this.send('answer', answer)
      else this.send('ack', inReplyTo === undefined ? {} : { inReplyTo })
    } catch (error) {
      this.#refuse(error, inReplyTo)
    } finally {
      this.#unanswered--
    }
  }

  #refuse(error: unknown, inReplyTo?: string): void {
    if (isInternal(error)) this.#parts.logger.error({ error }, 'message failed')
    this.send('problem', toProblem(error, inReplyTo))
  }
}
