/** What a check of the doctor finds, and the words for it from the data file. */
import { readFileSync } from 'node:fs'
import { parse } from 'yaml'
import { packagePath } from '../paths.ts'

export type Level = 'ok' | 'warn' | 'bad'
type Fields = Readonly<Record<string, string | number>>

/** What was found, before it has words. */
export interface Verdict {
  readonly check: string
  readonly level: Level
  /** Key in doctor.yaml under the check. */
  readonly verdict: string
  readonly fields: Fields
}

export interface Words {
  readonly zh: string
  readonly en: string
}

/** What was found, as a person reads it. */
export interface Finding {
  readonly check: string
  readonly verdict: string
  readonly level: Level
  readonly title: Words
  readonly what: Words
  /** Present where something is to be done. */
  readonly next?: Words
}

export const ok = (check: string, fields: Fields = {}, verdict = 'ok'): Verdict => ({
  check,
  level: 'ok',
  verdict,
  fields,
})
export const warn = (check: string, verdict: string, fields: Fields = {}): Verdict => ({
  check,
  level: 'warn',
  verdict,
  fields,
})
export const bad = (check: string, verdict: string, fields: Fields = {}): Verdict => ({
  check,
  level: 'bad',
  verdict,
  fields,
})

type WordFile = Readonly<Record<string, Readonly<Record<string, Words>>>>

/** Gives verdicts their words; throws where the data file has none, which a test rules out. */
export function wording(
  path: string = packagePath('cli/data/doctor.yaml'),
): (verdict: Verdict) => Finding {
  const file = parse(readFileSync(path, 'utf8')) as WordFile
  return ({ check, level, verdict, fields }) => {
    const words = file[check]
    const title = words?.title
    const what = words?.[verdict]
    if (!title || !what) throw new Error(`no words for ${check} ${verdict} in ${path}`)
    const next = words[`${verdict}-next`]
    return {
      check,
      verdict,
      level,
      title,
      what: filled(what, fields),
      ...(next ? { next: filled(next, fields) } : {}),
    }
  }
}

function filled({ zh, en }: Words, fields: Fields): Words {
  const fill = (text: string) =>
    text.replace(/\{(\w+)\}/g, (whole, name: string) => String(fields[name] ?? whole))
  return { zh: fill(zh), en: fill(en) }
}
