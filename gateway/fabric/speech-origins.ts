/** Which speech this box has sent to devices at other boxes: reports of others' speech are not ours to record. */
import { parseTopic } from '@kefu-edge/device-sdk/protocol/topics'
import type { CrossingMessage } from './frames.ts'

/** Speeches remembered: a round of reminders for each bed of a hospital, some times over. */
const MAX_REMEMBERED = 20_000

export interface SpeechOrigins {
  sent(message: CrossingMessage): void
  isOurs(deviceId: string, speechId: string): boolean
}

export function createSpeechOrigins(): SpeechOrigins {
  const sent = new Set<string>()
  return {
    sent({ topic, payload }) {
      const parsed = parseTopic(topic)
      if (parsed?.name !== 'speech') return
      const id = idOf(payload)
      if (id === undefined) return
      sent.add(`${parsed.deviceId}\n${id}`)
      if (sent.size <= MAX_REMEMBERED) return
      const oldest = sent.values().next()
      if (!oldest.done) sent.delete(oldest.value)
    },
    isOurs: (deviceId, speechId) => sent.has(`${deviceId}\n${speechId}`),
  }
}

function idOf(payload: Buffer): string | undefined {
  try {
    const value = JSON.parse(payload.toString()) as { id?: unknown } | null
    return typeof value?.id === 'string' ? value.id : undefined
  } catch {
    return undefined
  }
}
