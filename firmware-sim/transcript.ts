/** A run as a conversation: who said what at which device, and what the device said and played. */
import { readFileSync } from 'node:fs'
import { type Static, Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { parse } from 'yaml'
import { packagePath } from './paths.ts'

const Texts = Type.Record(Type.String(), Type.String())
const PhrasesFile = Type.Object({
  source: Type.String(),
  offline: Type.String(),
  refused: Type.String(),
  'nurse-called': Type.String(),
  welcome: Type.String(),
  goodbye: Type.String(),
  speaker: Texts,
  kinds: Texts,
  notes: Texts,
  buttons: Texts,
})
export type Phrases = Static<typeof PhrasesFile>

export const loadPhrases = (path = packagePath('data/phrases.yaml')): Phrases =>
  Value.Parse(PhrasesFile, parse(readFileSync(path, 'utf8')))

export interface TranscriptEntry {
  readonly atMs: number
  /** Absent for what concerns the whole run. */
  readonly device?: { readonly id: string; readonly kind: string; readonly place?: string }
  /** `visitor`, `patient` … for a person; what the box says; what the device says or does itself. */
  readonly who: string
  readonly text: string
  /** In small print after the text. */
  readonly detail?: string
}

/** Columns of a terminal that a text takes: Chinese characters take two. */
const width = (text: string): number =>
  [...text].reduce((sum, char) => sum + (/[\u1100-\u115f\u2e80-\uffdc]/.test(char) ? 2 : 1), 0)
const pad = (text: string, columns: number): string =>
  text + ' '.repeat(Math.max(0, columns - width(text)))

export interface TranscriptPrinter {
  /** One entry as one line, without the line end. */
  line(entry: TranscriptEntry): string
}

export interface PrinterOptions {
  readonly phrases?: Phrases
  /** Colours for a terminal. Default: off. */
  readonly colour?: boolean
}

const COLOURS = {
  person: 36,
  gateway: 32,
  broadcast: 35,
  device: 33,
  note: 90,
  failure: 31,
} as const
const LABEL_COLUMNS = 26

/** Prints entries as lines that read from top to bottom like a conversation. */
export function transcriptPrinter(options: PrinterOptions = {}): TranscriptPrinter {
  const phrases = options.phrases ?? loadPhrases()
  const paint = (colour: number, text: string) =>
    options.colour === true ? `\u001b[${colour}m${text}\u001b[0m` : text
  return {
    line: (entry) => {
      const time = new Date(entry.atMs).toTimeString().slice(0, 8)
      const { device } = entry
      const place = device?.place ?? phrases.kinds[device?.kind ?? ''] ?? ''
      const label = device === undefined ? '' : `${device.id} ${place}`
      const detail = entry.detail === undefined ? '' : paint(COLOURS.note, `  (${entry.detail})`)
      const text = `${whoText(entry.who, phrases)}${entry.text}`
      return `${time}  ${pad(label, LABEL_COLUMNS)} ${paint(colourOf(entry.who), text)}${detail}`
    },
  }
}

function whoText(who: string, phrases: Phrases): string {
  if (who === 'note') return '── '
  if (who === 'failure') return '✗ '
  return `${phrases.speaker[who] ?? who}：`
}

function colourOf(who: string): number {
  return who in COLOURS ? COLOURS[who as keyof typeof COLOURS] : COLOURS.person
}
