/** Part of the build: learns the starter pack, so that a new box answers at once instead of after seconds. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { learnedModelPath } from '../knowledge/learned-model.ts'
import { modelKeyOf, TRAINING_SEED } from '../knowledge/library.ts'
import { readValidPack } from '../knowledge/read-pack.ts'
import { trainPack } from '../language/engine.ts'
import { STARTER_PACK_DIR } from '../starter-pack.ts'

const pack = readValidPack(STARTER_PACK_DIR)
const file = learnedModelPath(modelKeyOf(pack))
rmSync(dirname(file), { recursive: true, force: true })
mkdirSync(dirname(file), { recursive: true })
writeFileSync(file, trainPack(pack, { seed: TRAINING_SEED }))
