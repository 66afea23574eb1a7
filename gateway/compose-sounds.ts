/** Sound that the box makes itself, where the configuration wants it and an engine is there. Part of compose. */
import type { Box } from './compose.ts'
import type { Config } from './config/schema.ts'
import type { Logger } from './logger.ts'
import type { SpeechSounds } from './voice/speech-sounds.ts'

const BYTES_PER_MEGABYTE = 1024 * 1024

export interface SoundSide {
  readonly sounds: SpeechSounds
  close(): void
}

/**
 * Undefined where no kind of device gets sound, or where the engine is missing: said in the log, and
 * devices go on speaking by themselves. What it needs is loaded only here: dictionaries of readings are large.
 */
export async function composeSounds(
  { answers }: Config,
  { folder, clock, voiceData }: Pick<Box, 'folder' | 'clock' | 'voiceData'>,
  logger: Logger,
): Promise<SoundSide | undefined> {
  if (answers.audioKinds.length === 0) return undefined
  const [{ createEspeakEngine }, { createSpeechAudio }, { createSpeechSounds }, sound] =
    await Promise.all([
      import('./voice/espeak-engine.ts'),
      import('./voice/speech-audio.ts'),
      import('./voice/speech-sounds.ts'),
      import('./voice/sound-folder.ts'),
    ])
  const audio = createSpeechAudio({
    engine: createEspeakEngine(),
    data: voiceData,
    folder: sound.openSoundFolder({
      folder: folder.file(sound.SOUND_FOLDER),
      maxBytes: answers.audioMaxMegabytes * BYTES_PER_MEGABYTE,
      nowMs: clock.now,
    }),
  })
  const engine = await audio.state()
  if (engine.kind === 'missing') {
    logger.warn({ detail: engine.detail }, 'no sound is made: espeak-ng is not there')
    return undefined
  }
  logger.info({ version: engine.version, kinds: answers.audioKinds }, 'espeak-ng makes sound')
  const sounds = createSpeechSounds({
    audio,
    kinds: answers.audioKinds,
    onNone: ({ reason, detail }) => logger.warn({ reason, detail }, 'no sound was made'),
  })
  return { sounds, close: audio.close }
}
