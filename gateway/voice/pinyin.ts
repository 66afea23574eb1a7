/** Spoken pieces → segments for an engine that reads pinyin (Chinese) and words (English). */
import { pinyin } from 'pinyin-pro'
import type { ReadingAt } from './lexicon.ts'
import type { Piece } from './reading/spoken.ts'
import type { Profile } from './reading/voice-data.ts'
import type { Segment } from './speech-engine.ts'

const PUNCTUATION: Readonly<Record<string, string>> = {
  '，': ',',
  '、': ',',
  '：': ',',
  '；': ',',
  ',': ',',
  '。': '.',
  '！': '!',
  '？': '?',
  '!': '!',
  '?': '?',
  '…': ',',
}
const SYLLABLE = /^[a-zü]+[0-5]$/

/** Chinese words → pinyin with tone numbers. The lexicon is asked before the general reading. */
export function toPinyin(words: string, readingAt: ReadingAt): string {
  const chars = Array.from(words)
  const readings: string[] = pinyin(words, { toneType: 'num', type: 'array' })
  const spoken: string[] = []
  for (let at = 0, offset = 0; at < chars.length; at++) {
    const char = chars[at] ?? ''
    const entry = readingAt(words, offset)
    if (entry !== undefined) {
      spoken.push(...entry.pinyin.split(' '))
      const length = Array.from(entry.text).length
      at += length - 1
      offset += entry.text.length
      continue
    }
    offset += char.length
    const syllable = readings[at] ?? ''
    const mark = PUNCTUATION[char]
    if (SYLLABLE.test(syllable)) spoken.push(syllable.replace('0', '5'))
    else if (mark !== undefined && spoken.length > 0) spoken.push(`${spoken.pop() ?? ''}${mark}`)
  }
  return spoken.join(' ')
}

/** Pieces in order, neighbours of one language joined, with the profile's rests. */
export function toSegments(
  pieces: readonly Piece[],
  lang: 'zh' | 'en',
  profile: Pick<Profile, 'sentenceBreakMs' | 'groupBreakMs'>,
  readingAt: ReadingAt,
): Segment[] {
  const segments: Segment[] = []
  let run = ''
  let runLang = lang
  const flush = () => {
    const words =
      runLang === 'zh'
        ? toPinyin(run, readingAt)
        : run.replace(/[^\x20-\x7e\u00c0-\u024f]/g, ' ').trim()
    if (words !== '') segments.push({ kind: 'words', lang: runLang, words })
    run = ''
  }
  const say = (words: string, wordsLang: 'zh' | 'en') => {
    if (wordsLang !== runLang) flush()
    runLang = wordsLang
    run += words
  }
  for (const piece of pieces) {
    switch (piece.kind) {
      case 'text':
        say(piece.text, lang)
        break
      case 'alias':
        for (const part of piece.say.match(/[A-Za-z ]+|[^A-Za-z ]+/g) ?? []) {
          say(part, /[A-Za-z]/.test(part) ? 'en' : lang)
        }
        break
      case 'letters':
        say(` ${Array.from(piece.text).join(' ')} `, 'en')
        break
      case 'foreign':
        say(piece.text, piece.lang.startsWith('zh') ? 'zh' : 'en')
        break
      case 'rest':
      case 'end':
        flush()
        segments.push({
          kind: 'rest',
          ms: piece.kind === 'rest' ? profile.groupBreakMs : profile.sentenceBreakMs,
        })
    }
  }
  flush()
  while (segments.at(-1)?.kind === 'rest') segments.pop()
  return segments
}
