/** Marks behind a value of a report: `6.8 H`, `2.5 mmol/L L`, `12.5↑`. */
import { oneOf } from './scan.ts'
import type { FlagWords } from './voice-data.ts'

const STOP = '(?=\\s*(?:$|[\\n,，。;；、)）\\]]))'
/** Behind a unit with a slash, a share or a part, H and L are no unit of their own. */
const AFTER_UNIT = new RegExp(`(\\/[A-Za-zμµ]+|%)\\s+([HL])${STOP}`, 'g')
const HIGH_PART = new RegExp(`(\\d\\.\\d+)\\s+(H)${STOP}`, 'g')
/** (H), [L] */
const BRACKETED = /(\d[A-Za-zμµ\d^/%. ]{0,14})\s?[(（[]([HL])[)）\]]/g
/** Before a figure an arrow says where that goes (↑5%); behind one, how the value is. */
const ARROWS = /(?<=\d[^\n,，。;；、：:↑↓]{0,16})\s?(↑+|↓+)(?!\s?\d)/g

/** Builds the reader of marks; text without them comes back as it is. */
export function createFlagReader(words: FlagWords): (text: string) => string {
  const named = new RegExp(
    `((?<![A-Za-z])(?:${oneOf(words.analytes)})\\+?[:：\\s]*\\d+(?:\\.\\d+)?)\\s+([HL])(?![A-Za-z\\d/])`,
    'gi',
  )
  const flag = (_: string, value: string, mark: string) =>
    value + (mark.toUpperCase() === 'H' ? words.high : words.low)

  return (text) => {
    const flagged = /[\s(（[][HL](?![A-Za-z])/.test(text)
      ? text
          .replace(BRACKETED, flag)
          .replace(AFTER_UNIT, flag)
          .replace(named, flag)
          .replace(HIGH_PART, flag)
      : text
    if (!/[↑↓]/.test(flagged)) return flagged
    return flagged.replace(ARROWS, (_, arrows: string) => {
      const way = arrows.startsWith('↑') ? words.up : words.down
      return arrows.length === 1 ? way : way + words.arrows.replace('{n}', String(arrows.length))
    })
  }
}
