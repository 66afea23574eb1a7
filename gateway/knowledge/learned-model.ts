/** Models learned at build time: the same pack and seed give the same bytes, so they need not be learned again. */
import { existsSync, readFileSync } from 'node:fs'
import type { TrainedModel } from '../language/port.ts'
import { packagePath } from '../paths.ts'

/** Where the build keeps the model with this key. */
export const learnedModelPath = (modelKey: string): string =>
  packagePath(`dist/models/${modelKey}.model`)

/** The model with this key, where the build learned it. */
export function learnedModel(modelKey: string): TrainedModel | undefined {
  const file = learnedModelPath(modelKey)
  return existsSync(file) ? readFileSync(file) : undefined
}
