/**
 * What every simulated device is: a machine that takes an input and gives back its next state and
 * what to do. No clock, no network, no chance inside, so a machine can be read and tested alone.
 */
import type { AskRequest, EventRequest } from '@kefu-edge/device-sdk/client/api'
import type { Answer, Speech } from '@kefu-edge/device-sdk/protocol/schemas'

export const KINDS = ['kiosk', 'speaker', 'bedside'] as const
export type Kind = (typeof KINDS)[number]

export type Button = 'call-nurse' | 'acknowledge' | 'home' | 'stop'
export const BUTTONS: readonly Button[] = ['call-nurse', 'acknowledge', 'home', 'stop']

export type Input =
  /** Words of a person, as the device's microphone or keyboard got them. */
  | { readonly kind: 'heard'; readonly question: Pick<AskRequest, 'text' | 'alternatives'> }
  | { readonly kind: 'pressed'; readonly button: Button }
  /** One of the suggestions on the screen, from 1. */
  | { readonly kind: 'chosen'; readonly number: number }
  | { readonly kind: 'answered'; readonly answer: Answer }
  /** No answer: the gateway refused, or is away. */
  | { readonly kind: 'failed'; readonly code: string }
  /** Speech that the gateway sent by itself. */
  | { readonly kind: 'announced'; readonly speech: Speech }
  /** The loudspeaker is through with a speech. */
  | { readonly kind: 'spoken'; readonly speechId: string }
  /** Nobody did anything for a while. */
  | { readonly kind: 'idle-timeout' }

/** The device's own words; their texts are data. */
export type OwnPhrase = 'offline' | 'refused' | 'nurse-called' | 'goodbye'

export type Effect =
  | { readonly do: 'ask'; readonly request: AskRequest }
  | { readonly do: 'say'; readonly speech: Speech }
  | { readonly do: 'say-own'; readonly phrase: OwnPhrase }
  | { readonly do: 'show'; readonly text: string; readonly suggestions: readonly string[] }
  | { readonly do: 'send-event'; readonly event: EventRequest }
  | { readonly do: 'acknowledge'; readonly speechId: string }
  | { readonly do: 'hush' }

export interface Step<State> {
  readonly state: State
  readonly effects: readonly Effect[]
}

export interface Machine<State extends { readonly at: string }> {
  readonly start: State
  step(state: State, input: Input): Step<State>
}

/** Nothing happens in this state. */
export const stay = <State>(state: State): Step<State> => ({ state, effects: [] })

export const whyFailed = (code: string): OwnPhrase =>
  code.startsWith('client.') ? 'offline' : 'refused'

export const sayAnswer = (answer: Answer): Effect[] =>
  answer.speech === undefined ? [] : [{ do: 'say', speech: answer.speech }]
