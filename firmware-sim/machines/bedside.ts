/**
 * A terminal at a patient's bed: asks by voice, reminders that want an acknowledgement, a call button.
 *
 *   idle ──heard──► waiting ──answered──► idle (it speaks meanwhile)
 *     │               └──failed──► idle
 *     └──announced, to be acknowledged──► reminding ──acknowledge──► idle
 *
 * The call button works in every state and does not wait for the gateway: the event is queued on the
 * device and the patient is told at once that it was pressed. Whether a nurse hears it, the gateway says.
 */
import type { Speech } from '@kefu-edge/device-sdk/protocol/schemas'
import { type Input, type Machine, type Step, sayAnswer, stay, whyFailed } from './machine.ts'

interface Bed {
  /** Speech that waits for a person's "understood", oldest first. */
  readonly reminders: readonly string[]
  readonly session: string | undefined
}
export type BedsideState = Bed & { readonly at: 'idle' | 'waiting' | 'reminding' }

const wantsAcknowledgement = (speech: Speech): boolean => speech.repeat?.untilAcknowledged === true

const rest = (bed: Bed): BedsideState => ({
  ...bed,
  at: bed.reminders.length > 0 ? 'reminding' : 'idle',
})

function pressed(
  state: BedsideState,
  button: Extract<Input, { kind: 'pressed' }>['button'],
): Step<BedsideState> {
  switch (button) {
    case 'call-nurse':
      return {
        state,
        effects: [
          { do: 'send-event', event: { kind: 'button', name: 'call-nurse' } },
          { do: 'say-own', phrase: 'nurse-called' },
        ],
      }
    case 'acknowledge': {
      const [speechId, ...reminders] = state.reminders
      if (speechId === undefined) return stay(state)
      const bed = { ...state, reminders }
      return {
        state: state.at === 'waiting' ? bed : rest(bed),
        effects: [{ do: 'acknowledge', speechId }],
      }
    }
    case 'stop':
      return { state, effects: [{ do: 'hush' }] }
    case 'home':
      return stay(state)
  }
}

function announced(state: BedsideState, speech: Speech): Step<BedsideState> {
  const reminders = wantsAcknowledgement(speech) ? [...state.reminders, speech.id] : state.reminders
  const bed = { ...state, reminders }
  return {
    state: state.at === 'waiting' ? bed : rest(bed),
    effects: [
      { do: 'show', text: speech.display ?? speech.text, suggestions: [] },
      { do: 'say', speech },
    ],
  }
}

export const bedside: Machine<BedsideState> = {
  start: { at: 'idle', reminders: [], session: undefined },
  step: (state, input) => {
    switch (input.kind) {
      case 'heard': {
        if (state.at === 'waiting') return stay(state)
        const session = state.session === undefined ? {} : { session: state.session }
        return {
          state: { ...state, at: 'waiting' },
          effects: [{ do: 'hush' }, { do: 'ask', request: { ...input.question, ...session } }],
        }
      }
      case 'answered': {
        const { answer } = input
        return {
          state: rest({ ...state, session: answer.session }),
          effects: [
            { do: 'show', text: answer.text, suggestions: answer.suggestions ?? [] },
            ...sayAnswer(answer),
          ],
        }
      }
      case 'failed':
        return { state: rest(state), effects: [{ do: 'say-own', phrase: whyFailed(input.code) }] }
      case 'pressed':
        return pressed(state, input.button)
      case 'announced':
        return announced(state, input.speech)
      case 'idle-timeout':
        return stay({ ...state, session: undefined })
      default:
        return stay(state)
    }
  },
}
