/**
 * One turn, top to bottom. Forward is a call, back is a return value; the stages do not know each other.
 */
import { newId } from '@kefu-edge/device-sdk/protocol/ids'
import type { Answer, Speech } from '@kefu-edge/device-sdk/protocol/schemas'
import type { Clock } from './clock.ts'
import type { Sessions } from './dialogue/sessions.ts'
import type { StaffLine } from './dialogue/staff-line.ts'
import { GatewayError } from './errors.ts'
import type { Ledger } from './ledger/port.ts'
import type { Store } from './storage/store.ts'
import {
  type IncomingAsk,
  knownAs,
  type Reply,
  type Session,
  type StaffAlert,
  type Turn,
  type Understanding,
} from './turn.ts'
import { toGivenAnswer, toLedgerDraft } from './turn-record.ts'
import { toTurn, type UnderstandTurn } from './understand-turn.ts'

export interface AnswerTurnParts {
  readonly store: Store
  readonly clock: Clock
  readonly ledger: Ledger
  readonly sessions: Sessions
  readonly understand: UnderstandTurn['understand']
  readonly skills: { answer(turn: Turn, understanding: Understanding): Reply | Promise<Reply> }
  readonly voice: { render(reply: Reply, turn: Turn, id: string): Speech }
  /** Undefined where nobody can be told: the box on a command line. */
  readonly staff: () => StaffLine | undefined
}

/**
 * Answers one ask. Resolves when the turn is on disk: only then may the answer leave.
 * The same device and ask id get the same answer again, recorded once, also across a restart.
 * Rejects with a GatewayError (`session.not-yours`, `storage.write-failed`, `ledger.lane-full`).
 */
export type AnswerTurn = (incoming: IncomingAsk) => Promise<Answer>

export function createAnswerTurn(parts: AnswerTurnParts): AnswerTurn {
  const { store, clock, ledger, sessions, understand, skills, voice } = parts
  const underway = new Map<string, Promise<Answer>>()

  /** Crash story: up to the commit nothing was said, so the device asks again; after it, `seen` answers. */
  async function record(turn: Turn, understanding: Understanding, reply: Reply): Promise<Answer> {
    return store.commit(() => {
      const session = afterTurn(sessions.latest(turn.session), reply, clock.now())
      const answer = toAnswer(
        turn,
        session,
        reply,
        voice.render(reply, turn, newId(clock.now())),
        clock,
      )
      sessions.save(session, knownAs(turn.device))
      if (reply.alert) alert(turn, session, reply.alert)
      ledger.append(toLedgerDraft(turn, understanding, answer))
      return answer
    })
  }

  /** In the turn's own transaction: the box never says that staff were told while nothing is on its way to them. */
  function alert(turn: Turn, session: Session, need: StaffAlert): void {
    const { device, receivedAtMs: atMs } = turn
    const { subject } = session
    const staff = parts.staff()
    ledger.append(alertDraft(turn, session, need, staff?.hears(device) === true))
    staff?.tell({ device, alert: need, atMs, subject })
  }

  async function answer(incoming: IncomingAsk): Promise<Answer> {
    const seen = ledger.seen(knownAs(incoming.device), incoming.ask.id)
    if (seen) {
      await store.durable()
      const given = toGivenAnswer(seen)
      if (!given) throw new GatewayError('answer.erased', { inReplyTo: incoming.ask.id })
      return given
    }
    const session = sessions.resume(incoming)
    const turn = toTurn(incoming, session)
    const understanding = understand(turn)
    const reply = skills.answer(turn, understanding)
    return record(turn, understanding, reply instanceof Promise ? await reply : reply)
  }

  return (incoming) => {
    const key = `${knownAs(incoming.device)}\n${incoming.ask.id}`
    const same = underway.get(key)
    if (same) return same
    const running = answer(incoming).finally(() => underway.delete(key))
    underway.set(key, running)
    return running
  }
}

function afterTurn(session: Session, reply: Reply, nowMs: number): Session {
  const { pending, clearPending, keepLastAnswer, recent, voice } = reply.session ?? {}
  const next: { -readonly [key in keyof Session]: Session[key] } = {
    ...session,
    turns: session.turns + 1,
    lang: reply.lang,
    updatedAtMs: nowMs,
  }
  if (pending) next.pending = pending
  else if (clearPending ?? reply.status === 'answered') delete next.pending
  if (recent) next.recent = recent
  if (voice) next.voice = voice
  if (!keepLastAnswer) {
    next.lastAnswer = { text: reply.text, speech: reply.speech ?? reply.text, lang: reply.lang }
  }
  return next
}

function toAnswer(
  turn: Turn,
  session: Session,
  reply: Reply,
  speech: Speech,
  clock: Clock,
): Answer {
  const { ref, confidence, slots, suggestions } = reply
  const answer: Answer = {
    id: newId(clock.now()),
    inReplyTo: turn.ask.id,
    session: session.id,
    turn: session.turns,
    status: reply.status,
    text: reply.text,
    latencyMs: Math.max(0, round(clock.now() - turn.receivedAtMs)),
    speech,
  }
  if (slots && Object.keys(slots).length > 0) answer.slots = slots
  if (suggestions) answer.suggestions = [...suggestions]
  if (ref) {
    answer.intent = { name: ref.intent, confidence: round(confidence ?? 1), source: reply.source }
    answer.pack = { name: ref.pack, version: ref.version, entry: ref.intent }
  }
  return answer
}

const alertDraft = (turn: Turn, session: Session, alert: StaffAlert, heard: boolean) => ({
  lane: 'critical' as const,
  kind: `alert.${alert.kind}`,
  atMs: turn.receivedAtMs,
  deviceId: turn.device.id,
  ...(session.subject ? { subject: session.subject } : {}),
  body: { session: session.id, device: turn.device.id, heard },
  personal: { said: alert.detail },
})

const round = (value: number): number => Math.round(value * 1000) / 1000
