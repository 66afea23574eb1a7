/** The worker's side of training: packs in, model out; see train-in-worker. */
import { parentPort, workerData } from 'node:worker_threads'
import { giveWay } from '../give-way.ts'
import { trainPacks } from '../language/engine.ts'
import type { TrainingWork } from './train-in-worker.ts'

const { packs, seed, givesWay } = workerData as TrainingWork
if (givesWay) giveWay()
parentPort?.postMessage(trainPacks(packs, { seed }))
