/** Programs and machines that end at once. */
import type { Random } from '../seeded-random.ts'
import { between, type Fault, NOTHING_BROKE, shimsOf } from './fault.ts'
import { pause } from './program.ts'
import type { Site } from './site.ts'

/** By then a start is over, or nearly. */
const STARTED_MS = 1200

export const powerFaults: readonly Fault[] = [
  {
    name: 'kill-gateway',
    what: 'kill -9 of the gateway, up to three times, soon after its start too',
    async inject({ site, random }) {
      for (let lives = between(random, 1, 4); lives > 0; lives--) {
        await site.killGateway()
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
    async inject({ site, random }) {
      for (let lives = between(random, 1, 3); lives > 0; lives--) {
        await cutGateway(site, random)
        await site.startGateway()
        if (lives > 1) await pause(between(random, 0, 150))
      }
      return NOTHING_BROKE
    },
  },
  {
    name: 'kill-core',
    what: 'kill -9 of the core while batches arrive',
    async inject({ site, random }) {
      await site.killCore()
      await pause(between(random, 0, 300))
      await site.startCore()
      return NOTHING_BROKE
    },
  },
  {
    name: 'power-cut-start',
    what: 'a power cut, and more of them while the gateway starts again',
    needs: 'library',
    async inject({ site, random }) {
      await cutGateway(site, random)
      for (let starts = between(random, 1, 4); starts > 0; starts--) {
        await site.breakGatewayStart(between(random, 50, STARTED_MS))
        shimsOf(site).gateway.cutPower(random)
      }
      await site.startGateway()
      return NOTHING_BROKE
    },
  },
  {
    name: 'power-cut-core',
    what: 'the same at the core: what it acknowledged must be there',
    needs: 'library',
    async inject({ site, random }) {
      await cutCore(site, random)
      await site.startCore()
      return NOTHING_BROKE
    },
  },
  {
    name: 'kill-both',
    what: 'kill -9 of both, one shortly after the other',
    async inject({ site, random }) {
      const isCoreFirst = random() < 0.5
      await (isCoreFirst ? site.killCore() : site.killGateway())
      await pause(between(random, 0, 60))
      await (isCoreFirst ? site.killGateway() : site.killCore())
      await Promise.all([site.startCore(), site.startGateway()])
      return NOTHING_BROKE
    },
  },
  {
    name: 'power-cut-both',
    what: 'one power cut for both',
    needs: 'library',
    async inject({ site, random }) {
      await Promise.all([site.killCore(), site.killGateway()])
      shimsOf(site).core.cutPower(random)
      shimsOf(site).gateway.cutPower(random)
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
    async inject({ site, random }) {
      const pid = site[whom]()?.pid
      if (pid === undefined) throw new Error(`no ${whom} runs`)
      process.kill(pid, 'SIGSTOP')
      await pause(between(random, 200, longestMs))
      process.kill(pid, 'SIGCONT')
      return NOTHING_BROKE
    },
  }
}

async function cutGateway(site: Site, random: Random): Promise<void> {
  await site.killGateway()
  shimsOf(site).gateway.cutPower(random)
}

async function cutCore(site: Site, random: Random): Promise<void> {
  await site.killCore()
  shimsOf(site).core.cutPower(random)
}
