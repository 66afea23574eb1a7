/** Which recorded turn a feedback speaks of, so that its words are kept as that person's. */
import type { Feedback } from '@kefu-edge/device-sdk/protocol/schemas'
import { firstSince } from '../ledger/find-by-time.ts'
import type { FullLedger } from '../ledger/ledger.ts'
import type { LedgerEntry } from '../ledger/port.ts'
import { msInId } from '../ledger/settings.ts'
import { type Device, knownAs } from '../turn.ts'
import { toGivenAnswer } from '../turn-record.ts'

/** A turn is dated by its arrival, its answer's id by its end: what others recorded meanwhile lies between. */
const NEAR_ENTRIES = 32
/** Of a device's name that are looked through. */
const MAX_GENERATIONS = 8

export type TurnFinder = Pick<FullLedger, 'seen' | 'size' | 'entryAt' | 'entriesFrom'>

/**
 * The turn of this device by the ask that it answered, or by the id of the answer, which tells when it was
 * given. Undefined where there is none; its words are absent where they were erased.
 */
export function answeredTurn(
  ledger: TurnFinder,
  device: Device,
  { inReplyTo, answer }: Pick<Feedback, 'inReplyTo' | 'answer'>,
): LedgerEntry | undefined {
  const asked = inReplyTo === undefined ? undefined : askedBefore(ledger, device, inReplyTo)
  if (asked?.kind === 'turn') return asked
  const answeredMs = answer === undefined ? undefined : msInId(answer)
  if (answeredMs === undefined) return undefined
  const from = Math.max(0, firstSince(ledger, answeredMs) - NEAR_ENTRIES)
  return ledger
    .entriesFrom(from, 2 * NEAR_ENTRIES)
    .find(
      (entry) =>
        entry.kind === 'turn' &&
        entry.deviceId === device.id &&
        toGivenAnswer(entry)?.id === answer,
    )
}

/** A comment may have waited in a device while it was given a new secret: it is of the same person still. */
function askedBefore(
  ledger: Pick<TurnFinder, 'seen'>,
  device: Device,
  askId: string,
): LedgerEntry | undefined {
  const { generation = 0 } = device
  for (let n = generation; n >= Math.max(0, generation - MAX_GENERATIONS); n--) {
    const found = ledger.seen(
      knownAs(n === 0 ? { id: device.id } : { id: device.id, generation: n }),
      askId,
    )
    if (found) return found
  }
  return undefined
}
