/** The one voice of the house: chooses the profile by kind of device, renders, and adds the sound that is made. */
import type { Speech } from '@kefu-edge/device-sdk/protocol/schemas'
import type { Reply, Turn } from '../turn.ts'
import type { ProfileName, VoiceData } from './reading/voice-data.ts'
import { createSpeechRenderer, type SpeechRequest } from './render-speech.ts'
import type { Listeners, SpeechSounds } from './speech-sounds.ts'

export interface SpeakerOptions {
  /** Profile of kinds that `voiceByKind` does not name. */
  readonly voice: ProfileName
  readonly voiceByKind: Readonly<Record<string, ProfileName>>
  /** Where the box makes sound itself. */
  readonly sounds?: () => SpeechSounds | undefined
}

/** What is said, and to which devices of one kind. */
export interface Saying extends Omit<SpeechRequest, 'profile'> {
  readonly to: Listeners
}

export interface Speaker {
  /** The same words give the same speech, but for `audio`, which is there once it is made. */
  say(saying: Saying): Speech
  /** As `say`, but waits for the sound for a moment (`ANNOUNCE_WAIT_MS`), where the box makes any. */
  sayWhenMade(saying: Saying): Promise<Speech>
  /** The voice stage of a turn: as `say`. A voice asked for in this very reply counts already. */
  render(reply: Reply, turn: Turn, id: string): Speech
  /** How loud a kind of device speaks where nobody has asked for another volume (0–1). */
  usualVolumeOf(deviceKind: string): number
}

export function createSpeaker(options: SpeakerOptions, data: VoiceData): Speaker {
  const renderSpeech = createSpeechRenderer(data)
  const profileOf = (kind: string) => options.voiceByKind[kind] ?? options.voice

  function prepare({ to, ...request }: Saying) {
    const { text, speech = text, lang } = request.reply
    const profile = profileOf(to.kind)
    return {
      silent: renderSpeech({ ...request, profile }),
      said: { text: speech, lang, profile },
    }
  }

  function say(saying: Saying): Speech {
    const { silent, said } = prepare(saying)
    return options.sounds?.()?.attach(silent, saying.to, said) ?? silent
  }

  return {
    say,
    async sayWhenMade(saying) {
      const { silent, said } = prepare(saying)
      return options.sounds?.()?.attachWhenMade(silent, saying.to, said) ?? silent
    },
    render(reply, turn, id) {
      const { id: deviceId, kind } = turn.device
      const voice = reply.session?.voice ?? turn.session.voice
      return say({
        id,
        reply,
        to: { kind, ids: [deviceId] },
        nowMs: turn.receivedAtMs,
        ...(voice === undefined ? {} : { voice }),
      })
    },
    usualVolumeOf: (kind) => data.profiles[profileOf(kind)].volume,
  }
}
