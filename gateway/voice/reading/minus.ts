/** Tells a minus from a hyphen where a hyphen-minus joins letters and a figure: `BE-3.2`, `OD-3.00` and `B-105`. */
import { matchAt, oneOf } from './scan.ts'
import type { UnitReader } from './unit-reader.ts'

const FIGURE = /\d+(\.\d+)?/y
/** A single letter names a place, a paper, a chapter; of longer runs only abbreviations are measured. */
const ABBREVIATION = /(?<![A-Za-z\d])[A-Z][A-Za-z]{1,4}$/
const LOOK_BACK_CHARS = 12

export type MinusReader = (text: string, at: number) => boolean

/**
 * Builds the reader: is the sign at `at`, right after letters and before a digit, a minus?
 * It is after the names in `signed` (what may be below zero: base excess, sphere), and after any abbreviation
 * before a part or a unit, which a code does not have; not after those in `positive`, where it only joins.
 */
export function createMinusReader(
  units: UnitReader,
  signed: readonly string[],
  positive: readonly string[],
): MinusReader {
  const isPositive = new RegExp(`(?<![A-Za-z\\d])(?:${oneOf(positive)})$`)
  const isSigned = new RegExp(`(?<![A-Za-z\\d])(?:${oneOf(signed)})$`)
  const share = /\s?[%‰]/y
  return (text, at) => {
    const figure = text.charAt(at) === '-' ? matchAt(FIGURE, text, at + 1) : null
    if (figure === null) return false
    const ahead = text.slice(Math.max(0, at - LOOK_BACK_CHARS), at)
    if (isSigned.test(ahead)) return true
    const end = at + 1 + figure[0].length
    if (isPositive.test(ahead) || !ABBREVIATION.test(ahead) || /[-.]/.test(text.charAt(end)))
      return false
    const unitAt = text.charAt(end) === ' ' ? end + 1 : end
    return (
      figure[1] !== undefined || matchAt(share, text, end) !== null || units.isMeasure(text, unitAt)
    )
  }
}

/** `-3.00 -0.75`: a sign with a space before it alone, after a figure that has its own sign. */
export const isNextBelowZero = (text: string, start: number, end: number): boolean =>
  /[-+]/.test(text.charAt(start - 1)) && /^ -\d/.test(text.slice(end, end + 3))

/** Builds the joiner of `BE - 3.2` and `BE: - 3.2`: behind a name in `signed` the sign belongs to the figure. */
export function createMinusJoiner(signed: readonly string[]): (text: string) => string {
  const apart = new RegExp(`((?<![A-Za-z\\d])(?:${oneOf(signed)})\\s?[:：=]?)\\s?-\\s(?=\\d)`, 'g')
  return (text) => (text.includes('- ') ? text.replace(apart, '$1 -') : text)
}
