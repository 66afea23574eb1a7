/** Programs and machines that end at once. */
import { existsSync, readFileSync } from 'node:fs'
import type { Random } from '../seeded-random.ts'
import { between, type Fault, NOTHING_BROKE, shimsOf } from './fault.ts'
import { pause } from './program.ts'
import type { Shim } from './shim.ts'
import type { Site } from './site.ts'

/** Half a second of looking: one in some ten finds a write on its way. */
const LOOKS = 60
/** By then a start is over, or nearly. */
const STARTED_MS = 1200

export const powerFaults: readonly Fault[] = [
  {
    name: 'kill-gateway',
    what: 'kill -9 of the gateway, up to three times, soon after its start too',
    async inject({ site, random, bit }) {
      for (let lives = between(random, 1, 4); lives > 0; lives--) {
        bit(await site.killGateway())
        await site.startGateway()
        if (lives > 1) await pause(between(random, 0, 150))
      }
      return NOTHING_BROKE
    },
  },
  {
    name: 'power-cut-gateway',
    what: 'kill -9 of the gateway; what it wrote after the last fsync is lost or torn; up to twice',
    needs: 'library',
    mayMiss: true,
    async inject({ site, random, bit }) {
      for (let lives = between(random, 1, 3); lives > 0; lives--) {
        bit(await cutGateway(site, random))
        await site.startGateway()
        if (lives > 1) await pause(between(random, 0, 150))
      }
      return NOTHING_BROKE
    },
  },
  {
    name: 'kill-core',
    what: 'kill -9 of the core while batches arrive',
    async inject({ site, random, bit }) {
      bit(await site.killCore())
      await pause(between(random, 0, 300))
      await site.startCore()
      return NOTHING_BROKE
    },
  },
  {
    name: 'power-cut-start',
    what: 'a power cut, and more of them while the gateway starts again',
    needs: 'library',
    mayMiss: true,
    async inject({ site, random, bit }) {
      bit(await cutGateway(site, random))
      for (let starts = between(random, 1, 4); starts > 0; starts--) {
        await site.breakGatewayStart(between(random, 50, STARTED_MS))
        bit(shimsOf(site).gateway.cutPower(random))
      }
      await site.startGateway()
      return NOTHING_BROKE
    },
  },
  {
    name: 'power-cut-core',
    what: 'the same at the core: what it acknowledged must be there',
    needs: 'library',
    mayMiss: true,
    async inject({ site, random, bit }) {
      bit(await cutCore(site, random))
      await site.startCore()
      return NOTHING_BROKE
    },
  },
  {
    name: 'kill-both',
    what: 'kill -9 of both, one shortly after the other',
    async inject({ site, random, bit }) {
      const isCoreFirst = random() < 0.5
      bit(await (isCoreFirst ? site.killCore() : site.killGateway()))
      await pause(between(random, 0, 60))
      bit(await (isCoreFirst ? site.killGateway() : site.killCore()))
      await Promise.all([site.startCore(), site.startGateway()])
      return NOTHING_BROKE
    },
  },
  {
    name: 'power-cut-both',
    what: 'one power cut for both',
    needs: 'library',
    mayMiss: true,
    async inject({ site, random, bit }) {
      await stopWhileWriting(site.gateway()?.pid, shimsOf(site).gateway, random)
      await Promise.all([site.killCore(), site.killGateway()])
      bit(shimsOf(site).core.cutPower(random))
      bit(shimsOf(site).gateway.cutPower(random))
      await Promise.all([site.startCore(), site.startGateway()])
      return NOTHING_BROKE
    },
  },
  freeze('freeze-gateway', 'stopped for longer than devices wait: they ask again', 'gateway', 3000),
  freeze('freeze-core', 'stopped in the middle of whatever it does', 'core', 2000),
]

/** SIGSTOP and SIGCONT: a machine that is suspended, a disk that hangs; nobody is told. */
function freeze(name: string, what: string, whom: 'gateway' | 'core', longestMs: number): Fault {
  return {
    name,
    what,
    async inject({ site, random, bit }) {
      const pid = site[whom]()?.pid
      if (pid === undefined) throw new Error(`no ${whom} runs`)
      process.kill(pid, 'SIGSTOP')
      await pause(between(random, 200, longestMs))
      bit(isStopped(pid) ? 1 : 0)
      process.kill(pid, 'SIGCONT')
      return NOTHING_BROKE
    },
  }
}

/** Where there is no /proc the signal alone has to do. */
function isStopped(pid: number): boolean {
  const file = `/proc/${pid}/stat`
  return !existsSync(file) || /\) [Tt] /.test(readFileSync(file, 'utf8'))
}

async function cutGateway(site: Site, random: Random): Promise<number> {
  const { gateway } = shimsOf(site)
  await stopWhileWriting(site.gateway()?.pid, gateway, random)
  await site.killGateway()
  return gateway.cutPower(random)
}

async function cutCore(site: Site, random: Random): Promise<number> {
  const { core } = shimsOf(site)
  await stopWhileWriting(site.core()?.pid, core, random)
  await site.killCore()
  return core.cutPower(random)
}

/** Most moments have everything synced, and a cut then takes nothing: looks for one that has not. */
async function stopWhileWriting(
  pid: number | undefined,
  shim: Shim,
  random: Random,
): Promise<void> {
  if (pid === undefined) return
  for (let looks = 0; looks < LOOKS; looks++) {
    process.kill(pid, 'SIGSTOP')
    if (shim.hasUnsynced()) return
    process.kill(pid, 'SIGCONT')
    await pause(between(random, 0, 12))
  }
}
