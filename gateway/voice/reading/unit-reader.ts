/** Units after numbers, single and compound: mg, mmol/L, 10^9/L, 次/天. */

import { isLetter, matchAt, oneOf } from './scan.ts'
import type { Unit, VoiceData } from './voice-data.ts'

export interface UnitReader {
  /** The unit that stands at `at`, or undefined. */
  read(text: string, at: number, hasNumber: boolean): ReadUnit | undefined
  /** Whether what stands at `at` can only be a unit: a lone letter may as well belong to a code (B2C). */
  isMeasure(text: string, at: number): boolean
  /** Whether an amount of medicine ends in what stands at `at`: 6u, 5mg, 10 mL. */
  isAmount(text: string, at: number): boolean
  /** Whether a figure with its unit stands below the slash at `at`, as in 120mg/24h; 50mg/100mg are two amounts. */
  hasFigureBelow(text: string, at: number): boolean
}
export interface ReadUnit {
  readonly end: number
  readonly zh: string
  readonly enOne: string
  readonly enMany: string
  readonly isCompound: boolean
  /** Whether a blood pressure is measured in it. */
  readonly isPressure: boolean
}

const PRESSURE = /^(?:mmHg|kPa)$/
const AMOUNT = /\s?(?:[uU]|IU|mg|mcg|µg|μg|ug|g|m[lL]|units?)(?![A-Za-z])/y
const BELOW = /\/\s?\d+(?:\.\d+)?\s?/y
const UNIT_ENDS = /[A-Za-z\d%]/
/** `×180 L -2.50` goes on with the left eye. */
const SIGNED_NEXT = /\s[-+]\d/y
const LETTER_FOLLOWS = /[A-Za-z]/

export function createUnitReader(units: VoiceData['units']['units']): UnitReader {
  const bySymbol = new Map<string, Unit>()
  for (const unit of units) for (const symbol of unit.symbols) bySymbol.set(symbol, unit)
  const single = new RegExp(oneOf([...bySymbol.keys()]), 'y')

  function one(text: string, at: number): { unit: Unit; end: number } | undefined {
    const match = matchAt(single, text, at)
    if (match === null) return undefined
    const end = at + match[0].length
    const last = text.charAt(end - 1)
    if (LETTER_FOLLOWS.test(last) && LETTER_FOLLOWS.test(text.charAt(end))) return undefined
    if (match[0] === 'L' && matchAt(SIGNED_NEXT, text, end) !== null) return undefined
    const unit = bySymbol.get(match[0])
    return unit && { unit, end }
  }

  function read(text: string, at: number, hasNumber: boolean): ReadUnit | undefined {
    const first = one(text, at)
    if (first === undefined) return undefined
    const { unit } = first
    const below: Unit[] = []
    let end = first.end
    while (text.charAt(end) === '/') {
      const next = one(text, end + 1)
      if (next === undefined) break
      below.push(next.unit)
      end = next.end
    }
    const isCompound = below.length > 0
    const per = below.map((each) => `每${each.perZh ?? each.zh}`).join('')
    const perEn = below.map((each) => ` per ${each.en[0]}`).join('')
    const head = isCompound
      ? (unit.perZh ?? unit.zh)
      : hasNumber
        ? unit.zh
        : (unit.bareZh ?? unit.zh)
    return {
      end,
      zh: head + per,
      enOne: unit.en[0] + perEn,
      enMany: unit.en[1] + perEn,
      isCompound,
      isPressure: !isCompound && PRESSURE.test(unit.symbols[0] ?? ''),
    }
  }
  function isMeasure(text: string, at: number): boolean {
    const unit = read(text, at, true)
    return unit !== undefined && (unit.end - at > 1 || !isLetter(text.charCodeAt(at)))
  }

  function hasFigureBelow(text: string, at: number): boolean {
    const figure = matchAt(BELOW, text, at)
    if (figure === null || !UNIT_ENDS.test(text.charAt(at - 1))) return false
    const unitAt = at + figure[0].length
    const below = one(text, unitAt)
    return below?.unit.per === true && !text.slice(0, at).endsWith(text.slice(unitAt, below.end))
  }

  const isAmount = (text: string, at: number) => at > 0 && matchAt(AMOUNT, text, at) !== null

  return { read, isMeasure, isAmount, hasFigureBelow }
}
