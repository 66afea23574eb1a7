import { expect, it } from 'vitest'
import {
  createSuspectMessage,
  MAX_CLOSED_AT,
  type SuspectMessage,
} from '../../../gateway/bridge/suspect-message.ts'

const QUOTA_EXCEEDED = 0x97
const SHUTTING_DOWN = 0x8b

/** The connection ends so many times while these messages are under way; gives what each time is given up. */
const closed = (suspect: SuspectMessage, ids: number[], times: number, reason = QUOTA_EXCEEDED) =>
  Array.from({ length: times }, () => {
    for (const id of ids) suspect.sent(id)
    return suspect.closed(reason)
  })

it('gives up a message at which the other broker closed often enough while it alone was under way', () => {
  const given = closed(createSuspectMessage(), [7], MAX_CLOSED_AT)
  expect(given).toEqual([...Array(MAX_CLOSED_AT - 1).fill(undefined), 7])
})

it.each([
  ['others were under way too', [7, 8], QUOTA_EXCEEDED],
  ['the other broker was shut down', [7], SHUTTING_DOWN],
  ['nothing was under way', [], QUOTA_EXCEEDED],
])('blames no message where %s', (_why, ids, reason) => {
  const given = closed(createSuspectMessage(), ids, 2 * MAX_CLOSED_AT, reason)
  expect(given.every((one) => one === undefined)).toBe(true)
})

it('forgets what it held against a message that was taken: the next one may get its packet id', () => {
  const suspect = createSuspectMessage()
  closed(suspect, [7], MAX_CLOSED_AT - 1)
  suspect.sent(7)
  suspect.settled(7)
  expect(closed(suspect, [7], 1)).toEqual([undefined])
})
