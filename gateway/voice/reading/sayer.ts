/** Text → what is said, piece by piece: the same for SSML and for sound that the box makes itself. */
import { createEnSpeaker } from './speak-en.ts'
import { createZhSpeaker, type Speaker } from './speak-zh.ts'
import type { Piece } from './spoken.ts'
import type { ProfileName, VoiceData } from './voice-data.ts'

export type Sayer = (text: string, lang: 'zh' | 'en', profile: ProfileName) => readonly Piece[]

/** Builds the sayer. Pure: the pieces depend on the arguments alone. */
export function createSayer(data: VoiceData): Sayer {
  const speakers: Readonly<Record<'zh' | 'en', Speaker>> = {
    zh: createZhSpeaker(data),
    en: createEnSpeaker(data),
  }
  const keyFacts = { zh: data.zh.keyFacts.phone, en: data.en.keyFacts.phone }
  return (text, lang, profile) => {
    const { pieces, phones } = speakers[lang](text)
    return data.profiles[profile].repeatPhones && phones.length > 0
      ? [...pieces, ...again(phones, keyFacts[lang])]
      : pieces
  }
}

function again(phones: readonly (readonly string[])[], intro: string): Piece[] {
  const pieces: Piece[] = [{ kind: 'text', text: intro }]
  for (const phone of phones) {
    for (const group of phone) pieces.push({ kind: 'text', text: group }, { kind: 'rest' })
  }
  pieces.pop()
  pieces.push({ kind: 'end' })
  return pieces
}
