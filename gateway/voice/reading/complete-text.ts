/** Writes out what a text leaves to the eye, so that it is not lost to the ear: `.5mg` and `HIV(-)`. */
import { createFindingReader } from './findings.ts'
import { createFlagReader } from './flags.ts'
import { createKeyReader } from './keys.ts'
import { createMinusJoiner } from './minus.ts'
import { plainSigns } from './plain-signs.ts'
import { createRomanReader } from './roman.ts'
import { matchAt, oneOf } from './scan.ts'
import { createShorthandReader } from './shorthand.ts'
import type { UnitReader } from './unit-reader.ts'
import type { FindingWords, FlagWords, KeyWords, RomanWords, ShorthandWords } from './voice-data.ts'

const BARE_POINT = /(?<![\d.．])[.．](\d+)/g
/** Right before a point these may end a sentence or begin an address: then the rest must look like a part. */
const MAY_END = /[A-Za-z\u3400-\u9fff]/
/** `.10mg` after a word is ten of the next sentence; nobody writes a part so. */
const PART = /[1-9]$/
/** Of a tablet these are taken; "每日三次.2片" counts whole ones. */
const PART_OF_ONE = /^(?:25|5|75)$/

export interface CompleteTextParts {
  readonly units: Pick<UnitReader, 'isMeasure'>
  /** Words that are counted and not written in letters: 片, 粒. */
  readonly counted: readonly string[]
  readonly words: {
    readonly finding: FindingWords
    readonly flags: FlagWords
    readonly keys: KeyWords
    readonly roman: RomanWords
    readonly shorthand: ShorthandWords
    /** What may be below zero. */
    readonly signed: readonly string[]
  }
}

/** Builds the completer. Its input is clean text; text without such marks comes back as it is. */
export function createTextCompleter(parts: CompleteTextParts): (text: string) => string {
  const { units, words } = parts
  const found = createFindingReader(words.finding)
  const flagged = createFlagReader(words.flags)
  const keyed = createKeyReader(words.keys)
  const joined = createMinusJoiner(words.signed)
  const graded = createRomanReader(words.roman)
  const inFull = createShorthandReader(words.shorthand)
  const share = /\s?[%‰]/y
  const counted =
    parts.counted.length > 0 ? new RegExp(`\\s?(?:${oneOf(parts.counted)})`, 'y') : undefined

  function isPart(digits: string, text: string, end: number): boolean {
    if (counted && matchAt(counted, text, end)) return PART_OF_ONE.test(digits)
    const unitAt = text.charAt(end) === ' ' ? end + 1 : end
    return (
      PART.test(digits) && (matchAt(share, text, end) !== null || units.isMeasure(text, unitAt))
    )
  }

  const zeroed = (text: string) =>
    text.replace(BARE_POINT, (all, digits: string, at: number) =>
      !MAY_END.test(text.charAt(at - 1)) || isPart(digits, text, at + all.length)
        ? `0.${digits}`
        : all,
    )

  return (text) => found(zeroed(inFull(flagged(graded(joined(plainSigns(keyed(text))))))))
}
