/** Runs the announcer against a real loudspeaker and reports what was heard. */
import type { PlayState, Speech } from '../protocol/schemas.ts'
import { Announcer, type AnnouncerAction } from './announcer.ts'
import { type Clock, monotonicMs, systemClock } from './clock.ts'

/** While something waits: the gateway's time may have been told anew, and reminders are to the second. */
const LOOK_AGAIN_MS = 1_000

export interface SpeechPlayerOptions {
  /** Plays to the end, or stops at once when the signal aborts. A rejection counts as failed. */
  readonly play: (speech: Speech, signal: AbortSignal) => Promise<void>
  /** Usually the client's `reportPlayed`. */
  readonly report: (speechId: string, state: PlayState, reason?: string) => Promise<void>
  /** A report could not be queued. */
  readonly onError?: (error: unknown) => void
  /** The client's `gatewayTime`: without it a device whose clock is wrong plays too early, or nothing. */
  readonly gatewayTime?: () => number | undefined
  readonly clock?: Clock
}

export interface SpeechPlayer {
  readonly playing: Speech | undefined
  readonly waiting: readonly Speech[]
  /** Usually called by the client's `onSpeech`, and with the speech of an answer. */
  say(speech: Speech): void
  /** A person confirmed an announcement. */
  acknowledge(speechId: string): void
  /** A person starts to speak. */
  listen(): void
  /** The person is through. */
  listened(): void
  /** Stops what plays; nothing more is played. */
  close(): void
}

export function createSpeechPlayer(options: SpeechPlayerOptions): SpeechPlayer {
  const clock = options.clock ?? systemClock
  const announcer = new Announcer()
  const readClock = () => options.gatewayTime?.() ?? clock.now()
  let aheadMs = readClock() - monotonicMs(clock)
  const now = () => {
    const nowMs = readClock()
    const wasAheadMs = aheadMs
    aheadMs = nowMs - monotonicMs(clock)
    if (aheadMs !== wasAheadMs) announcer.clockSet(aheadMs - wasAheadMs)
    return nowMs
  }
  let current: { readonly id: string; readonly abort: AbortController } | undefined
  let cancelWake: () => void = () => undefined
  let closed = false

  const perform = (actions: readonly AnnouncerAction[]) => {
    for (const action of actions) {
      if (action.do === 'play') start(action.speech)
      else if (action.do === 'stop') stop()
      else
        promised(() => options.report(action.speech.id, action.state, action.reason)).catch(
          (error: unknown) => options.onError?.(error),
        )
    }
    cancelWake()
    const nowMs = now()
    const wakeMs = announcer.nextWakeMs()
    if (wakeMs === undefined || closed) return
    // What is due and does not play is held back (by speech that plays, by a person who speaks).
    const delayMs = wakeMs > nowMs ? Math.min(wakeMs - nowMs, LOOK_AGAIN_MS) : LOOK_AGAIN_MS
    cancelWake = clock.after(delayMs, () => perform(announcer.tick(now())))
  }
  const start = (speech: Speech) => {
    const abort = new AbortController()
    const playing = { id: speech.id, abort }
    current = playing
    const end = (next: () => readonly AnnouncerAction[]) => {
      if (current !== playing || closed) return
      current = undefined
      perform(next())
    }
    promised(() => options.play(speech, abort.signal)).then(
      () => end(() => announcer.finished(speech.id, now())),
      (error: unknown) => end(() => announcer.failed(speech.id, String(error), now())),
    )
  }
  const stop = () => {
    const playing = current
    current = undefined
    playing?.abort.abort()
  }

  return {
    get playing() {
      return announcer.playing
    },
    get waiting() {
      return announcer.waiting
    },
    say: (speech) => perform(announcer.offer(speech, now(), options.gatewayTime?.() !== undefined)),
    acknowledge: (speechId) => perform(announcer.acknowledge(speechId, now())),
    listen: () => perform(announcer.listen(now())),
    listened: () => perform(announcer.listened(now())),
    close: () => {
      closed = true
      cancelWake()
      stop()
    },
  }
}

/** Calls at once; what is thrown before there is a promise rejects it. */
const promised = async (work: () => Promise<void>): Promise<void> => work()
