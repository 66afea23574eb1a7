/** Content that changes on the disk while nobody writes it. */
import { type Fault, NOTHING_BROKE } from './fault.ts'

export const contentFaults: readonly Fault[] = [
  {
    name: 'bit-flips',
    what: 'single bits of stored entries flip; verify finds each',
    flips: 150,
    inject: () => Promise.resolve(NOTHING_BROKE),
  },
]
