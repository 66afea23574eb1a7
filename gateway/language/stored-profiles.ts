/**
 * The profiles of stored questions, each made when it is first compared and kept, side by side in a few long
 * arrays. Units repeat themselves, so each is one number: which row of a table of different units it is. A
 * question of a dozen characters takes 120 bytes; what was never asked about takes none, as an array's
 * memory is given when it is written.
 */
import {
  createProfile,
  fillProfile,
  MAX_UNITS,
  NO_NUMBERS,
  type Profile,
  type Rarity,
} from './profile.ts'

export interface StoredProfiles {
  /** Normal form and full wording of each question. */
  readonly texts: readonly string[]
  readonly said: readonly string[]
  readonly rarity: Rarity
  /** Units of each question, {@link UNMADE} before it is compared. */
  readonly lengths: Uint8Array
  /** Row of each unit; where each question's place begins. */
  readonly rows: Uint32Array
  readonly starts: Uint32Array
  readonly table: UnitTable
  /** As in a {@link Profile}. */
  readonly pairs: Uint32Array
  readonly pairStarts: Uint32Array
  readonly pairEnds: Uint32Array
  readonly types: Uint16Array
  readonly negated: Uint8Array
  readonly sides: Int32Array
  /** Of the few questions that have any. */
  readonly numbers: Map<number, readonly number[]>
  /** Scratch: what is being made, and what {@link openProfile} fills. */
  readonly made: Profile
  readonly opened: Profile
}

/** No length: at most {@link MAX_UNITS} units are kept. */
const UNMADE = 255

/** Different units with all that a profile knows of them; found by open addressing. */
interface UnitTable {
  size: number
  units: Uint32Array
  syllables: Uint16Array
  concepts: Uint16Array
  weights: Float32Array
  content: Float32Array
  slots: Int32Array
}

export function createStoredProfiles(
  questions: readonly { readonly text: string; readonly said: string }[],
  rarity: Rarity,
): StoredProfiles {
  const size = questions.length
  const starts = new Uint32Array(size + 1)
  const pairStarts = new Uint32Array(size + 1)
  questions.forEach(({ text, said }, document) => {
    // As long as they can get: a unit has one character at least.
    starts[document + 1] = (starts[document] as number) + Math.min(text.length, MAX_UNITS)
    pairStarts[document + 1] = (pairStarts[document] as number) + said.length + 1
  })
  const pairs = new Uint32Array(pairStarts[size] as number)
  return {
    texts: questions.map(({ text }) => text),
    said: questions.map(({ said }) => said),
    rarity,
    lengths: new Uint8Array(size).fill(UNMADE),
    rows: new Uint32Array(starts[size] as number),
    starts,
    table: createTable(1024),
    pairs,
    pairStarts,
    pairEnds: new Uint32Array(size),
    types: new Uint16Array(size),
    negated: new Uint8Array(size),
    sides: new Int32Array(size),
    numbers: new Map(),
    made: createProfile(),
    opened: { ...createProfile(), pairs },
  }
}

/** The profile of one stored question; the next call fills the same one. */
export function openProfile(stored: StoredProfiles, document: number): Profile {
  const { lengths, rows, starts, table, opened } = stored
  if (lengths[document] === UNMADE) makeProfile(stored, document)
  const from = starts[document] as number
  const length = lengths[document] as number
  for (let i = 0; i < length; i++) {
    const row = rows[from + i] as number
    opened.units[i] = table.units[row] as number
    opened.syllables[i] = table.syllables[row] as number
    opened.concepts[i] = table.concepts[row] as number
    opened.weights[i] = table.weights[row] as number
    opened.content[i] = table.content[row] as number
  }
  opened.length = length
  opened.pairsFrom = stored.pairStarts[document] as number
  opened.pairsTo = stored.pairEnds[document] as number
  opened.types = stored.types[document] as number
  opened.negated = stored.negated[document] === 1
  opened.sides = stored.sides[document] as number
  opened.numbers = stored.numbers.get(document) ?? NO_NUMBERS
  return opened
}

function makeProfile(stored: StoredProfiles, document: number): void {
  const { texts, said, rows, starts, table, pairs, made } = stored
  fillProfile(made, texts[document] as string, said[document] as string, stored.rarity)
  const from = starts[document] as number
  for (let i = 0; i < made.length; i++) rows[from + i] = rowOf(table, made, i)
  const pairsFrom = stored.pairStarts[document] as number
  for (let i = 0; i < made.pairsTo; i++) pairs[pairsFrom + i] = made.pairs[i] as number
  stored.pairEnds[document] = pairsFrom + made.pairsTo
  stored.types[document] = made.types
  stored.negated[document] = made.negated ? 1 : 0
  stored.sides[document] = made.sides
  if (made.numbers.length > 0) stored.numbers.set(document, made.numbers)
  stored.lengths[document] = made.length
}

/** Room for `capacity` units, a power of two, without moving. */
const createTable = (capacity: number): UnitTable => ({
  size: 0,
  units: new Uint32Array(capacity),
  syllables: new Uint16Array(capacity),
  concepts: new Uint16Array(capacity),
  weights: new Float32Array(capacity),
  content: new Float32Array(capacity),
  slots: new Int32Array(capacity * 2).fill(-1),
})

/** Row of the profile's unit `i`; a new one when no row is the same in all. */
function rowOf(table: UnitTable, profile: Profile, i: number): number {
  const mask = table.slots.length - 1
  let slot = firstSlot(profile, i)
  for (;;) {
    const row = table.slots[slot & mask] as number
    if (row < 0) break
    if (isSame(table, row, profile, i)) return row
    slot++
  }
  if (table.size === table.units.length) {
    widen(table)
    return rowOf(table, profile, i)
  }
  const row = table.size++
  table.slots[slot & mask] = row
  table.units[row] = profile.units[i] as number
  table.syllables[row] = profile.syllables[i] as number
  table.concepts[row] = profile.concepts[i] as number
  table.weights[row] = profile.weights[i] as number
  table.content[row] = profile.content[i] as number
  return row
}

const firstSlot = ({ units, concepts }: Pick<Profile, 'units' | 'concepts'>, i: number): number =>
  Math.imul((units[i] as number) + (concepts[i] as number), 0x9e3779b1) >>> 7

function widen(table: UnitTable): void {
  const wider = createTable(table.units.length * 2)
  wider.units.set(table.units)
  wider.syllables.set(table.syllables)
  wider.concepts.set(table.concepts)
  wider.weights.set(table.weights)
  wider.content.set(table.content)
  const mask = wider.slots.length - 1
  for (let row = 0; row < table.size; row++) {
    let slot = firstSlot(table, row)
    while ((wider.slots[slot & mask] as number) >= 0) slot++
    wider.slots[slot & mask] = row
  }
  Object.assign(table, wider, { size: table.size })
}

const isSame = (table: UnitTable, row: number, profile: Profile, i: number): boolean =>
  table.units[row] === profile.units[i] &&
  table.concepts[row] === profile.concepts[i] &&
  table.syllables[row] === profile.syllables[i] &&
  table.weights[row] === profile.weights[i] &&
  table.content[row] === profile.content[i]
