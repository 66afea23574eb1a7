/**
 * Toneless pinyin for matching what a recogniser confuses.
 *
 * Every character has one syllable number in which zh/z, ch/c, sh/s, final n/ng and initial l/n are
 * merged: the confusions of southern speakers and of recognisers.
 */
import { PINYIN_TABLE } from './data/pinyin-table.ts'

const exactOf = new Uint16Array(0x10000)
const mergedOf = new Uint16Array(0x10000)
/** Characters of each exact syllable; 0 is none. */
const homophonesOf: string[] = ['']

fillTables()

function fillTables(): void {
  const merged = new Map<string, number>()
  for (const line of PINYIN_TABLE.trim().split('\n')) {
    const [syllable = '', characters = ''] = line.split(' ')
    const exact = homophonesOf.push(characters) - 1
    const group = mergeSyllable(syllable)
    const id = merged.get(group) ?? merged.size + 1
    merged.set(group, id)
    for (let i = 0; i < characters.length; i++) {
      exactOf[characters.charCodeAt(i)] = exact
      mergedOf[characters.charCodeAt(i)] = id
    }
  }
}

/** The class of a syllable under the confusions above: `zhang` and `zan` are one. */
function mergeSyllable(syllable: string): string {
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

/** All common characters read the same (without tone) as this one, itself among them. */
export function homophones(codeUnit: number): string {
  return homophonesOf[exactOf[codeUnit] ?? 0] ?? ''
}
