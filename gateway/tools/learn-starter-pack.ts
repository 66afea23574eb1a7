/** Part of the build: learns the starter pack, so that a new box answers at once instead of after seconds. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { learnedModelPath } from '../knowledge/learned-model.ts'
import { packsDigest, TRAINING_SEED } from '../knowledge/library.ts'
import { readPack } from '../knowledge/read-pack.ts'
import { trainPacks } from '../language/engine.ts'
import { STARTER_PACK_DIR } from '../starter-pack.ts'

const read = readPack(STARTER_PACK_DIR)
if (!read.ok) {
  for (const problem of read.problems)
    console.error(`${problem.file}:${problem.line ?? ''} ${problem.message}`)
  process.exit(1)
}
const file = learnedModelPath(packsDigest([read.pack]))
rmSync(dirname(file), { recursive: true, force: true })
mkdirSync(dirname(file), { recursive: true })
writeFileSync(file, trainPacks([read.pack], { seed: TRAINING_SEED }))
