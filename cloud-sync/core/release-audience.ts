/** Which gateways a release is meant for: those that are named, or all; and of them the share that it has reached. */
import { createHash } from 'node:crypto'
import type { ReleaseRow } from './release-rows.ts'
import type { CoreStore } from './storage.ts'

/** Lists of gateways that are kept in memory, 10,000 names each at the most. */
const MAX_LISTS = 32

export type IsFor = (row: ReleaseRow, gatewayId: string) => boolean

export function createAudience(store: CoreStore): IsFor {
  const select = store.prepare<{ gateways: string | null }>(
    'SELECT gateways FROM release_content WHERE release_no = ?',
  )
  const lists = new Map<number, ReadonlySet<string>>()

  function listOf(no: number): ReadonlySet<string> {
    const known = lists.get(no)
    if (known) return known
    const named = new Set(JSON.parse(select.get(no)?.gateways ?? '[]') as readonly string[])
    const oldest = lists.size >= MAX_LISTS ? lists.keys().next().value : undefined
    if (oldest !== undefined) lists.delete(oldest)
    lists.set(no, named)
    return named
  }

  return (row, gatewayId) =>
    isInRollout(gatewayId, row) && (row.isForSome === 0 || listOf(row.no).has(gatewayId))
}

/** The same gateways stay in as the share grows; another release meets other ones first. */
export function isInRollout(
  gatewayId: string,
  release: Pick<ReleaseRow, 'kind' | 'name' | 'serial' | 'percent'>,
): boolean {
  const { kind, name, serial, percent } = release
  const hash = createHash('sha256').update(`${kind}/${name}/${serial}/${gatewayId}`).digest()
  return (hash.readUInt32BE(0) / 2 ** 32) * 100 < percent
}
