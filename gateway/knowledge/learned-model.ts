/** Models learned at build time: the same packs and seed give the same bytes, so they need not be learned again. */
import { existsSync, readFileSync } from 'node:fs'
import type { TrainedModel } from '../language/port.ts'
import { packagePath } from '../paths.ts'

/** Where the build keeps the model of these packs. */
export const learnedModelPath = (packsDigest: string): string =>
  packagePath(`dist/models/${packsDigest}.model`)

/** The model of these packs, where the build learned it. */
export function learnedModel(packsDigest: string): TrainedModel | undefined {
  const file = learnedModelPath(packsDigest)
  return existsSync(file) ? readFileSync(file) : undefined
}
