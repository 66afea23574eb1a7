/** The little algebra that a factorisation needs: sparse times dense, and symmetric eigenvectors. */

/** Rows of values, one after the other. */
export interface Dense {
  readonly rows: number
  readonly width: number
  readonly values: Float64Array
}

/** Compressed rows: those of row r stand from `starts[r]` to `starts[r + 1]`. */
export interface Sparse {
  readonly rows: number
  readonly width: number
  readonly starts: Int32Array
  readonly columns: Int32Array
  readonly values: Float32Array
}

export function zeros(rows: number, width: number): Dense {
  return { rows, width, values: new Float64Array(rows * width) }
}

/** X · D */
export function times(x: Sparse, d: Dense): Dense {
  const out = zeros(x.rows, d.width)
  for (let row = 0; row < x.rows; row++) {
    for (let i = x.starts[row] as number; i < (x.starts[row + 1] as number); i++) {
      addScaled(out, row, x.values[i] as number, d, x.columns[i] as number)
    }
  }
  return out
}

/** Xᵀ · D */
export function transposedTimes(x: Sparse, d: Dense): Dense {
  const out = zeros(x.width, d.width)
  for (let row = 0; row < x.rows; row++) {
    for (let i = x.starts[row] as number; i < (x.starts[row + 1] as number); i++) {
      addScaled(out, x.columns[i] as number, x.values[i] as number, d, row)
    }
  }
  return out
}

function addScaled(out: Dense, outRow: number, factor: number, d: Dense, row: number): void {
  const { width } = d
  const to = outRow * width
  const from = row * width
  for (let k = 0; k < width; k++) {
    out.values[to + k] = (out.values[to + k] as number) + factor * (d.values[from + k] as number)
  }
}

/** A · B for two dense ones, B small. */
export function timesDense(a: Dense, b: Dense): Dense {
  const out = zeros(a.rows, b.width)
  for (let row = 0; row < a.rows; row++) {
    for (let k = 0; k < a.width; k++)
      addScaled(out, row, a.values[row * a.width + k] as number, b, k)
  }
  return out
}

/** Aᵀ · A */
export function gram(a: Dense): Dense {
  const out = zeros(a.width, a.width)
  for (let row = 0; row < a.rows; row++) {
    for (let k = 0; k < a.width; k++)
      addScaled(out, k, a.values[row * a.width + k] as number, a, row)
  }
  return out
}

/** Each column less its mean. */
export function centred({ rows, width, values }: Dense): Dense {
  const means = new Float64Array(width)
  values.forEach((value, i) => {
    means[i % width] = (means[i % width] as number) + value / rows
  })
  return { rows, width, values: values.map((value, i) => value - (means[i % width] as number)) }
}

/** Below this share of the largest eigenvalue a direction is rounding noise. */
const NOISE = 1e-14

/** An orthonormal basis of the columns of A; a column of 0 for each that hangs on others. */
export function orthonormal(a: Dense): Dense {
  const { values, vectors } = eigen(gram(a))
  const smallest = (values[0] as number) * NOISE
  const scales = values.map((value) => (value > smallest ? 1 / Math.sqrt(value) : 0))
  const scaled = vectors.values.map((value, i) => value * (scales[i % a.width] as number))
  return timesDense(a, { ...vectors, values: scaled })
}

const SWEEPS = 30
const ROUNDED = 1e-26

/** Eigenvalues of a symmetric matrix, the largest first, and their vectors as columns (Jacobi's method). */
export function eigen(symmetric: Dense): { values: Float64Array; vectors: Dense } {
  const n = symmetric.width
  const a = symmetric.values.slice()
  const v = zeros(n, n).values
  for (let i = 0; i < n; i++) v[i * n + i] = 1
  for (let sweep = 0; sweep < SWEEPS && !isDiagonal(a, n); sweep++) {
    for (let p = 0; p < n; p++) for (let q = p + 1; q < n; q++) rotateAway(a, v, n, p, q)
  }
  const order = Array.from({ length: n }, (_, i) => i)
  order.sort((i, j) => (a[j * n + j] as number) - (a[i * n + i] as number))
  const vectors = zeros(n, n)
  for (let row = 0; row < n; row++) {
    order.forEach((from, to) => {
      vectors.values[row * n + to] = v[row * n + from] as number
    })
  }
  return { values: Float64Array.from(order, (i) => a[i * n + i] as number), vectors }
}

function isDiagonal(a: Float64Array, n: number): boolean {
  let off = 0
  let all = 0
  for (let i = 0; i < n * n; i++) {
    const square = (a[i] as number) ** 2
    all += square
    if (i % (n + 1) !== 0) off += square
  }
  return off <= all * ROUNDED
}

/** Turns the plane of p and q so that they no longer go together. */
function rotateAway(a: Float64Array, v: Float64Array, n: number, p: number, q: number): void {
  const apq = a[p * n + q] as number
  if (apq === 0) return
  const theta = ((a[q * n + q] as number) - (a[p * n + p] as number)) / (2 * apq)
  const tan = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.hypot(theta, 1))
  const cos = 1 / Math.hypot(tan, 1)
  const sin = tan * cos
  for (let k = 0; k < n; k++) turn(a, k * n + p, k * n + q, cos, sin)
  for (let k = 0; k < n; k++) turn(a, p * n + k, q * n + k, cos, sin)
  for (let k = 0; k < n; k++) turn(v, k * n + p, k * n + q, cos, sin)
}

function turn(values: Float64Array, i: number, j: number, cos: number, sin: number): void {
  const x = values[i] as number
  const y = values[j] as number
  values[i] = cos * x - sin * y
  values[j] = sin * x + cos * y
}
