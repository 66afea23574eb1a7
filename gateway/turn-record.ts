/** How a turn is written into the ledger and read back: what is kept in clear, what is sealed. */
import type {
  Answer,
  AnswerSource,
  AnswerStatus,
  Speech,
} from '@kefu-edge/device-sdk/protocol/schemas'
import type { Json, LedgerDraft, LedgerEntry } from './ledger/port.ts'
import { knownAs, type Turn, type Understanding } from './turn.ts'

/** In clear: codes, names, numbers that an auditor counts by. */
interface TurnBody {
  channel: string
  session: string
  turn: number
  status: AnswerStatus
  understood: Understanding['kind']
  lang: string
  intent?: string
  confidence?: number
  source?: AnswerSource
  pack?: string
  version?: string
  askedAt?: string
  latencyMs: number
}

/**
 * Sealed with the subject's key: every word that was said and answered. Of the answer only what `body`
 * does not say already; `speech.text` only where it is not the text.
 */
interface Words {
  heard: readonly string[]
  answer: Pick<Answer, 'id' | 'text' | 'slots' | 'suggestions'> & {
    speech?: Omit<Speech, 'text'> & { text?: string }
  }
}

/** The record of one turn. */
export function toLedgerDraft(
  turn: Turn,
  understanding: Understanding,
  answer: Answer,
): LedgerDraft {
  const { ask, device, channel, session } = turn
  const draft: { -readonly [key in keyof LedgerDraft]: LedgerDraft[key] } = {
    lane: 'session',
    kind: 'turn',
    atMs: turn.receivedAtMs,
    deviceId: device.id,
    askKey: { deviceId: knownAs(device), askId: ask.id },
    body: toBody(turn, understanding, answer, channel) as unknown as LedgerDraft['body'],
    personal: toWords(turn, answer) as unknown as { [key: string]: Json },
  }
  if (session.subject) draft.subject = session.subject
  return draft
}

function toBody(
  { ask }: Turn,
  understanding: Understanding,
  answer: Answer,
  channel: string,
): TurnBody {
  const { intent, pack } = answer
  const body: TurnBody = {
    channel,
    session: answer.session,
    turn: answer.turn,
    status: answer.status,
    understood: understanding.kind,
    lang: understanding.lang,
    latencyMs: answer.latencyMs,
  }
  if (intent) {
    body.intent = intent.name
    body.confidence = intent.confidence
    body.source = intent.source
  }
  if (pack) {
    body.pack = pack.name
    body.version = pack.version
  }
  if (ask.at) body.askedAt = ask.at
  return body
}

function toWords(turn: Turn, answer: Answer): Words {
  const words: Words['answer'] = { id: answer.id, text: answer.text }
  if (answer.speech) {
    const { text, ...rest } = answer.speech
    words.speech = text === answer.text ? rest : answer.speech
  }
  if (answer.slots) words.slots = answer.slots
  if (answer.suggestions) words.suggestions = answer.suggestions
  return { heard: turn.hypotheses.map((one) => one.text), answer: words }
}

/** The answer of a recorded turn, as it was given, byte for byte; undefined when its words were erased. */
export function toGivenAnswer(entry: LedgerEntry): Answer | undefined {
  if (!entry.personal) return undefined
  const { id, text, speech, ...words } = (entry.personal as unknown as Words).answer
  const body = entry.body as unknown as TurnBody
  const { intent, pack } = body
  const answer: Answer = {
    id,
    inReplyTo: entry.askKey?.askId ?? '',
    session: body.session,
    turn: body.turn,
    status: body.status,
    text,
    latencyMs: body.latencyMs,
  }
  if (speech) {
    const { id: speechId, ...spoken } = speech
    answer.speech = { id: speechId, text, ...spoken }
  }
  Object.assign(answer, words)
  if (intent !== undefined) {
    const { confidence = 1, source = 'local', version = '' } = body
    answer.intent = { name: intent, confidence, source }
    if (pack !== undefined) answer.pack = { name: pack, version, entry: intent }
  }
  return answer
}
