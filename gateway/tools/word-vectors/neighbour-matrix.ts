/**
 * What stands near each word, and how much more often than by chance: a row a word, and four blocks of
 * columns, one a word each: next to the right, next to the left, two to the right, two to the left.
 *
 * A value is the positive pointwise mutual information, with the chance of a neighbour smoothed (O. Levy,
 * Y. Goldberg, I. Dagan, "Improving Distributional Similarity with Lessons Learned from Word Embeddings",
 * 2015), so that rare neighbours do not count for too much.
 */
import { type LanguageModel, neighbours, type Pairs, twoApart } from './language-model.ts'
import type { Sparse } from './matrix.ts'

const SMOOTHING = 0.75
/** Of a neighbour with a word between: it tells of the matter, but less. */
const FAR_SHARE = 0.5

interface Block {
  readonly row: Int32Array
  readonly column: Int32Array
  /** 0 where the two go together no more often than by chance. */
  readonly value: Float32Array
}

export function neighbourMatrix(model: LanguageModel): Sparse {
  const near = neighbours(model)
  const far = twoApart(model, near)
  const size = model.words.length
  const blocks = [
    information(near, size, 1),
    information(turned(near), size, 1),
    information(far, size, FAR_SHARE),
    information(turned(far), size, FAR_SHARE),
  ]
  return beside(blocks, size)
}

const turned = ({ first, second, weight }: Pairs): Pairs => ({
  first: second,
  second: first,
  weight,
})

/** log (p(row, column) ÷ (p(row) · smoothed p(column))), where above 0. */
function information({ first, second, weight }: Pairs, size: number, share: number): Block {
  const rowChance = new Float64Array(size)
  const columnChance = new Float64Array(size)
  for (let i = 0; i < weight.length; i++) {
    const row = first[i] as number
    const column = second[i] as number
    rowChance[row] = (rowChance[row] as number) + (weight[i] as number)
    columnChance[column] = (columnChance[column] as number) + (weight[i] as number)
  }
  const smoothed = columnChance.map((value) => value ** SMOOTHING)
  const total = smoothed.reduce((sum, value) => sum + value, 0)
  const value = Float32Array.from(weight, (both, i) => {
    if (both === 0) return 0
    const apart =
      (rowChance[first[i] as number] as number) * (smoothed[second[i] as number] as number)
    return share * Math.max(0, Math.log((both * total) / apart))
  })
  return { row: first, column: second, value }
}

/** The blocks side by side. */
function beside(blocks: readonly Block[], size: number): Sparse {
  const starts = new Int32Array(size + 1)
  for (const { row, value } of blocks) {
    for (let i = 0; i < value.length; i++) {
      const next = (row[i] as number) + 1
      if (value[i] !== 0) starts[next] = (starts[next] as number) + 1
    }
  }
  for (let i = 0; i < size; i++) starts[i + 1] = (starts[i + 1] as number) + (starts[i] as number)
  const columns = new Int32Array(starts[size] as number)
  const values = new Float32Array(starts[size] as number)
  const free = starts.slice(0, size)
  blocks.forEach(({ row, column, value }, block) => {
    for (let i = 0; i < value.length; i++) {
      if (value[i] === 0) continue
      const at = free[row[i] as number] as number
      free[row[i] as number] = at + 1
      columns[at] = block * size + (column[i] as number)
      values[at] = value[i] as number
    }
  })
  return { rows: size, width: blocks.length * size, starts, columns, values }
}
