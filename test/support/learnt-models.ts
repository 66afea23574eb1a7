/**
 * What one test file of a run has learnt, the others need not learn again: the same pack and seed give the
 * same bytes. Kept for the run only, so that no model outlives the code that made it.
 */
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { inject } from 'vitest'
import { type TrainingWork, trainInWorker } from '../../gateway/knowledge/train-in-worker.ts'

/** Trains as the gateway does, once a run for each pack. */
export async function trainOnce(work: TrainingWork): Promise<Uint8Array> {
  // Other configurations of vitest have no such folder.
  const folder: string | undefined = inject('learntModels')
  if (folder === undefined) return trainInWorker(work)
  const pack = { ...work.pack, lists: [...work.pack.lists] }
  const key = createHash('sha256')
    .update(JSON.stringify({ pack, seed: work.seed }))
    .digest('hex')
  const file = join(folder, key)
  if (existsSync(file)) return readFileSync(file)
  const model = await trainInWorker(work)
  // Whole or not at all: another test file may look for it now.
  writeFileSync(`${file}.${process.pid}`, model)
  renameSync(`${file}.${process.pid}`, file)
  return model
}
