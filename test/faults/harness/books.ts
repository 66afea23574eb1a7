/** The books of every lane, looked at while things break and when they rest: on the metrics page and in the database. */
import { balanceFromDatabase, unbalanced } from '../../../gateway/ledger/lanes.ts'
import { until } from './program.ts'
import { withRecord } from './record.ts'
import { type Balance, readBalance, type Site } from './site.ts'

/** Until a page and the rows of one moment are seen together: the schedule writes an entry now and then. */
const REST_TIMEOUT_MS = 10_000

export interface BooksReport {
  /** Looks at the metrics page that had an answer, */
  readonly samples: number
  /** and at the database. */
  readonly databaseSamples: number
  /** Looks at a database that could not be read just then. */
  readonly unreadable: number
  readonly unbalanced: number
  readonly details: readonly string[]
}

/** Looks at the books every so often. */
export function startSampling(site: Site, everyMs: number) {
  const details: string[] = []
  const counts = { samples: 0, databaseSamples: 0, unreadable: 0, unbalanced: 0 }
  let isRunning = true
  const running = sample()

  async function sample(): Promise<void> {
    while (isRunning) {
      const page = await readBalance(site)
      if (page) {
        counts.samples += 1
        judge(lanesOutOfBalance(page), 'metrics')
      }
      lookAtRows()
      await new Promise((resolve) => setTimeout(resolve, everyMs))
    }
  }

  function lookAtRows(): void {
    try {
      const lanes = withRecord(site, (store) => unbalanced(balanceFromDatabase(store)).length)
      counts.databaseSamples += 1
      judge(lanes, 'database')
    } catch {
      // In the middle of its recovery; the next look can. How many could is counted, and judged.
      counts.unreadable += 1
    }
  }

  function judge(lanes: number, where: string): void {
    if (lanes === 0) return
    counts.unbalanced += 1
    details.push(`unbalanced: ${lanes} lanes, ${where}`)
  }

  return {
    async stop(): Promise<BooksReport> {
      isRunning = false
      await running
      return { ...counts, details }
    },
  }
}

/** At rest the page says of every lane what the rows say; in words where it does not. */
export async function compareBooks(site: Site): Promise<readonly string[]> {
  let last = 'no page, or rows that cannot be read'
  const isSame = await until(REST_TIMEOUT_MS, async () => {
    const page = await readBalance(site)
    const rows = rowsOrNothing(site)
    if (!rows) return undefined
    const different = rows.filter(({ lane, ...counts }) =>
      Object.entries(counts).some(([state, count]) => (page?.[lane]?.[state] ?? 0) !== count),
    )
    if (page && different.length === 0) return true
    last = `${JSON.stringify(different)}, on the page ${JSON.stringify(page)}`
    return undefined
  })
  return isSame ? [] : [`unbalanced: the page and the rows differ at rest: ${last}`]
}

/** Nothing where the database cannot be read just now: the time for a look that can is limited. */
function rowsOrNothing(site: Site) {
  try {
    return withRecord(site, balanceFromDatabase)
  } catch {
    return undefined
  }
}

function lanesOutOfBalance(balance: Balance): number {
  const isOff = (lane: Balance[string]) => {
    const { accepted, delivered = 0, pending = 0, expired = 0, quarantined = 0 } = lane
    return accepted !== delivered + pending + expired + quarantined
  }
  return Object.values(balance).filter(isOff).length
}
