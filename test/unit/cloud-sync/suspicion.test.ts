import type { BatchHead } from '@kefu-edge/cloud-sync/push-batch'
import { createSuspicion } from '@kefu-edge/cloud-sync/suspicion'
import { expect, it } from 'vitest'

const batch = (firstSequence: number, count = 1) => ({ firstSequence, count }) as BatchHead
const times = <T>(count: number, one: () => T): T[] => Array.from({ length: count }, one)

it('a core that answers nothing else either has no entry put aside, however often it fails', () => {
  const suspicion = createSuspicion()
  const verdicts = times(50, () => suspicion.blame(batch(7), 'failed', false))
  expect(new Set(verdicts)).toEqual(new Set(['try-again']))
  expect(suspicion.blame(batch(7), 'refused', false)).toBe('try-again')
})

it('batches shrink until the entry at which a healthy core fails stands alone, and that is put aside', () => {
  const suspicion = createSuspicion()
  expect(times(3, () => suspicion.blame(batch(7, 100), 'failed', true)).at(-1)).toBe('halve')
  const alone = times(5, () => suspicion.blame(batch(7), 'failed', true))
  expect(alone).toEqual([...times(4, () => 'try-again'), 'quarantine'])
})

it('after three entries in a row the fault is held to be the core’s, until it keeps one', () => {
  const suspicion = createSuspicion()
  const refused = [1, 2, 3, 4].map((n) => suspicion.blame(batch(n), 'refused', true))
  expect(refused).toEqual(['quarantine', 'quarantine', 'quarantine', 'try-again'])
  suspicion.stored()
  expect(suspicion.blame(batch(9), 'refused', true)).toBe('quarantine')
})
