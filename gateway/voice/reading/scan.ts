/** A left-to-right reader: at each place the first rule that knows what stands there says it. */
import type { SpokenWriter } from './spoken.ts'

export interface Scan {
  readonly text: string
  /** Where the rule stands. */
  at: number
  /** Where the last number ended; a dash right there means "to". */
  numberEnd: number
  /** Where the last telephone number ended; "120 or 110" carries on. */
  phoneEnd: number
  readonly out: SpokenWriter
}

/** Says what stands at `scan.at` and returns where it ends, or -1 when it is not for this rule. */
export type Rule = (scan: Scan) => number

/** Matches a sticky pattern at a place. */
export function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at
  return pattern.exec(text)
}

export const isDigit = (code: number): boolean => code >= 48 && code <= 57
export const isLetter = (code: number): boolean =>
  (code >= 65 && code <= 90) || (code >= 97 && code <= 122)

/** Whether the figure at `at` belongs to a name (SpO2:88%), in which case a colon behind it only ends the name. */
export const isNamed = (text: string, at: number): boolean =>
  /[A-Za-z]$/.test(text.slice(Math.max(0, at - 1), at)) &&
  !/[APap]\.?[Mm]\.?$|\dT$/.test(text.slice(Math.max(0, at - 4), at))

const escapePattern = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')

/** Alternation of literal words, longest first. */
export function oneOf(words: readonly string[]): string {
  const sorted = [...words].sort((a, b) => b.length - a.length)
  return sorted.map(escapePattern).join('|')
}

export interface RuleBook {
  readonly digit: readonly Rule[]
  readonly letter: readonly Rule[]
  readonly symbol: readonly Rule[]
  /** Sticky pattern of the longest run that is said as it stands. */
  readonly plain: RegExp
}

/** Reads the whole text. Whatever no rule takes is left out, so nothing unreadable gets through. */
export function scanText(book: RuleBook, text: string, out: SpokenWriter): void {
  const scan: Scan = { text, at: 0, numberEnd: -1, phoneEnd: -1, out }
  while (scan.at < text.length) {
    const run = matchAt(book.plain, text, scan.at)
    if (run !== null) {
      out.say(run[0])
      scan.at += run[0].length
      continue
    }
    const code = text.charCodeAt(scan.at)
    const rules = isDigit(code) ? book.digit : isLetter(code) ? book.letter : book.symbol
    scan.at = firstEnd(rules, scan)
  }
}

function firstEnd(rules: readonly Rule[], scan: Scan): number {
  for (const rule of rules) {
    const end = rule(scan)
    if (end > scan.at) return end
  }
  return scan.at + 1
}
