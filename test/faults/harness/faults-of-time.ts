/** A wall clock that jumps; the record and the link go on. */
import type { Random } from '../seeded-random.ts'
import { between, type Fault, NOTHING_BROKE, shimsOf } from './fault.ts'
import { pause } from './program.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

export const timeFaults: readonly Fault[] = [
  {
    name: 'clock-jumps',
    what: 'the clock of the gateway jumps to 1970, years ahead, hours to and fro; in half a restart too',
    needs: 'library',
    async inject({ site, random, bit }) {
      const { gateway } = shimsOf(site)
      for (let jumps = between(random, 1, 4); jumps > 0; jumps--) {
        gateway.setClock(jump(random))
        if (random() < 0.5) {
          await site.killGateway()
          await site.startGateway()
        }
        await pause(between(random, 50, 400))
      }
      gateway.setClock(0)
      bit(gateway.bites())
      return NOTHING_BROKE
    },
  },
]

function jump(random: Random): number {
  const choices = [
    () => -Date.now(),
    () => 10 * 365 * DAY_MS,
    () => between(random, -30, 30) * DAY_MS,
    () => between(random, -48, 48) * HOUR_MS,
    () => between(random, -5000, 5000),
  ]
  return choices[between(random, 0, choices.length)]?.() ?? 0
}
