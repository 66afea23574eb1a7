/** What can be done to a site; each fault leaves it repaired: both run, the link passes. */
import type { Random } from '../ledger-rounds.ts'
import { pause } from './program.ts'
import type { Site } from './site.ts'

export interface Fault {
  readonly name: string
  /** In one line, for the operator. */
  readonly what: string
  inject(site: Site, random: Random): Promise<void>
}

/** Uniform between two values. */
const between = (random: Random, from: number, to: number): number =>
  from + Math.floor(random() * (to - from))

const kills: readonly Fault[] = [
  {
    name: 'kill-gateway',
    what: 'kill -9 of the gateway, up to three times, also during its start',
    async inject(site, random) {
      for (let lives = between(random, 1, 4); lives > 0; lives--) {
        await site.killGateway()
        await site.startGateway()
        if (lives > 1) await pause(between(random, 0, 150))
      }
    },
  },
  {
    name: 'kill-core',
    what: 'kill -9 of the core while batches arrive',
    async inject(site, random) {
      await site.killCore()
      await pause(between(random, 0, 300))
      await site.startCore()
    },
  },
  {
    name: 'kill-both',
    what: 'kill -9 of both at different moments',
    async inject(site, random) {
      const order = random() < 0.5
      await (order ? site.killCore() : site.killGateway())
      await pause(between(random, 0, 60))
      await (order ? site.killGateway() : site.killCore())
      await Promise.all([site.startCore(), site.startGateway()])
    },
  },
]

const links: readonly Fault[] = [
  linkFault('link-cut', 'requests cut in the middle', 'cut'),
  linkFault('link-reset', 'connections reset in the middle of a request', 'reset'),
  linkFault('link-away', 'connections refused', 'away'),
  linkFault(
    'lost-answers',
    'the core takes effect, its acknowledgement never arrives',
    'lose-answers',
  ),
  {
    name: 'black-hole',
    what: 'nothing passes and nothing is said; then the held bytes pass, or both ends are reset',
    async inject({ link }, random) {
      link.set('black-hole')
      await pause(between(random, 200, 1200))
      link.endHole(random() < 0.5)
    },
  },
  {
    name: 'slow-link',
    what: '8 to 64 kB/s with up to 60 ms each way',
    async inject({ link }, random) {
      link.slow(between(random, 8_000, 64_000), between(random, 5, 60))
      await pause(between(random, 400, 1000))
      link.slow(0, 0)
    },
  },
]

function linkFault(
  name: string,
  what: string,
  fault: 'cut' | 'reset' | 'away' | 'lose-answers',
): Fault {
  return {
    name,
    what,
    async inject({ link }, random) {
      link.set(fault)
      await pause(between(random, 200, 900))
      link.set('pass')
    },
  }
}

export const FAULTS: readonly Fault[] = interleave(kills, links)

/** So that a short run meets one of each kind. */
function interleave(...groups: readonly (readonly Fault[])[]): readonly Fault[] {
  const longest = Math.max(...groups.map((group) => group.length))
  return Array.from({ length: longest }, (_, n) => groups.flatMap((group) => group[n] ?? [])).flat()
}
