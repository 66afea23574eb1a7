/**
 * Worker entry: trains off the main thread. Packs come in as `workerData`; progress and the model go out
 * as messages. No file is touched here.
 */
import { parentPort, workerData } from 'node:worker_threads'
import type { Pack } from '../knowledge/pack-schema.ts'
import { trainPacks } from './engine.ts'

export interface TrainWorkerData {
  readonly packs: readonly Pack[]
  readonly seed: number
}

export type TrainWorkerMessage =
  | { readonly kind: 'progress'; readonly share: number }
  | { readonly kind: 'trained'; readonly model: Uint8Array }

const { packs, seed } = workerData as TrainWorkerData
const tell = (message: TrainWorkerMessage): void => parentPort?.postMessage(message)
tell({
  kind: 'trained',
  model: trainPacks(packs, { seed, onProgress: (share) => tell({ kind: 'progress', share }) }),
})
