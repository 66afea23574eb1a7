/** What an administrator may do about the record: say that he has dealt with what the core would not take. */
import { Type } from '@sinclair/typebox'
import { END_NOTED_KIND, markNoted, unnotedEnds } from '../ledger/lost-ends.ts'
import { maskText } from '../ledger/masking.ts'
import { LANES } from '../ledger/port.ts'
import { markHandled, type Place, unhandledByLane } from '../ledger/quarantine.ts'
import type { Store } from '../storage/store.ts'
import { type AuditParts, audit, operation } from './operation.ts'

export interface LedgerOperationParts extends AuditParts {
  readonly store: Store
}

/** Named in one entry of the record; 1,000 are some 20 kB. */
const NAMED_AT_ONCE = 1000

const Entries = Type.Union([
  Type.Literal('all'),
  Type.Array(
    Type.String({ pattern: `^(?:(?:${LANES.join('|')}):[1-9][0-9]{0,14}|epoch:[0-9a-z]{1,64})$` }),
    {
      minItems: 1,
      maxItems: NAMED_AT_ONCE,
    },
  ),
])

export const LEDGER_OPERATIONS = {
  'ledger.handled': operation(
    Type.Object({ entries: Entries, note: Type.String({ minLength: 1, maxLength: 500 }) }),
    async ({ entries, note }, parts: LedgerOperationParts) => {
      const { store, clock } = parts
      // A lost end is named each by itself: nobody explains one in passing.
      const isEpoch = (entry: string) => entry.startsWith(EPOCH)
      const which = entries === 'all' ? entries : entries.filter((e) => !isEpoch(e)).map(placeNamed)
      const epochs = entries === 'all' ? [] : entries.filter(isEpoch).map(epochNamed)
      const said = maskText(note)
      const handled = await store.commit(() => {
        const names = markHandled(store, which, clock.now()).map(nameOf)
        for (let from = 0; from < names.length; from += NAMED_AT_ONCE) {
          const body = { entries: names.slice(from, from + NAMED_AT_ONCE), note: said }
          audit(parts, 'quarantine.handled', body)
        }
        const noted = markNoted(store, epochs)
        if (noted.length > 0) audit(parts, END_NOTED_KIND, { epochs: noted, note: said })
        return [...names, ...noted.map((epoch) => `${EPOCH}${epoch}`)]
      })
      const unhandled = [...unhandledByLane(store).values()].reduce((sum, count) => sum + count, 0)
      return { handled, left: unhandled + unnotedEnds(store).length }
    },
  ),
} as const

const EPOCH = 'epoch:'
const epochNamed = (name: string): string => name.slice(EPOCH.length)
const nameOf = ({ lane, sequence }: Place): string => `${lane}:${sequence}`

function placeNamed(name: string): Place {
  const [word, sequence] = name.split(':')
  const lane = LANES.find((one) => one === word)
  if (!lane) throw new RangeError(name)
  return { lane, sequence: Number(sequence) }
}
