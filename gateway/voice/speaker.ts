/** The voice stage of a turn: chooses the profile by device and session, then renders. */
import type { Speech } from '@kefu-edge/device-sdk/protocol/schemas'
import type { Reply, Turn } from '../turn.ts'
import { createSpeechRenderer } from './render-speech.ts'
import type { SpeechSounds } from './speech-sounds.ts'
import { loadVoiceData, type ProfileName, type VoiceData } from './voice-data.ts'

export interface SpeakerOptions {
  /** Profile of kinds that `voiceByKind` does not name. */
  readonly voice: ProfileName
  readonly voiceByKind: Readonly<Record<string, ProfileName>>
  /** Where the box makes sound itself. */
  readonly sounds?: () => SpeechSounds | undefined
}

export interface Speaker {
  /**
   * The same reply, turn and id give the same speech, but for `audio`, which is there once it is made.
   * A voice asked for in this very reply counts already.
   */
  render(reply: Reply, turn: Turn, id: string): Speech
  /** How loud a kind of device speaks where nobody has asked for another volume (0–1). */
  usualVolumeOf(deviceKind: string): number
}

export function createSpeaker(options: SpeakerOptions, data: VoiceData = loadVoiceData()): Speaker {
  const renderSpeech = createSpeechRenderer(data)
  const profileOf = (kind: string) => options.voiceByKind[kind] ?? options.voice
  return {
    usualVolumeOf: (kind) => data.profiles[profileOf(kind)].volume,
    render(reply, turn, id) {
      const voice = reply.session?.voice ?? turn.session.voice
      const { id: deviceId, kind } = turn.device
      const profile = profileOf(kind)
      const speech = renderSpeech({
        id,
        reply,
        profile,
        nowMs: turn.receivedAtMs,
        ...(voice === undefined ? {} : { voice }),
      })
      const sounds = options.sounds?.()
      if (sounds === undefined) return speech
      const said = { text: reply.speech ?? reply.text, lang: reply.lang, profile }
      return sounds.attach(speech, { kind, ids: [deviceId] }, said)
    },
  }
}
