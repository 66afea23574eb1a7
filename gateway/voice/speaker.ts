/** The voice stage of a turn: chooses the profile by device and session, then renders. */
import type { Speech } from '@kefu-edge/device-sdk/protocol/schemas'
import type { Reply, Turn } from '../turn.ts'
import { createSpeechRenderer } from './render-speech.ts'
import { loadVoiceData, type ProfileName, type VoiceData } from './voice-data.ts'

export interface SpeakerOptions {
  /** Profile of kinds that `voiceByKind` does not name. */
  readonly voice: ProfileName
  readonly voiceByKind: Readonly<Record<string, ProfileName>>
}

export interface Speaker {
  /** Pure: the same reply, turn and id give the same speech. A voice asked for in this very reply counts already. */
  render(reply: Reply, turn: Turn, id: string): Speech
}

export function createSpeaker(options: SpeakerOptions, data: VoiceData = loadVoiceData()): Speaker {
  const renderSpeech = createSpeechRenderer(data)
  return {
    render(reply, turn, id) {
      const voice = reply.session?.voice ?? turn.session.voice
      return renderSpeech({
        id,
        reply,
        profile: options.voiceByKind[turn.device.kind] ?? options.voice,
        nowMs: turn.receivedAtMs,
        ...(voice === undefined ? {} : { voice }),
      })
    },
  }
}
