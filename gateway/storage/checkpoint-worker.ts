/** The worker's side of a checkpoint; see checkpointer. */
import { parentPort, workerData } from 'node:worker_threads'
import { foldLog } from './checkpointer.ts'

const { path } = workerData as { readonly path: string }
const fold = foldLog(path)
parentPort?.on('message', () => parentPort?.postMessage(fold()))
