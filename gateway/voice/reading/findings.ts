/** Findings that are written with signs alone: `HIV(-)`, `Rh-`, 尿蛋白2+, `(++)`, and ions: K+. */
import { matchAt, oneOf } from './scan.ts'
import type { FindingWords } from './voice-data.ts'

const SIGN_ALONE = /[(（[]\s?([-+])\s?[)）\]]/g
/** ER(80%+), ER(+，80%) */
const SHARE_FOUND = /([(（]\s?\d+(?:\.\d+)?%)\s?(\+)(?=\s?[)）])|([(（]\s?)([-+])(?=\s?[,，])/g
const GRADE_ALONE = /[(（[]\s?([1-4]\+|\+{2,4}|±)\s?[)）\]]/g
/** `2+` and `++` by themselves; `60+`, `C++`, `2+1` and `3+ 年` are something else. */
const GRADE =
  /(?<![A-Za-z\d.+])([1-4]\+|\+{2,4})(?=$|[\s,，。;；、)）\]/])(?!\s?[\d\u3400-\u9fff])/g
const STOP = '$|[\\n,，。;；、)）\\]/]'

/** Builds the reader of findings: signs of a clean text → words, as `words` has them. */
export function createFindingReader(words: FindingWords): (text: string) => string {
  const keyBefore = new RegExp(`(?:^|[^A-Za-z])(?:${oneOf(words.notAfter)})\\s?$`, 'i')
  const keyAfter = new RegExp(`\\s?(?:${oneOf(words.notBefore)})`, 'iy')
  const test = `((?<![A-Za-z])(?:${oneOf(words.tests)}))`
  const graded = new RegExp(`${test}([:：\\s]*)([1-4]\\+|\\+{2,4})(?![\\d+])`, 'gi')
  const joinedSign = new RegExp(`${test}([-+])(?=${STOP}|[\\s.](?!(?:and|or|to)\\b))`, 'gi')
  const apartSign = new RegExp(
    `${test}(?:\\s?[:：]\\s?|\\s)([-+])(?=\\s*(?:${STOP}|\\.(?:\\s|$)))`,
    'gi',
  )
  const group = new RegExp(
    `((?:${oneOf(words.bloodType)})(?:\\s?(?:is|为|是))?[:：\\s]*(?:AB|A|B|O)型?|(?<![A-Za-z])(?:AB|A|B|O)型)\\s?([-+])(?![A-Za-z\\d])`,
    'gi',
  )
  const ion = new RegExp(`(?<![A-Za-z\\d])(?:${oneOf(Object.keys(words.ions))})(?![A-Za-z+-])`, 'g')

  const found = (sign: string) => words[sign === '-' ? 'negative' : 'positive']
  const grade = (signs: string) =>
    signs === '±' ? signs : (words.grades[gradeOf(signs) - 1] ?? signs)
  /** Digits and letters of what follows must not run into the word. */
  const apart = (word: string, text: string, end: number) =>
    /[A-Za-z\d]/.test(text.charAt(end)) ? `${word} ` : word

  const alone = (text: string) =>
    text.replace(SIGN_ALONE, (all, sign: string, at: number) => {
      const end = at + all.length
      if (keyBefore.test(text.slice(0, at)) || matchAt(keyAfter, text, end)) return all
      return apart(found(sign), text, end)
    })

  return (text) => {
    if (!/[-+±]/.test(text)) return text
    return alone(text)
      .replace(ion, (name, at: number, all: string) =>
        apart(words.ions[name] ?? name, all, at + name.length),
      )
      .replace(
        SHARE_FOUND,
        (_, share?: string, plus?: string, open?: string, sign?: string) =>
          (share ?? open ?? '') + found(plus ?? sign ?? '+'),
      )
      .replace(GRADE_ALONE, (all, signs: string, at: number, whole: string) =>
        apart(grade(signs), whole, at + all.length),
      )
      .replace(graded, (_, name: string, gap: string, signs: string) => name + gap + grade(signs))
      .replace(GRADE, (signs) => grade(signs))
      .replace(group, (_, name: string, sign: string) => name + found(sign))
      .replace(joinedSign, (_, name: string, sign: string) => name + found(sign))
      .replace(apartSign, (_, name: string, sign: string) => name + found(sign))
  }
}

const gradeOf = (signs: string): number =>
  /\d/.test(signs) ? Number(signs.charAt(0)) : signs.length
