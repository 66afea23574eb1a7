/**
 * Toneless pinyin for matching what a recogniser confuses.
 *
 * Every character has one syllable number in which zh/z, ch/c, sh/s, final n/ng and initial l/n are
 * merged: the confusions of southern speakers and of recognisers.
 */
import { PINYIN_TABLE } from './data/pinyin-table.ts'

const exactOf = new Uint16Array(0x10000)
const mergedOf = new Uint16Array(0x10000)
const names: string[] = ['']
const homophonesOf = new Map<number, string>()

fillTables()

function fillTables(): void {
  const merged = new Map<string, number>()
  for (const line of PINYIN_TABLE.trim().split('\n')) {
    const [syllable = '', characters = ''] = line.split(' ')
    const exact = names.push(syllable) - 1
    const group = mergeSyllable(syllable)
    const id = merged.get(group) ?? merged.size + 1
    merged.set(group, id)
    homophonesOf.set(exact, characters)
    for (let i = 0; i < characters.length; i++) {
      exactOf[characters.charCodeAt(i)] = exact
      mergedOf[characters.charCodeAt(i)] = id
    }
  }
}

/** The class of a syllable under the confusions above: `zhang` and `zan` are one. */
export function mergeSyllable(syllable: string): string {
  return syllable
    .replace(/^([zcs])h/, '$1')
    .replace(/^n(?=[a-z])/, 'l')
    .replace(/ng$/, 'n')
}

/** Merged syllable number of a character (1 …), or 0 when it has none. */
export function syllableOf(codeUnit: number): number {
  return mergedOf[codeUnit] ?? 0
}

/** Exact toneless syllable number of a character (1 …), or 0 when it has none. */
export function exactSyllableOf(codeUnit: number): number {
  return exactOf[codeUnit] ?? 0
}

/** Toneless pinyin of a character, such as `hao`, or an empty string. */
export function pinyinOf(codeUnit: number): string {
  return names[exactOf[codeUnit] ?? 0] ?? ''
}

/** All common characters read the same (without tone) as this one, itself among them. */
export function homophones(codeUnit: number): string {
  return homophonesOf.get(exactOf[codeUnit] ?? 0) ?? ''
}
