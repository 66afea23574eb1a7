/** The network between gateway and core. */
import { between, type Fault, NOTHING_BROKE } from './fault.ts'
import type { LinkFault } from './link-faults.ts'
import { pause } from './program.ts'

export const linkFaults: readonly Fault[] = [
  flapping('link-cut', 'requests cut in the middle', 'cut'),
  flapping('link-reset', 'connections reset in the middle of a request', 'reset'),
  flapping('link-away', 'connections refused', 'away'),
  flapping('lost-answers', 'requests take effect, their answers never arrive', 'lose-answers'),
  {
    name: 'black-hole',
    what: 'nothing passes, nothing is said; then what was held passes, or both ends are reset',
    async inject({ site: { link }, random }) {
      link.set('black-hole')
      await pause(between(random, 200, 1200))
      link.endHole(random() < 0.5)
      return NOTHING_BROKE
    },
  },
  {
    name: 'slow-link',
    what: '8 to 64 kB/s, up to 60 ms each way',
    async inject({ site: { link }, random }) {
      link.slow(between(random, 8_000, 64_000), between(random, 5, 60))
      await pause(between(random, 400, 1000))
      link.slow(0, 0)
      return NOTHING_BROKE
    },
  },
]

/** Off and on, up to four times: while it is on the gateway goes on where it was. */
function flapping(name: string, what: string, fault: LinkFault): Fault {
  return {
    name,
    what,
    async inject({ site: { link }, random }) {
      for (let times = between(random, 1, 5); times > 0; times--) {
        link.set(fault)
        await pause(between(random, 60, 400))
        link.set('pass')
        await pause(between(random, 20, 200))
      }
      return NOTHING_BROKE
    },
  }
}
