import { join } from 'node:path'
import { expect, it } from 'vitest'
import type { Pack } from '../../../gateway/knowledge/pack-schema.ts'
import { readPack } from '../../../gateway/knowledge/read-pack.ts'
import { trainInWorker } from '../../../gateway/knowledge/train-in-worker.ts'
import { DESK_PACK, startGateway } from '../../support/gateway.ts'
import { tempFolder } from '../../support/temp-folder.ts'

function deskPack(): Pack {
  const read = readPack(DESK_PACK)
  if (!read.ok) throw new Error(JSON.stringify(read.problems))
  return read.pack
}

it('training gives way to answers, and where there is nothing yet to answer with it does not', async () => {
  const gaveWay: boolean[] = []
  const overrides = {
    train: (work: Parameters<typeof trainInWorker>[0]) => {
      gaveWay.push(work.givesWay)
      return trainInWorker(work)
    },
  }
  const dataDir = join(tempFolder(), 'data')
  const pack = deskPack()
  const gateway = await startGateway({ dataDir, packs: [], overrides })
  // A library without packs is trained too.
  gaveWay.splice(0)
  await gateway.box.library.install(pack)
  expect(gaveWay).toEqual([false])
  await gateway.box.library.install({ ...pack, digest: 'of the next version' })
  expect(gaveWay).toEqual([false, true])
})
