import { describe, expect, it } from 'vitest'
import type { Matrix } from '../../../gateway/language/dataset.ts'
import { quantise } from '../../../gateway/language/linear-model.ts'
import { addNetworkScores, rowsOf, trainNetwork } from '../../../gateway/language/network.ts'
import { seededRandom } from '../../../gateway/language/random.ts'

/** Four features in pairs: class 1 where exactly one of the two pairs shows its second face. */
function exclusiveOr(copies: number): { matrix: Matrix; labels: Int32Array } {
  const rows = 4 * copies
  const columns = new Int32Array(rows * 2)
  const labels = new Int32Array(rows)
  for (let row = 0; row < rows; row++) {
    const a = row & 1
    const b = (row >> 1) & 1
    columns[row * 2] = a
    columns[row * 2 + 1] = 2 + b
    labels[row] = a ^ b
  }
  const starts = Int32Array.from({ length: rows + 1 }, (_, row) => row * 2)
  const values = new Float32Array(rows * 2).fill(1)
  return { matrix: { rows, width: 4, starts, columns, values }, labels }
}

function train(seed: number) {
  const { matrix, labels } = exclusiveOr(200)
  const dense = trainNetwork(matrix, labels, 2, { units: 32, passes: 40 }, seededRandom(seed))
  const { weights, scales } = quantise(dense.input, dense.units)
  const columns = Int32Array.from([0, 1, 2, 3])
  return {
    units: dense.units,
    columns,
    rowOf: rowsOf(columns, 5),
    input: weights,
    inputScales: scales,
    inputBiases: dense.inputBiases,
    output: dense.output,
    outputBiases: dense.outputBiases,
    share: 1,
  }
}

function scoresOf(network: ReturnType<typeof train>, columns: readonly number[]): Float32Array {
  const scores = new Float32Array(2)
  const vector = {
    columns: Int32Array.from(columns),
    values: new Float32Array(columns.length).fill(1),
    length: columns.length,
    known: 1,
  }
  addNetworkScores(network, vector, scores)
  return scores
}

describe('a network of one hidden layer', () => {
  it('learns what no linear model can: one or the other, but not both', () => {
    const network = train(1)
    for (const [a, b] of [
      [0, 0],
      [0, 1],
      [1, 0],
      [1, 1],
    ] as const) {
      const [no = 0, yes = 0] = scoresOf(network, [a, 2 + b])
      expect(yes > no, `${a} ${b}`).toBe(a !== b)
    }
  })

  it('is the same from the same seed and another from another', () => {
    expect(train(7)).toEqual(train(7))
    expect(train(7).output).not.toEqual(train(8).output)
  })

  it('passes over features that it was not given', () => {
    const network = train(1)
    expect(scoresOf(network, [1, 2, 4])).toEqual(scoresOf(network, [1, 2]))
  })

  it('adds its scores by its share to what is there', () => {
    const network = train(1)
    const whole = scoresOf(network, [1, 2])
    const half = scoresOf({ ...network, share: 0.5 }, [1, 2])
    expect(half[0]).toBeCloseTo((whole[0] ?? 0) / 2, 5)
    expect(half[1]).toBeCloseTo((whole[1] ?? 0) / 2, 5)
  })
})
