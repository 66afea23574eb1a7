/** The worker's side of training: a pack in, its model out; see train-in-worker. */
import { parentPort, workerData } from 'node:worker_threads'
import { giveWay } from '../give-way.ts'
import { trainPack } from '../language/engine.ts'
import type { TrainingWork } from './train-in-worker.ts'

const { pack, seed, givesWay } = workerData as TrainingWork
if (givesWay) giveWay()
parentPort?.postMessage(trainPack(pack, { seed }))
