/**
 * A smart speaker: no screen, and a recogniser that gives several hypotheses.
 *
 *   idle ──heard──► waiting ──answered──► speaking ──spoken──► idle
 *                      │                     │ heard (the person talks over it)
 *                      └──failed──► idle     └──────► waiting
 *
 * When the gateway needs a detail or asks back, the session stays open after it spoke: `listening`.
 */
import type { Answer } from '@kefu-edge/device-sdk/protocol/schemas'
import { type Input, type Machine, type Step, sayAnswer, stay, whyFailed } from './machine.ts'

export type SpeakerState =
  | { readonly at: 'idle'; readonly session: string | undefined }
  | { readonly at: 'waiting'; readonly session: string | undefined }
  | {
      readonly at: 'speaking'
      readonly session: string
      readonly speechId: string
      readonly thenListen: boolean
    }
  | { readonly at: 'listening'; readonly session: string }

const asksBack = (answer: Answer): boolean =>
  answer.status === 'need-input' || answer.status === 'clarify'

function heard(
  session: string | undefined,
  question: Extract<Input, { kind: 'heard' }>['question'],
): Step<SpeakerState> {
  return {
    state: { at: 'waiting', session },
    effects: [
      { do: 'hush' },
      { do: 'ask', request: { ...question, ...(session === undefined ? {} : { session }) } },
    ],
  }
}

function answered(answer: Answer): Step<SpeakerState> {
  const { session, speech } = answer
  if (speech === undefined)
    return stay(asksBack(answer) ? { at: 'listening', session } : { at: 'idle', session })
  return {
    state: { at: 'speaking', session, speechId: speech.id, thenListen: asksBack(answer) },
    effects: sayAnswer(answer),
  }
}

function common(state: SpeakerState, input: Input): Step<SpeakerState> {
  if (input.kind === 'announced') return { state, effects: [{ do: 'say', speech: input.speech }] }
  if (input.kind === 'pressed' && input.button === 'stop')
    return { state: { at: 'idle', session: undefined }, effects: [{ do: 'hush' }] }
  return stay(state)
}

export const speaker: Machine<SpeakerState> = {
  start: { at: 'idle', session: undefined },
  step: (state, input) => {
    switch (input.kind) {
      case 'heard':
        return state.at === 'waiting' ? stay(state) : heard(state.session, input.question)
      case 'answered':
        return state.at === 'waiting' ? answered(input.answer) : stay(state)
      case 'failed':
        if (state.at !== 'waiting') return stay(state)
        return {
          state: { at: 'idle', session: state.session },
          effects: [{ do: 'say-own', phrase: whyFailed(input.code) }],
        }
      case 'spoken':
        if (state.at !== 'speaking' || state.speechId !== input.speechId) return stay(state)
        return stay({ at: state.thenListen ? 'listening' : 'idle', session: state.session })
      case 'idle-timeout':
        return stay({ at: 'idle', session: undefined })
      default:
        return common(state, input)
    }
  },
}
