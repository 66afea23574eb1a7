/**
 * Reads a binary 3-gram model of CMU Sphinx (`*.lm.bin`), a trie that is read from the last word backwards.
 * All little-endian, one part after the other:
 *
 * - the text `Trie Language Model`, u8 order (3), u32 counts of 1-, 2- and 3-grams;
 * - u32 kind of quantisation (1: 16 bits), then three tables of 65,536 f32: logarithms of the probability of
 *   2-grams, of their back-off, of the probability of 3-grams;
 * - 1-grams by word id and one more that closes: f32 probability, f32 back-off, u32 its first 2-gram;
 * - 2-grams and one more that closes, as a stream of bits, the lowest first: the word before; 16 bits of
 *   back-off; 16 bits of probability; its first 3-gram;
 * - 3-grams likewise: the word before those two; 16 bits of probability;
 * - u32 length of the words, then the words by id in UTF-8, each closed by a zero.
 *
 * A word takes as many bits as the count of 1-grams does, a 3-gram's number as many as their count does. A
 * stream of n entries of b bits takes ⌈(n + 1) · b / 8⌉ + 8 bytes. Logarithms are to the base 1.0001.
 */
import type { LanguageModel } from './language-model.ts'

const MAGIC = 'Trie Language Model'
const LOG_BASE = 1.0001
const TABLE = 1 << 16
const CHANCE_BITS = 16
const SPARE_BYTES = 8

export function readSphinxModel(file: Buffer): LanguageModel {
  if (file.toString('latin1', 0, MAGIC.length) !== MAGIC) throw new Error('not a Sphinx trie')
  let at = MAGIC.length
  if (file[at] !== 3) throw new Error(`a model of order ${file[at]}; only 3 is read`)
  const [ones, twos, threes] = [1, 5, 9].map((i) => file.readUInt32LE(at + i)) as [
    number,
    number,
    number,
  ]
  const quantisation = file.readUInt32LE(at + 13)
  if (quantisation !== 1) throw new Error(`quantisation ${quantisation}; only 1 (16 bits) is read`)
  at += 17
  const pairChances = readChances(file, at)
  const tripleChances = readChances(file, at + 2 * TABLE * 4)
  at += 3 * TABLE * 4
  const unigrams = file.subarray(at, at + (ones + 1) * 12)
  at += unigrams.length
  const wordBits = bitsOf(ones)
  const nextBits = bitsOf(threes)
  if (nextBits > MOST_BITS)
    throw new Error(`${threes} 3-grams; fewer than 2^${MOST_BITS} can be read`)
  const pairBits = wordBits + 2 * CHANCE_BITS + nextBits
  const pairs = file.subarray(at, at + streamBytes(twos, pairBits))
  at += pairs.length
  const tripleBits = wordBits + CHANCE_BITS
  const triples = file.subarray(at, at + streamBytes(threes, tripleBits))
  at += triples.length
  const words = file.toString('utf8', at + 4).split('\0', ones)

  const secondOfPair = owners(ones, (i) => unigrams.readUInt32LE(i * 12 + 8), twos)
  const pairOfTriple = owners(
    secondOfPair.length,
    (i) => bitsAt(pairs, i * pairBits + wordBits + 2 * CHANCE_BITS, nextBits),
    threes,
  )
  const firstOfPair = secondOfPair.map((_, i) => bitsAt(pairs, i * pairBits, wordBits))
  const pairChance = (_: number, i: number) =>
    pairChances[bitsAt(pairs, i * pairBits + wordBits + CHANCE_BITS, CHANCE_BITS)] as number
  const tripleChance = (_: number, i: number) =>
    tripleChances[bitsAt(triples, i * tripleBits + wordBits, CHANCE_BITS)] as number
  return {
    words,
    chances: Float64Array.from(words, (_, i) => LOG_BASE ** unigrams.readFloatLE(i * 12)),
    bigrams: {
      first: firstOfPair,
      second: secondOfPair,
      chance: Float64Array.from(secondOfPair, pairChance),
    },
    trigrams: {
      first: pairOfTriple.map((_, i) => bitsAt(triples, i * tripleBits, wordBits)),
      second: pairOfTriple.map((pair) => firstOfPair[pair] as number),
      third: pairOfTriple.map((pair) => secondOfPair[pair] as number),
      chance: Float64Array.from(pairOfTriple, tripleChance),
    },
  }
}

const bitsOf = (count: number): number => 32 - Math.clz32(count)
const streamBytes = (entries: number, bits: number): number =>
  Math.ceil(((entries + 1) * bits) / 8) + SPARE_BYTES

const readChances = (file: Buffer, at: number): Float64Array =>
  Float64Array.from({ length: TABLE }, (_, i) => LOG_BASE ** file.readFloatLE(at + i * 4))

/** A number that begins within a byte is read as part of 32 bits. */
const MOST_BITS = 25

/** Bits from a place in a stream, the lowest first. */
function bitsAt(stream: Buffer, at: number, bits: number): number {
  const byte = Math.floor(at / 8)
  return (stream.readUInt32LE(byte) >>> (at % 8)) & ((1 << bits) - 1)
}

/**
 * Which entry each child belongs to: entry i owns the children from `firstChild(i)` to that of i + 1. A
 * model may hold fewer children than it counts; those past the closing entry are nobody's.
 */
function owners(
  count: number,
  firstChild: (entry: number) => number,
  children: number,
): Int32Array {
  const total = Math.min(firstChild(count), children)
  const owner = new Int32Array(total)
  for (let entry = 0; entry < count; entry++) {
    owner.fill(entry, firstChild(entry), Math.min(firstChild(entry + 1), total))
  }
  return owner
}
