/** Trains on another thread, so that answers go on while a pack is installed. */
import { Worker } from 'node:worker_threads'
import { trainPack } from '../language/engine.ts'
import type { TrainedModel } from '../language/port.ts'
import type { Pack } from './pack-schema.ts'

export interface TrainingWork {
  readonly pack: Pack
  readonly seed: number
  /** Others are being answered meanwhile: train when nobody else wants the core. */
  readonly givesWay: boolean
}

/** Rejects with what the training threw. */
export function trainInWorker(work: TrainingWork): Promise<TrainedModel> {
  // Run from the sources (tests, tools) there is no compiled file that a worker could load.
  if (import.meta.url.endsWith('.ts')) {
    return Promise.resolve().then(() => trainPack(work.pack, { seed: work.seed }))
  }
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./train-worker.js', import.meta.url), { workerData: work })
    worker.once('message', (model: Uint8Array) => resolve(model))
    worker.once('error', reject)
    worker.once('exit', (code) => reject(new Error(`the training worker ended with code ${code}`)))
  })
}
