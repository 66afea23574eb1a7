/** Sequences and counters of the lanes, as a verification checks them. */
import type { Leaf } from './entry-codec.ts'
import type { Evidence, LaneClaim } from './evidence.ts'
import type { Found } from './findings.ts'
import { LANES, type Lane } from './port.ts'
import type { Removal } from './removal.ts'

/** Sequences of every lane without a gap, and counters that close. */
export function createLaneCheck(evidence: Evidence, found: Found) {
  const last = new Map<Lane, number>(LANES.map((lane) => [lane, 0]))
  /** After a removal a lane goes on at a sequence that only the record of the removal can explain. */
  const toExplain: { lane: Lane; head: number; at: number }[] = []
  const unknown = new Set<Lane>()

  return {
    skip(): void {
      for (const lane of LANES) unknown.add(lane)
    },
    entry(index: number, leaf: Leaf): void {
      const expected = (last.get(leaf.lane) ?? 0) + 1
      if (unknown.has(leaf.lane)) {
        toExplain.push({ lane: leaf.lane, head: leaf.seq - 1, at: index })
      } else if (leaf.seq !== expected) {
        found('sequence-gap', `${leaf.lane} ${leaf.seq} after ${expected - 1}`, index)
      }
      unknown.delete(leaf.lane)
      last.set(leaf.lane, leaf.seq)
    },
    finish(removal: Removal | undefined): void {
      for (const gap of toExplain) {
        if ((removal?.heads[gap.lane] ?? 0) !== gap.head) {
          found('sequence-gap', `${gap.lane} goes on at ${gap.head + 1}`, gap.at)
        }
      }
      for (const claim of evidence.database?.lanes ?? []) checkLane(claim, removal)
    },
  }

  /** Everything up to `settled` was delivered, expired or set aside; beyond it entries can only be set aside. */
  function checkLane(claim: LaneClaim, removal: Removal | undefined): void {
    const { lane, settled, delivered, expired, quarantined, setAside, setAsideBelow } = claim
    const accepted = Math.max(last.get(lane as Lane) ?? 0, claim.removed)
    const counts = [settled, delivered, expired, quarantined].every((count) => count >= 0)
    const isPossible =
      counts &&
      claim.removed === (removal?.heads[lane] ?? 0) &&
      settled <= accepted &&
      delivered + expired + setAsideBelow === settled &&
      quarantined === setAside &&
      settled + setAside - setAsideBelow <= accepted
    if (isPossible) return
    const left = `${delivered} delivered + ${expired} expired + ${quarantined} set aside`
    found('lane-unbalanced', `${lane}: ${left}, ${settled} settled of ${accepted} accepted`)
  }
}
