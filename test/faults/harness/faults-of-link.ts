/** The network between gateway and core. */
import { between, type Fault, NOTHING_BROKE } from './fault.ts'
import type { LinkFault, LinkFaults } from './link-faults.ts'
import { pause, until } from './program.ts'

/** A box that backs off asks again within this. */
const BITE_TIMEOUT_MS = 5000

export const linkFaults: readonly Fault[] = [
  flapping('link-cut', 'requests cut in the middle', 'cut'),
  flapping('link-reset', 'connections reset in the middle of a request', 'reset'),
  flapping('link-away', 'connections refused', 'away'),
  flapping('lost-answers', 'requests take effect, their answers never arrive', 'lose-answers'),
  {
    name: 'black-hole',
    what: 'nothing passes, nothing is said; then what was held passes, or both ends are reset',
    async inject({ site: { link }, random, bit }) {
      link.set('black-hole')
      await pause(between(random, 200, 1200))
      bit(await bites(link))
      link.endHole(random() < 0.5)
      return NOTHING_BROKE
    },
  },
  {
    name: 'slow-link',
    what: '8 to 64 kB/s, up to 60 ms each way',
    async inject({ site: { link }, random, bit }) {
      link.slow(between(random, 8_000, 64_000), between(random, 5, 60))
      await pause(between(random, 400, 1000))
      bit(await bites(link))
      link.slow(0, 0)
      return NOTHING_BROKE
    },
  },
]

/** A fault that met nothing yet stays until it does. */
async function bites(link: LinkFaults): Promise<number> {
  await until(BITE_TIMEOUT_MS, () => link.bites() > 0 || undefined)
  return link.bites()
}

/** Off and on, up to four times: while it is on the gateway goes on where it was. */
function flapping(name: string, what: string, fault: LinkFault): Fault {
  return {
    name,
    what,
    async inject({ site: { link }, random, bit }) {
      for (let times = between(random, 1, 5); times > 0; times--) {
        link.set(fault)
        await pause(between(random, 60, 400))
        if (times === 1) bit(await bites(link))
        link.set('pass')
        await pause(between(random, 20, 200))
      }
      return NOTHING_BROKE
    },
  }
}
