/**
 * The WebSocket protocol of the contract: `hello`, `welcome`, then one message a frame, its `type`
 * the last segment of the MQTT topic.
 */
import { Ack, type Problem, Welcome } from '../protocol/schemas.ts'
import { type Clock, monotonicMs } from './clock.ts'
import { DeviceClientError, localProblem, ProblemError } from './errors.ts'
import { type FrameCodec, frameCodec } from './frame-codec.ts'
import type { Delivery, Link, LinkHandlers, LinkOptions, OpenLink, Upstream } from './link.ts'
import { checkMessage, readDownstream } from './read-message.ts'

/** What the client needs of a WebSocket: the global class of browsers and Node 22, and the `ws` package. */
export interface WebSocketLike {
  binaryType: string
  readonly readyState: number
  send(data: string | Uint8Array<ArrayBuffer>): void
  close(code?: number, reason?: string): void
  /** Node's `ws` only: closes without the closing handshake. */
  terminate?(): void
  addEventListener(type: 'open', listener: () => void): void
  addEventListener(type: 'error', listener: () => void): void
  addEventListener(type: 'message', listener: (event: { data: unknown }) => void): void
  addEventListener(type: 'close', listener: (event: { code: number; reason: string }) => void): void
}
/** Opens a socket; where the sockets come from differs between the browser and Node. */
export type OpenSocket = (
  url: string,
  protocol: string,
  tls?: LinkOptions['tls'],
) => Promise<WebSocketLike>

/** Room for a handshake on a slow radio link before a close counts as done. */
const CLOSE_TIMEOUT_MS = 1_000
const WS_OPEN = 1
/** As long as MQTT's keep alive: after so long without a word the gateway is asked whether it is there. */
const PING_AFTER_MS = 30_000
/** Then the link is dead: no browser shows the pings of RFC 6455, and none of a network that is gone comes. */
const PONG_WITHIN_MS = 10_000

type Frame = Readonly<Record<string, unknown>>

export function websocketLinkOpener(options: LinkOptions, openSocket: OpenSocket): OpenLink {
  return async (handlers) => {
    const codec = await frameCodec(options.encoding)
    const socket = await openSocket(options.url.href, `kefu.v1.${options.encoding}`, options.tls)
    socket.binaryType = 'arraybuffer'
    const connection = new Connection(socket, codec, handlers, options.clock)
    await connection.welcome(options)
    return connection.asLink(options)
  }
}

class Connection {
  readonly #socket: WebSocketLike
  readonly #codec: FrameCodec
  readonly #handlers: LinkHandlers
  readonly #clock: Clock
  #heardAtMs = 0
  #cancelPing: () => void = () => undefined
  /** Messages that wait for their ack frame, by id. */
  readonly #waiting = new Map<string, { keep(): void; lose(error: Error): void }>()
  #state: 'greeting' | 'open' | 'gone' = 'greeting'
  #onWelcome: () => void = () => undefined
  #onRefused: (error: Error) => void = () => undefined

  constructor(socket: WebSocketLike, codec: FrameCodec, handlers: LinkHandlers, clock: Clock) {
    this.#socket = socket
    this.#clock = clock
    this.#codec = codec
    this.#handlers = handlers
    socket.addEventListener('message', (event) => this.#onFrame(event.data))
    socket.addEventListener('error', () => undefined)
    socket.addEventListener('close', (event) => {
      this.#onGone(`closed ${event.code}${event.reason === '' ? '' : ` ${event.reason}`}`)
    })
  }

  /** Says hello and waits for the welcome. */
  async welcome(options: LinkOptions): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined
    try {
      return await new Promise<void>((resolve, reject) => {
        this.#onWelcome = resolve
        this.#onRefused = reject
        timer = setTimeout(() => {
          reject(new DeviceClientError('client.link-failed', 'no welcome in time'))
        }, options.connectTimeoutMs)
        const hello = { type: 'hello', deviceId: options.deviceId, token: options.token }
        const greet = () => this.#socket.send(this.#codec.encode(hello))
        if (this.#socket.readyState === WS_OPEN) greet()
        else this.#socket.addEventListener('open', greet)
      })
    } catch (error) {
      this.#state = 'gone'
      this.#drop()
      throw error
    } finally {
      clearTimeout(timer)
    }
  }

  asLink({ encoding }: LinkOptions): Link {
    this.#watch()
    return {
      info: { transport: `websocket ${encoding}` },
      send: (message) => this.#send(message),
      close: () => this.#close(),
      destroy: () => this.#lose('dropped by the device'),
    }
  }

  #send(message: Upstream): Promise<Delivery> {
    if (this.#state !== 'open')
      return Promise.reject(new DeviceClientError('client.link-failed', 'connection closed'))
    this.#socket.send(this.#codec.encode({ ...message.body, type: message.name }))
    const { id } = message
    // An ask is acknowledged by its answer; a state without id is sent again with the next connection.
    if (id === undefined || message.name === 'ask') return Promise.resolve({ kind: 'written' })
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { keep: () => resolve({ kind: 'kept' }), lose: reject })
    })
  }

  /** A network that is gone says nothing, and a device that only listens would wait for ever. */
  #watch(): void {
    const nowMs = monotonicMs(this.#clock)
    const quietForMs = PING_AFTER_MS - (nowMs - this.#heardAtMs)
    if (quietForMs > 0) {
      this.#cancelPing = this.#clock.after(quietForMs, () => this.#watch())
      return
    }
    this.#socket.send(this.#codec.encode({ type: 'ping' }))
    this.#cancelPing = this.#clock.after(PONG_WITHIN_MS, () => {
      if (this.#heardAtMs >= nowMs) this.#watch()
      else this.#lose('not a word from the gateway')
    })
  }

  #onFrame(data: unknown): void {
    this.#heardAtMs = monotonicMs(this.#clock)
    try {
      const frame = this.#codec.decode(data)
      if (this.#state === 'greeting') this.#onGreeting(frame)
      else if (frame.type === 'ack') this.#onAck(checkMessage(Ack, frame, 'client.unreadable'))
      else this.#onMessage(frame)
    } catch (error) {
      const message = localProblem('client.unreadable', String(error))
      this.#handlers.onMessage({ name: 'problem', message })
    }
  }

  #onGreeting(frame: Frame): void {
    if (frame.type === 'welcome') {
      this.#state = 'open'
      const { time } = checkMessage(Welcome, frame, 'client.unreadable')
      this.#handlers.onMessage({ name: 'time', message: { time } })
      this.#onWelcome()
      return
    }
    const problem = readProblem(frame)
    this.#onRefused(
      problem === undefined
        ? new DeviceClientError('client.link-failed', 'the first frame was no welcome')
        : new ProblemError(problem),
    )
  }

  #onAck(ack: Ack): void {
    if (ack.inReplyTo === undefined) return
    this.#waiting.get(ack.inReplyTo)?.keep()
    this.#waiting.delete(ack.inReplyTo)
  }

  #onMessage(frame: Frame): void {
    const problem = readProblem(frame)
    if (problem !== undefined) {
      this.#handlers.onMessage({ name: 'problem', message: problem })
      return
    }
    const message = readDownstream(String(frame.type), frame)
    if (message !== undefined) this.#handlers.onMessage(message)
  }

  async #close(): Promise<void> {
    if (this.#state === 'gone') return
    const closed = new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, CLOSE_TIMEOUT_MS)
      this.#socket.addEventListener('close', () => {
        clearTimeout(timer)
        resolve()
      })
    })
    this.#socket.close(1000)
    await closed
    this.#drop()
    this.#onGone('closed by the device')
  }

  #lose(reason: string): void {
    this.#drop()
    this.#onGone(reason)
  }

  #drop(): void {
    if (this.#socket.terminate !== undefined) this.#socket.terminate()
    else this.#socket.close()
  }

  #onGone(reason: string): void {
    if (this.#state === 'gone') return
    const wasOpen = this.#state === 'open'
    this.#state = 'gone'
    this.#cancelPing()
    const error = new DeviceClientError('client.link-failed', reason)
    for (const waiting of this.#waiting.values()) waiting.lose(error)
    this.#waiting.clear()
    if (wasOpen) this.#handlers.onClose(reason)
    else this.#onRefused(error)
  }
}

/** The `type` member of RFC 9457, made of the code. */
const PROBLEM_URN = 'urn:kefu:problem:'

/** A problem frame: its `type` is the frame's, so the problem's own is made of the code. */
function readProblem(frame: Frame): Problem | undefined {
  if (frame.type !== 'problem') return undefined
  const problem = { ...frame, type: PROBLEM_URN + String(frame.code) }
  const message = readDownstream('problem', problem)
  return message?.name === 'problem' ? message.message : undefined
}
