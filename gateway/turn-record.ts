/** How a turn is written into the ledger: what is kept in clear, what is sealed. */
import type { Answer } from '@kefu-edge/device-sdk/protocol/schemas'
import type { Json, LedgerDraft } from './ledger/port.ts'
import type { Turn, Understanding } from './turn.ts'

/**
 * The record of one turn. In clear: codes, names, numbers that an auditor counts by. Sealed with the
 * subject's key: every word that was said and answered.
 */
export function toLedgerDraft(
  turn: Turn,
  understanding: Understanding,
  answer: Answer,
): LedgerDraft {
  const { ask, device, channel, session } = turn
  return {
    lane: 'session',
    kind: 'turn',
    atMs: turn.receivedAtMs,
    deviceId: device.id,
    ...(session.subject ? { subject: session.subject } : {}),
    askKey: { deviceId: device.id, askId: ask.id },
    body: {
      channel,
      session: answer.session,
      turn: answer.turn,
      status: answer.status,
      understood: understanding.kind,
      lang: understanding.lang,
      ...(answer.intent
        ? {
            intent: answer.intent.name,
            confidence: answer.intent.confidence,
            source: answer.intent.source,
          }
        : {}),
      ...(answer.pack ? { pack: answer.pack.name, version: answer.pack.version } : {}),
      ...(ask.at ? { askedAt: ask.at } : {}),
      latencyMs: answer.latencyMs,
    },
    personal: {
      heard: turn.hypotheses.map((one) => one.text),
      answer: answer as unknown as Json,
    },
  }
}
