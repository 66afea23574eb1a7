/** What clinicians write short, in words that a patient knows: `10mg bid po`, `q8h`, `×7d`, `w/o`. */
import { oneOf } from './scan.ts'
import type { ShorthandWords } from './voice-data.ts'

const EVERY = '[qQ]\\d{1,2}(?:-\\d{1,2})?(?:min|wk|mo|[hHdw])'
const EVERY_PARTS = /^q(\d+(?:-\d+)?)(min|wk|mo|[hdw])$/i
/** How far back a dose may stand. */
const LOOK_BACK_CHARS = 16
const LONGEST_DOTTED = 3

/**
 * Builds the reader. Words in `always` mean nothing else; those in `afterDose` (`bid`, `po`, `IV`) have other
 * meanings too and are read only behind a dose or beside one of the first. What is in no list stays letters.
 */
export function createShorthandReader(words: ShorthandWords): (text: string) => string {
  const said = new Map<string, string>()
  const certain = new Set<string>()
  for (const [list, isCertain] of [
    [words.always, true] as const,
    [words.afterDose, false] as const,
  ])
    for (const [short, long] of Object.entries(list))
      for (const form of formsOf(short)) {
        said.set(form, long)
        if (isCertain || form.includes('.')) certain.add(form)
      }
  const token = `(?:${oneOf([...said.keys()])}|${EVERY})(?![A-Za-z\\d])`
  const run = new RegExp(`(?<![A-Za-z\\d./])${token}(?:[\\s,，&]+${token})*`, 'g')
  const each = new RegExp(token, 'g')
  const dose = new RegExp(`\\d\\s?(?:${oneOf(words.doseUnits)})[\\s,，]*$`)
  const course = new RegExp(
    `(?<=[A-Za-z\\u3400-\\u9fff]\\s?)\\s?[×xX*]\\s?(\\d+(?:-\\d+)?)\\s?(?:(min|wk|mo|[hdw])(?![A-Za-z])|(${oneOf(words.courseUnits)}))`,
    'g',
  )
  const written = Object.keys(words.written)
  const short = new RegExp(`(?<![A-Za-z])(?:${oneOf(written)})(?:(?<=/)|(?![A-Za-z\\d]))`, 'g')

  const times = (template: string, count: string, unit: string): string => {
    const [one, many] = words.units[unit.toLowerCase()] ?? [unit, unit]
    const filled = count === '1' ? template.replace('{n}', '') : template.replace('{n}', count)
    return filled.replace('{unit}', count === '1' ? one : many).replace('  ', ' ')
  }
  function wordsOf(abbreviation: string): string {
    const every = EVERY_PARTS.exec(abbreviation)
    if (every === null) return said.get(abbreviation) ?? abbreviation
    return times(words.every, every[1] ?? '', every[2] ?? '')
  }
  const isCertain = (abbreviations: string) =>
    abbreviations.match(each)?.some((one) => certain.has(one) || EVERY_PARTS.test(one)) ?? false

  return (text) => {
    if (!/[A-Za-z×]/.test(text)) return text
    return text
      .replace(run, (all, at: number) =>
        isCertain(all) || dose.test(text.slice(Math.max(0, at - LOOK_BACK_CHARS), at))
          ? all.replace(each, wordsOf)
          : all,
      )
      .replace(course, (_, count: string, unit?: string, name?: string) =>
        unit === undefined
          ? `${words.course.replace('{n}', count).replace('{unit}', name ?? '')}`
          : times(words.course.replace('{n}', count), count, unit),
      )
      .replace(short, (all) => words.written[all] ?? all)
  }
}

/** `bid`, `b.i.d` and `b.i.d.` are the same. */
function formsOf(short: string): readonly string[] {
  if (short.length > LONGEST_DOTTED || /[^a-z]/.test(short)) return [short]
  const dotted = Array.from(short).join('.')
  return [short, dotted, `${dotted}.`]
}
