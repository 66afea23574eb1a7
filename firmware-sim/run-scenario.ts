/** Runs one scenario against a gateway and says whether it went as expected. */
import type { Answer, Credentials, Priority } from '@kefu-edge/device-sdk/protocol/schemas'
import { randomFor } from './random.ts'
import { loadHomophones } from './recogniser.ts'
import {
  deviceOf,
  durationMs,
  type Expectation,
  type Scenario,
  type ScenarioDevice,
  type ScenarioStep,
} from './scenario.ts'
import { type AskOutcome, SimDevice, spokenText } from './sim-device.ts'
import { loadPhrases, type TranscriptEntry } from './transcript.ts'

/** Playing everything at 20 times a person's speed keeps a demo short and the order of things true. */
export const SPEECH_SPEED = 20
/** A person in front of a device does not wait longer. */
export const ASK_TIMEOUT_MS = 5_000
/** How long `hear` and `delivered` wait unless the step says otherwise: a reconnect and a reminder. */
const WAIT_MS = 10_000
const POLL_MS = 10
/** A first connection takes two round trips; longer means that the gateway is away. */
const READY_MS = 5_000

export interface Announcement {
  readonly text: string
  readonly priority: Priority
  readonly untilAcknowledged: boolean
}

export interface RunOptions {
  readonly scenario: Scenario
  /** Overrides the scenario's. The same seed hears, waits and stumbles the same way. */
  readonly seed?: number
  /** `mqtt://…` or `ws://…/v1/ws`. */
  readonly gateway: string
  readonly credentials: (device: ScenarioDevice) => Credentials | Promise<Credentials>
  /** Staff broadcast to a device, for scenarios with `announce`. */
  readonly announce?: (deviceId: string, announcement: Announcement) => Promise<void>
  /** Each line of the conversation as it happens. */
  readonly onEntry?: (entry: TranscriptEntry) => void
  readonly speechSpeed?: number
  readonly askTimeoutMs?: number
  /** A pause before each step, so that a person can read along. Default: none. */
  readonly pauseMs?: number
  readonly signal?: AbortSignal
}

export interface RunResult {
  readonly ok: boolean
  readonly failures: readonly string[]
  readonly entries: readonly TranscriptEntry[]
  readonly asks: number
  readonly answered: number
  /** Of each answer, measured on the device. */
  readonly latenciesMs: readonly number[]
}

/** Runs to the end, also past failed expectations. Throws only when a device cannot be set up. */
export async function runScenario(options: RunOptions): Promise<RunResult> {
  const run = new ScenarioRun(options)
  try {
    await run.setUp()
    await run.play()
  } finally {
    await run.tearDown()
  }
  return run.result()
}

class ScenarioRun {
  readonly #options: RunOptions
  readonly #phrases = loadPhrases()
  readonly #devices = new Map<string, SimDevice>()
  readonly #deviceIds = new Map<string, string>()
  readonly #sessions = new Map<string, string>()
  readonly #entries: TranscriptEntry[] = []
  readonly #latenciesMs: number[] = []
  #asks = 0

  constructor(options: RunOptions) {
    this.#options = options
  }

  async setUp(): Promise<void> {
    const { scenario, gateway } = this.#options
    const seed = this.#options.seed ?? scenario.seed ?? 1
    const homophones = loadHomophones()
    for (const device of scenario.devices) {
      const credentials = await this.#options.credentials(device)
      this.#deviceIds.set(device.id, credentials.deviceId)
      const simulated = new SimDevice({
        device,
        credentials,
        gateway,
        random: randomFor(seed, device.id),
        homophones,
        phrases: this.#phrases,
        speechSpeed: this.#options.speechSpeed ?? SPEECH_SPEED,
        askTimeoutMs: this.#options.askTimeoutMs ?? ASK_TIMEOUT_MS,
        log: (entry) => this.#log(device.id, entry),
      })
      this.#devices.set(device.id, simulated)
    }
    await Promise.all([...this.#devices.values()].map((device) => device.ready(READY_MS)))
  }

  async play(): Promise<void> {
    for (const [index, step] of this.#options.scenario.steps.entries()) {
      if (this.#options.signal?.aborted) return
      if (this.#options.pauseMs !== undefined) await this.#pause(this.#options.pauseMs)
      try {
        await this.#step(step)
      } catch (error) {
        this.#fail(index, deviceOf(step), error instanceof Error ? error.message : String(error))
      }
    }
  }

  async tearDown(): Promise<void> {
    await Promise.all([...this.#devices.values()].map((device) => device.close()))
  }

  result(): RunResult {
    const broken = this.#entries.filter((e) => e.who === 'failure').map((e) => e.text)
    return {
      ok: broken.length === 0,
      failures: broken,
      entries: this.#entries,
      asks: this.#asks,
      answered: this.#latenciesMs.length,
      latenciesMs: this.#latenciesMs,
    }
  }

  async #step(step: ScenarioStep): Promise<void> {
    const { notes } = this.#phrases
    if ('say' in step) {
      const outcome = await this.#device(step.at).say(step.say, step.unclear ?? false)
      this.#judge(step.at, outcome, step.expect ?? {})
    } else if ('choose' in step) {
      this.#judge(step.at, await this.#device(step.at).choose(step.choose), step.expect ?? {})
    } else if ('press' in step) await this.#device(step.at).press(step.press)
    else if ('hear' in step) await this.#hear(step.at, step.hear, step.within)
    else if ('announce' in step) await this.#announce(step)
    else if ('wait' in step) await this.#pause(durationMs(step.wait))
    else if ('offline' in step) {
      this.#note(step.offline, notes.offline)
      this.#device(step.offline).network.setOnline(false)
    } else if ('online' in step) {
      this.#note(step.online, notes.online)
      this.#device(step.online).network.setOnline(true)
    } else if ('kill' in step) {
      this.#note(step.kill, notes.kill)
      this.#device(step.kill).kill()
    } else if ('boot' in step) {
      this.#note(step.boot, notes.boot)
      this.#device(step.boot).boot()
    } else if ('fault' in step) {
      this.#note(step.at, `${notes.fault}：${step.fault}`)
      this.#device(step.at).network.setFault(step.fault)
    } else await this.#device(step.delivered).delivered(waitMs(step.within))
  }

  #judge(device: string, outcome: AskOutcome, expected: Expectation): void {
    this.#asks++
    if (outcome.kind === 'ignored') throw new Error('the device was in no state to be asked')
    if (outcome.kind === 'failed') {
      if (expected.failed === outcome.code) return
      throw new Error(`no answer: ${outcome.code}`)
    }
    this.#latenciesMs.push(outcome.tookMs)
    const before = this.#sessions.get(device)
    this.#sessions.set(device, outcome.answer.session)
    const wrong = differences(outcome.answer, outcome.tookMs, expected, before)
    if (wrong.length > 0) throw new Error(wrong.join('; '))
  }

  async #hear(device: string, pattern: string, within: string | undefined): Promise<void> {
    const simulated = this.#device(device)
    const untilMs = performance.now() + waitMs(within)
    while (simulated.takeHeard(new RegExp(pattern, 'u')) === undefined) {
      if (performance.now() > untilMs || this.#options.signal?.aborted) {
        const heard = simulated.heard.map((speech) => speech.text)
        throw new Error(`did not hear /${pattern}/; heard: ${heard.join(' | ') || 'nothing'}`)
      }
      await this.#pause(POLL_MS)
    }
  }

  async #announce(step: Extract<ScenarioStep, { announce: string }>): Promise<void> {
    const { announce } = this.#options
    if (announce === undefined)
      throw new Error(
        'this run has no way to announce: give --data, the folder of the gateway that runs',
      )
    await announce(this.#deviceIds.get(step.at) ?? step.at, {
      text: step.announce,
      priority: step.priority ?? 'normal',
      untilAcknowledged: step.untilAcknowledged ?? false,
    })
  }

  #device(id: string): SimDevice {
    const device = this.#devices.get(id)
    if (device === undefined) throw new Error(`no device "${id}"`)
    return device
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const { signal } = this.#options
      const end = () => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', end)
        resolve()
      }
      const timer = setTimeout(end, ms)
      signal?.addEventListener('abort', end)
    })
  }

  #note(device: string, text: string | undefined): void {
    this.#log(device, { who: 'note', text: text ?? '' })
  }

  #fail(index: number, device: string | undefined, text: string): void {
    this.#log(device, { who: 'failure', text: `step ${index + 1}: ${text}` })
  }

  #log(deviceId: string | undefined, entry: Omit<TranscriptEntry, 'atMs' | 'device'>): void {
    const known = this.#options.scenario.devices.find((device) => device.id === deviceId)
    const whole: TranscriptEntry = {
      atMs: Date.now(),
      ...(known === undefined
        ? {}
        : {
            device: {
              id: this.#deviceIds.get(known.id) ?? known.id,
              kind: known.kind,
              ...(known.place === undefined ? {} : { place: known.place }),
            },
          }),
      ...entry,
    }
    this.#entries.push(whole)
    this.#options.onEntry?.(whole)
  }
}

const waitMs = (within: string | undefined): number =>
  within === undefined ? WAIT_MS : durationMs(within)

/** What is not as expected, in words. */
function differences(
  answer: Answer,
  tookMs: number,
  expected: Expectation,
  sessionBefore: string | undefined,
): string[] {
  const wrong: string[] = []
  const spoken = answer.speech === undefined ? '' : spokenText(answer.speech)
  const matches = (pattern: string, text: string) => new RegExp(pattern, 'u').test(text)
  if (expected.failed !== undefined) wrong.push(`expected to fail with ${expected.failed}`)
  if (expected.status !== undefined && answer.status !== expected.status)
    wrong.push(`status ${answer.status}, expected ${expected.status}`)
  if (expected.intent !== undefined && answer.intent?.name !== expected.intent)
    wrong.push(`intent ${answer.intent?.name ?? 'none'}, expected ${expected.intent}`)
  if (expected.text !== undefined && !matches(expected.text, answer.text))
    wrong.push(`"${answer.text}" does not match /${expected.text}/`)
  if (expected.spoken !== undefined && !matches(expected.spoken, spoken))
    wrong.push(`spoken "${spoken}" does not match /${expected.spoken}/`)
  if (expected.within !== undefined && tookMs > durationMs(expected.within))
    wrong.push(`took ${tookMs.toFixed(0)} ms, expected ${expected.within}`)
  if (expected.sameSession === true && answer.session !== sessionBefore)
    wrong.push(`session ${answer.session}, expected ${sessionBefore ?? 'an earlier one'}`)
  return wrong
}
