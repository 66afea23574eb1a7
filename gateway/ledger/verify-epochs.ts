/** Where epochs begin: at an entry of the record that says so, and nowhere else. */
import type { Leaf } from './entry-codec.ts'
import type { Evidence } from './evidence.ts'
import type { Found } from './findings.ts'
import { OPENED_KIND } from './head.ts'
import { msInId } from './settings.ts'

export function createEpochCheck(evidence: Evidence, found: Found) {
  const opened = new Map<number, unknown>()
  return {
    entry(index: number, leaf: Leaf): void {
      if (leaf.kind === OPENED_KIND) opened.set(index, leaf.body.epoch)
    },
    /** Entries below `missingUpTo` are gone, and with them what they said. */
    finish(missingUpTo: number): void {
      for (const { id, firstIndex } of evidence.epochs) {
        const isGone = firstIndex < missingUpTo
        if (!isGone && opened.get(firstIndex) !== id) {
          found('epoch-wrong', `no entry opens epoch ${id} there`, firstIndex)
        }
        opened.delete(firstIndex)
      }
      for (const [at, { n, id, atMs }] of (evidence.database?.epochRows ?? []).entries()) {
        if (n !== at + 1 || Math.max(0, atMs) !== msInId(id)) {
          found('epoch-wrong', `the row of epoch ${id} has another number or time`)
        }
      }
      for (const [index, id] of opened) found('epoch-wrong', `epoch ${id} is not listed`, index)
    },
  }
}
