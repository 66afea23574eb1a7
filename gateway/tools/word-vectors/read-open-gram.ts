/**
 * Reads the Chinese model of open-gram from two files.
 *
 * The text that `tslminfo -v -p lm_sc.t3g` prints: a line `\N-gram\COUNT` opens the n-grams of N words, one a
 * line: the N word ids, the probability of the last after those before it, the back-off weight, and a place
 * in brackets. Ids below 70 stand for signs and numbers; most of them have no word in the pool.
 *
 * The dictionary pydict_sc.bin, little-endian: u32 count of words, u32 count of nodes, u32 offset of the
 * pool of words. There they stand by id in UTF-32, each closed by a zero.
 */
import { createReadStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import type { LanguageModel } from './language-model.ts'

const POOL_AT = 8

/** The n-grams of one length. */
interface Section {
  /** Column by column. */
  readonly ids: readonly Int32Array[]
  readonly chance: Float64Array
}

export async function readOpenGram(modelText: string, dictionary: string): Promise<LanguageModel> {
  const words = readPool(await readFile(dictionary))
  const [ones, twos, threes] = await readSections(modelText)
  for (const id of ones.ids[0] ?? []) {
    if (id >= words.length) throw new Error(`${dictionary}: no word ${id}; is it of this model?`)
  }
  const chances = new Float64Array(words.length)
  ones.chance.forEach((chance, i) => {
    chances[ones.ids[0]?.[i] as number] = chance
  })
  const [first, second] = twos.ids as [Int32Array, Int32Array]
  const [before, middle, third] = threes.ids as [Int32Array, Int32Array, Int32Array]
  return {
    words,
    chances,
    bigrams: { first, second, chance: twos.chance },
    trigrams: { first: before, second: middle, third, chance: threes.chance },
  }
}

async function readSections(modelText: string): Promise<[Section, Section, Section]> {
  const sections: Section[] = []
  let section: Section | undefined
  let at = 0
  for await (const line of createInterface({ input: createReadStream(modelText) })) {
    const opening = /^\\(\d)-gram\\(\d+)/.exec(line)
    if (opening) {
      const [order, count] = [Number(opening[1]), Number(opening[2])]
      section = createSection(order, count)
      sections[order] = section
      at = 0
    } else if (section && line.trim() !== '') {
      const fields = line.trim().split(/\s+/)
      section.ids.forEach((column, i) => {
        column[at] = Number(fields[i])
      })
      section.chance[at] = Number(fields[section.ids.length])
      at++
    }
  }
  const [, ones, twos, threes] = sections
  if (!ones || !twos || !threes) {
    throw new Error(`${modelText}: n-grams are missing; is it what tslminfo prints?`)
  }
  return [ones, twos, threes]
}

const createSection = (order: number, count: number): Section => ({
  ids: Array.from({ length: order }, () => new Int32Array(count)),
  chance: new Float64Array(count),
})

function readPool(file: Buffer): string[] {
  const count = file.readUInt32LE(0)
  const words: string[] = []
  let word = ''
  for (let at = file.readUInt32LE(POOL_AT); words.length < count; at += 4) {
    const code = file.readUInt32LE(at)
    if (code !== 0) word += String.fromCodePoint(code)
    else {
      words.push(word)
      word = ''
    }
  }
  return words
}
