/** The worker's side of a backup; see copy-database. */
import { parentPort, workerData } from 'node:worker_threads'
import { copyDatabase } from './copy-database.ts'

const { from, to } = workerData as { readonly from: string; readonly to: string }
await copyDatabase(from, to)
parentPort?.postMessage('copied')
