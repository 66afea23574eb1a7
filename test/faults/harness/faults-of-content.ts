/** Content that changes on the disk while nobody writes it. */
import { type Fault, NOTHING_BROKE } from './fault.ts'

export const contentFaults: readonly Fault[] = [
  {
    name: 'bit-flips',
    what: 'single bits of stored entries flip; verify finds each',
    flips: 150,
    // That bits flipped is asked of every round.
    inject({ bit }) {
      bit(1)
      return Promise.resolve(NOTHING_BROKE)
    },
  },
]
