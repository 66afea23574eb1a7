/** A disk that is full or takes no changes: asks are refused aloud, and it goes on by itself after. */
import { closeSync, openSync, rmSync, statSync, truncateSync, writeSync } from 'node:fs'
import { constants } from 'node:os'
import { join } from 'node:path'
import { ANYTHING, between, type Fault, type Scene, shimsOf } from './fault.ts'
import { pause, until } from './program.ts'

/** A refusal must come within this: no device waits in silence. */
const REFUSAL_TIMEOUT_MS = 8000
/** What the core still has room for is used up within this. */
const BITE_TIMEOUT_MS = 5000
/** After the repair an ask is taken within this, without a restart. */
const RECOVERY_TIMEOUT_MS = 10_000

export const diskFaults: readonly Fault[] = [
  {
    name: 'disk-full',
    what: 'a small file system is filled up, then has room again',
    needs: 'disk',
    mayRefuse: ANYTHING,
    async inject(scene) {
      const { site, random } = scene
      const ballast = join(site.folder, 'ballast')
      fillUp(ballast)
      truncateSync(ballast, Math.max(0, statSync(ballast).size - between(random, 0, 400_000)))
      return whileRefused(scene, () => rmSync(ballast))
    },
  },
  {
    name: 'disk-full-gateway',
    what: 'the gateway alone has no room left, at any byte',
    needs: 'library',
    mayRefuse: ANYTHING,
    async inject(scene) {
      const { gateway } = shimsOf(scene.site)
      gateway.setRoom(between(scene.random, 0, 200_000))
      return whileRefused(scene, () => gateway.setRoom(undefined))
    },
  },
  {
    name: 'disk-read-only',
    what: 'the file system of the gateway turns read-only, as ext4 does after an error',
    needs: 'library',
    mayRefuse: ANYTHING,
    async inject(scene) {
      const { gateway } = shimsOf(scene.site)
      gateway.refuse(constants.errno.EROFS)
      return whileRefused(scene, () => gateway.refuse(0))
    },
  },
  {
    name: 'disk-error',
    what: 'every write and sync of the gateway fails with an I/O error',
    needs: 'library',
    mayRefuse: ANYTHING,
    async inject(scene) {
      const { gateway } = shimsOf(scene.site)
      gateway.refuse(constants.errno.EIO)
      return whileRefused(scene, () => gateway.refuse(0))
    },
  },
  {
    name: 'disk-full-core',
    what: 'the core has no room left: nothing is acknowledged, nothing is lost',
    needs: 'library',
    async inject({ site, random, bit }) {
      const { core } = shimsOf(site)
      core.setRoom(between(random, 0, 100_000))
      await until(BITE_TIMEOUT_MS, () => core.bites() > 0 || undefined)
      await pause(between(random, 100, 600))
      core.setRoom(undefined)
      bit(core.bites())
      return []
    },
  },
]

/** Waits for the first refusal, keeps the fault on for a while, repairs, and waits for work to go on. */
async function whileRefused(
  { site, random, load, bit }: Scene,
  repair: () => void,
): Promise<string[]> {
  const broken: string[] = []
  const refusedBefore = load.refused()
  const isRefused = await until(
    REFUSAL_TIMEOUT_MS,
    () => load.refused() > refusedBefore || undefined,
  )
  if (!isRefused) broken.push('stuck: nothing was refused aloud while the disk took nothing')
  await pause(between(random, 50, 500))
  bit(load.refused() - refusedBefore)
  repair()
  if (site.gateway()?.isGone()) {
    broken.push(`ended: the gateway ended of itself: ${site.gateway()?.lastWords()}`)
    await site.startGateway()
  }
  const keptBefore = load.acknowledged.size
  const goesOn = await until(
    RECOVERY_TIMEOUT_MS,
    () => load.acknowledged.size > keptBefore || undefined,
  )
  if (!goesOn) {
    broken.push(
      `stuck: nothing is taken although the disk takes again: ${site.gateway()?.lastWords()}`,
    )
    await site.killGateway()
    await site.startGateway()
  }
  return broken
}

const PIECE_BYTES = 65_536

/** Until not one byte more fits. */
function fillUp(file: string): void {
  const piece = Buffer.alloc(PIECE_BYTES)
  const to = openSync(file, 'w')
  try {
    for (;;) writeSync(to, piece)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
  } finally {
    closeSync(to)
  }
}
