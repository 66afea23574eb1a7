/** The worker's side of training: packs in, model out; see train-in-worker. */
import { parentPort, workerData } from 'node:worker_threads'
import { trainPacks } from '../language/engine.ts'
import type { Pack } from './pack-schema.ts'

const { packs, seed } = workerData as { readonly packs: readonly Pack[]; readonly seed: number }
parentPort?.postMessage(trainPacks(packs, { seed }))
