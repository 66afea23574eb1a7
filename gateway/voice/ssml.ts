/**
 * Spoken pieces → one SSML document.
 *
 * W3C SSML 1.1 (https://www.w3.org/TR/speech-synthesis11/): `speak` 3.1.1, `s` 3.1.8, `say-as` 3.1.9,
 * `sub` 3.1.11, `lang` 3.1.12, `break` 3.2.3, `prosody` 3.2.4. All text is escaped; no element takes
 * anything from the text as an attribute but `sub alias`, which is escaped too.
 */
import type { Piece } from './reading/spoken.ts'

export interface Manner {
  readonly lang: string
  /** 1 = normal. */
  readonly rate: number
  /** Decibels against the device's normal level. */
  readonly volumeDb: number
}

export interface Pauses {
  readonly sentenceBreakMs: number
  readonly clauseBreakMs: number
  readonly groupBreakMs: number
}

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
}
const NEEDS_ESCAPE = /[&<>"']/
/** Everything but the Char production of XML 1.0, section 2.2. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters XML does not allow
const NOT_XML = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|[\ud800-\udfff]/u

/** Text for element content or a quoted attribute; characters that XML does not allow are left out. */
export function escapeXml(text: string): string {
  const legal = NOT_XML.test(text) ? text.replace(new RegExp(NOT_XML, 'gu'), '') : text
  return NEEDS_ESCAPE.test(legal) ? legal.replace(/[&<>"']/g, (char) => ESCAPES[char] ?? '') : legal
}

/** The document around sentences. */
export function toSsml(sentences: string, manner: Manner): string {
  const rate = manner.rate === 1 ? '' : ` rate="${Math.round(manner.rate * 100)}%"`
  const db = Math.round(manner.volumeDb * 10) / 10
  const volume = db === 0 ? '' : ` volume="${db > 0 ? '+' : ''}${db.toFixed(1)}dB"`
  const voiced =
    rate + volume === '' ? sentences : `<prosody${rate}${volume}>${sentences}</prosody>`
  return `<speak version="1.1" xmlns="http://www.w3.org/2001/10/synthesis" xml:lang="${escapeXml(manner.lang)}">${voiced}</speak>`
}

/** Pieces as a row of `s` elements. */
export function toSentences(pieces: readonly Piece[], pauses: Pauses): string {
  const pause = pauses.sentenceBreakMs > 0 ? `<break time="${pauses.sentenceBreakMs}ms"/>` : ''
  const rest = `<break time="${pauses.groupBreakMs}ms"/>`
  let body = ''
  let sentence = ''
  for (const piece of pieces) {
    switch (piece.kind) {
      case 'text':
        sentence += withClauseBreaks(escapeXml(piece.text), pauses.clauseBreakMs)
        break
      case 'letters':
        sentence += `<say-as interpret-as="characters">${escapeXml(piece.text)}</say-as>`
        break
      case 'alias':
        sentence += `<sub alias="${escapeXml(piece.say)}">${escapeXml(piece.text)}</sub>`
        break
      case 'foreign':
        sentence += `<lang xml:lang="${escapeXml(piece.lang)}">${escapeXml(piece.text)}</lang>`
        break
      case 'rest':
        sentence += rest
        break
      case 'end':
        body += `${body === '' ? '' : pause}<s>${sentence}</s>`
        sentence = ''
    }
  }
  return sentence === '' ? body : `${body}${body === '' ? '' : pause}<s>${sentence}</s>`
}

function withClauseBreaks(text: string, ms: number): string {
  return ms > 0 ? text.replace(/，|, /g, (comma) => `${comma}<break time="${ms}ms"/>`) : text
}
