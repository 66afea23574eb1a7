/** One simulated device: a machine, the client of the SDK, a loudspeaker that takes its time. */
import type { AskRequest, DeviceClient } from '@kefu-edge/device-sdk/client/api'
import { createDeviceClient } from '@kefu-edge/device-sdk/client/node'
import { memoryQueueStore } from '@kefu-edge/device-sdk/client/queue-store'
import { createSpeechPlayer, type SpeechPlayer } from '@kefu-edge/device-sdk/client/speech-player'
import type { Answer, Credentials, Speech } from '@kefu-edge/device-sdk/protocol/schemas'
import { Network } from './faulty-link.ts'
import { bedside } from './machines/bedside.ts'
import { kiosk } from './machines/kiosk.ts'
import type { Button, Effect, Input, Kind, Machine } from './machines/machine.ts'
import { speaker } from './machines/speaker.ts'
import type { Random } from './random.ts'
import { type Homophones, recognise } from './recogniser.ts'
import type { ScenarioDevice } from './scenario.ts'
import type { Phrases, TranscriptEntry } from './transcript.ts'

/** Mandarin at a calm pace: about five and a half syllables a second. */
const MS_PER_CHARACTER = 180

export type AskOutcome =
  | { readonly kind: 'answered'; readonly answer: Answer; readonly tookMs: number }
  | { readonly kind: 'failed'; readonly code: string }
  /** The device was in no state to take a question. */
  | { readonly kind: 'ignored' }

export interface SimDeviceOptions {
  readonly device: ScenarioDevice
  readonly credentials: Credentials
  readonly gateway: string
  readonly random: Random
  readonly homophones: Homophones
  readonly phrases: Phrases
  /** How many times faster than a person it speaks. */
  readonly speechSpeed: number
  readonly askTimeoutMs: number
  readonly log: (entry: Omit<TranscriptEntry, 'atMs' | 'device'>) => void
}

interface RunningMachine {
  step(input: Input): readonly Effect[]
}

function run<State extends { readonly at: string }>(machine: Machine<State>): RunningMachine {
  let { start: state } = machine
  return {
    step: (input) => {
      const next = machine.step(state, input)
      state = next.state
      return next.effects
    },
  }
}

function machineFor(kind: Kind): RunningMachine {
  switch (kind) {
    case 'kiosk':
      return run(kiosk)
    case 'speaker':
      return run(speaker)
    case 'bedside':
      return run(bedside)
  }
}

/** Words of a speech as they are spoken. */
export const spokenText = (speech: Speech): string =>
  speech.ssml
    .replace(/<[^>]*>/g, '')
    .replace(/\s+/g, ' ')
    .replace(/&lt;/g, '<')
    .replace(/&gt;/g, '>')
    .replace(/&amp;/g, '&')
    .trim()

export class SimDevice {
  readonly network = new Network()
  /** The device's flash: it survives a power cut. */
  readonly #queue = memoryQueueStore()
  readonly #options: SimDeviceOptions
  readonly #answers = new Map<string, string>()
  readonly #announced = new Set<string>()
  readonly #heard: Speech[] = []
  #machine: RunningMachine
  #client: DeviceClient | undefined
  #player: SpeechPlayer | undefined

  constructor(options: SimDeviceOptions) {
    this.#options = options
    this.#machine = machineFor(options.device.kind)
    this.boot()
  }

  /** Announcements played and not yet asked for by `takeHeard`. */
  get heard(): readonly Speech[] {
    return this.#heard
  }

  takeHeard(pattern: RegExp): Speech | undefined {
    const index = this.#heard.findIndex((s) => pattern.test(s.text) || pattern.test(spokenText(s)))
    return index < 0 ? undefined : this.#heard.splice(index, 1)[0]
  }

  boot(): void {
    if (this.#client !== undefined) return
    const { credentials, gateway, random, askTimeoutMs, device } = this.#options
    this.#machine = machineFor(device.kind)
    const client = createDeviceClient({
      deviceId: credentials.deviceId,
      token: credentials.token,
      url: gateway,
      queue: this.#queue,
      random,
      askTimeoutMs,
      wrapLink: (open) => this.network.wrap(open),
    })
    this.#client = client
    this.#player = createSpeechPlayer({
      play: (speech, signal) => this.#play(speech, signal),
      report: (id, state, reason) => client.reportPlayed(id, state, reason),
      gatewayTime: client.gatewayTime,
      // After a power cut a report may find its client closed.
      onError: () => undefined,
    })
    client.onSpeech((speech) => {
      this.#announced.add(speech.id)
      this.#react({ kind: 'announced', speech })
    })
    client.onAnswer((answer) => this.#checkSameAnswer(answer))
    client.onProblem((problem) => this.#fail(`${problem.code}: ${problem.detail}`))
  }

  /** Waits until the device is connected, for a while at most: a gateway may be away on purpose. */
  async ready(timeoutMs: number): Promise<void> {
    const client = this.#client
    if (client === undefined || client.connection.kind === 'online') return
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, timeoutMs)
      const stop = client.onConnection((state) => {
        if (state.kind !== 'online') return
        clearTimeout(timer)
        stop()
        resolve()
      })
    })
  }

  /** Power is cut: nothing is said, nothing is closed. */
  kill(): void {
    this.#player?.close()
    this.#client?.kill()
    this.#player = undefined
    this.#client = undefined
  }

  async close(): Promise<void> {
    this.#player?.close()
    await this.#client?.close()
    this.#player = undefined
    this.#client = undefined
  }

  async say(text: string, unclear: boolean): Promise<AskOutcome> {
    const { device, random, homophones, phrases } = this.#options
    this.#options.log({ who: device.subject?.kind ?? 'visitor', text })
    const alternatives =
      device.kind === 'speaker' ? recognise(text, unclear, random, homophones) : undefined
    if (unclear && alternatives?.[0] !== undefined)
      this.#options.log({
        who: 'note',
        text: `${phrases.notes['heard-as']}“${alternatives[0].text}”`,
      })
    const question = alternatives === undefined ? { text } : { alternatives }
    return this.#feed({ kind: 'heard', question })
  }

  choose(number: number): Promise<AskOutcome> {
    return this.#feed({ kind: 'chosen', number })
  }

  async press(button: Button): Promise<void> {
    const { phrases, log } = this.#options
    log({ who: 'note', text: `${phrases.notes.press}“${phrases.buttons[button]}”` })
    await this.#feed({ kind: 'pressed', button })
  }

  /** Waits until the gateway has everything. Throws `client.timeout`. */
  async delivered(timeoutMs: number): Promise<void> {
    await this.#client?.flush(timeoutMs)
  }

  /** An input that nobody waits for. */
  #react(input: Input): void {
    this.#feed(input).catch((error: unknown) => this.#fail(String(error)))
  }

  /** Resolves with the outcome of the question that the input led to. */
  async #feed(input: Input): Promise<AskOutcome> {
    let outcome: AskOutcome = { kind: 'ignored' }
    for (const effect of this.#machine.step(input)) {
      if (effect.do === 'ask') outcome = await this.#ask(effect.request)
      else await this.#perform(effect)
    }
    return outcome
  }

  async #ask(request: AskRequest): Promise<AskOutcome> {
    const client = this.#client
    if (client === undefined) return { kind: 'failed', code: 'client.closed' }
    const { device } = this.#options
    const startedMs = performance.now()
    try {
      const answer = await client.ask({
        ...request,
        ...(device.subject === undefined ? {} : { subject: device.subject }),
        ...(device.lang === undefined ? {} : { lang: device.lang }),
      })
      const tookMs = performance.now() - startedMs
      this.#logAnswer(answer, tookMs)
      await this.#feed({ kind: 'answered', answer })
      return { kind: 'answered', answer, tookMs }
    } catch (error) {
      if (!(error instanceof Error) || !('code' in error)) throw error
      const code = String(error.code)
      await this.#feed({ kind: 'failed', code })
      return { kind: 'failed', code }
    }
  }

  async #perform(effect: Exclude<Effect, { do: 'ask' }>): Promise<void> {
    const { log, phrases } = this.#options
    switch (effect.do) {
      case 'say':
        this.#player?.say(effect.speech)
        return
      case 'say-own':
        log({ who: 'device', text: phrases[effect.phrase] })
        return
      case 'show':
        if (effect.suggestions.length > 0)
          log({
            who: 'note',
            text: `${phrases.notes.suggestions}：${effect.suggestions.join(' / ')}`,
          })
        return
      case 'send-event':
        await this.#client?.sendEvent(effect.event)
        if (!this.network.online) log({ who: 'note', text: phrases.notes.queued ?? '' })
        return
      case 'acknowledge':
        this.#player?.acknowledge(effect.speechId)
        log({ who: 'note', text: phrases.notes.acknowledged ?? '' })
        return
      case 'hush':
        this.#player?.listen()
        this.#player?.listened()
    }
  }

  async #play(speech: Speech, signal: AbortSignal): Promise<void> {
    const words = spokenText(speech)
    const durationMs = (words.length * MS_PER_CHARACTER) / this.#options.speechSpeed
    if (this.#announced.has(speech.id)) {
      this.#heard.push(speech)
      this.#options.log({ who: 'broadcast', text: words, detail: speech.priority })
    }
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, durationMs)
      signal.addEventListener('abort', () => {
        clearTimeout(timer)
        resolve()
      })
    })
    if (signal.aborted) return
    // After the player has taken note of the end.
    queueMicrotask(() => this.#react({ kind: 'spoken', speechId: speech.id }))
  }

  /** The contract: the same question always gets the same answer. */
  #checkSameAnswer(answer: Answer): void {
    const known = this.#answers.get(answer.inReplyTo)
    this.#answers.set(answer.inReplyTo, known ?? answer.id)
    if (known !== undefined && known !== answer.id)
      this.#fail(`two answers to ${answer.inReplyTo}: ${known} and ${answer.id}`)
  }

  #logAnswer(answer: Answer, tookMs: number): void {
    const { device, log } = this.#options
    const spoken = answer.speech === undefined ? '' : spokenText(answer.speech)
    const text = device.kind === 'speaker' && spoken !== '' ? spoken : answer.text
    const intent = answer.intent
    const why =
      intent === undefined
        ? answer.status
        : `${intent.name} ${Math.round(intent.confidence * 100)}%`
    log({ who: 'gateway', text, detail: `${why} · ${tookMs.toFixed(1)} ms` })
  }

  #fail(text: string): void {
    this.#options.log({ who: 'failure', text })
  }
}
