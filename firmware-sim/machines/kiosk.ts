/**
 * A kiosk in the lobby: a touch screen with a voice.
 *
 *   idle ──heard──► waiting ──answered──► showing ──home, idle-timeout──► idle
 *                      │                     │ heard, chosen
 *                      └──failed──► idle     └──────► waiting
 *
 * The session belongs to the person in front of it and ends with the home button.
 */
import {
  type Effect,
  type Input,
  type Machine,
  type Step,
  sayAnswer,
  stay,
  whyFailed,
} from './machine.ts'

/** A session that the gateway does not know starts a new one: the next person is not the last one. */
const NEW_SESSION = 'new'

export type KioskState =
  | { readonly at: 'idle' }
  | { readonly at: 'waiting'; readonly session: string }
  | { readonly at: 'showing'; readonly session: string; readonly suggestions: readonly string[] }

const ask = (
  question: {
    readonly text?: string
    readonly alternatives?: { text: string; confidence: number }[]
  },
  session: string,
): Step<KioskState> => ({
  state: { at: 'waiting', session },
  effects: [{ do: 'hush' }, { do: 'ask', request: { ...question, session } }],
})

function idle(state: KioskState, input: Input): Step<KioskState> {
  if (input.kind === 'heard') return ask(input.question, NEW_SESSION)
  return common(state, input)
}

function waiting(state: Extract<KioskState, { at: 'waiting' }>, input: Input): Step<KioskState> {
  switch (input.kind) {
    case 'answered': {
      const { answer } = input
      const suggestions = answer.suggestions ?? []
      return {
        state: { at: 'showing', session: answer.session, suggestions },
        effects: [{ do: 'show', text: answer.text, suggestions }, ...sayAnswer(answer)],
      }
    }
    case 'failed':
      return { state: { at: 'idle' }, effects: [{ do: 'say-own', phrase: whyFailed(input.code) }] }
    case 'heard':
      return stay(state)
    default:
      return common(state, input)
  }
}

function showing(state: Extract<KioskState, { at: 'showing' }>, input: Input): Step<KioskState> {
  switch (input.kind) {
    case 'heard':
      return ask(input.question, state.session)
    case 'chosen': {
      const text = state.suggestions[input.number - 1]
      return text === undefined ? stay(state) : ask({ text }, state.session)
    }
    case 'idle-timeout':
      return home()
    default:
      return common(state, input)
  }
}

function common(state: KioskState, input: Input): Step<KioskState> {
  if (input.kind === 'announced') return { state, effects: [{ do: 'say', speech: input.speech }] }
  if (input.kind === 'pressed' && input.button === 'home') return home()
  if (input.kind === 'pressed' && input.button === 'stop')
    return { state, effects: [{ do: 'hush' }] }
  return stay(state)
}

function home(): Step<KioskState> {
  const effects: Effect[] = [{ do: 'hush' }, { do: 'say-own', phrase: 'goodbye' }]
  return { state: { at: 'idle' }, effects }
}

export const kiosk: Machine<KioskState> = {
  start: { at: 'idle' },
  step: (state, input) => {
    switch (state.at) {
      case 'idle':
        return idle(state, input)
      case 'waiting':
        return waiting(state, input)
      case 'showing':
        return showing(state, input)
    }
  },
}
