import { applyDelta, makeDelta } from '@kefu-edge/cloud-sync/protocol/delta'
import { packr } from '@kefu-edge/cloud-sync/protocol/parse'
import fc from 'fast-check'
import { expect, it } from 'vitest'

const LIMIT = 1_000_000
const bytes = (text: string) => Buffer.from(text)

it('makes the new content out of the old one, whatever both are', () => {
  const part = fc.uint8Array({ minLength: 0, maxLength: 120 })
  fc.assert(
    fc.property(
      fc.array(part, { maxLength: 12 }),
      fc.array(fc.nat(11)),
      part,
      (parts, order, own) => {
        const base = Buffer.concat(parts)
        const target = Buffer.concat([...order.map((n) => parts[n] ?? own), own])
        expect(Buffer.from(applyDelta(base, makeDelta(base, target), LIMIT) ?? [])).toEqual(target)
      },
    ),
    { numRuns: 300 },
  )
})

it('is far smaller than a pack of which one answer changed', () => {
  const lines = Array.from({ length: 3000 }, (_, n) => `- intent: item-${n}\n  zh: 第${n}条回答\n`)
  const base = bytes(lines.join(''))
  lines[1500] = '- intent: item-1500\n  zh: 改过的回答\n'
  const delta = makeDelta(base, bytes(lines.join('')))
  expect(delta.length).toBeLessThan(200)
})

it('stays quick on content that repeats itself', () => {
  const base = Buffer.alloc(200_000, 'ab')
  const target = Buffer.alloc(200_001, 'ab')
  const startedAt = process.cpuUsage()
  const made = applyDelta(base, makeDelta(base, target), LIMIT)
  expect(target.equals(made ?? Buffer.alloc(0))).toBe(true)
  expect(process.cpuUsage(startedAt).user / 1000).toBeLessThan(2000)
})

it.each([
  ['reaches outside its base', packr.encode([[0, 100]])],
  ['makes more than is allowed', packr.encode([Buffer.alloc(50), Buffer.alloc(60)])],
  ['is not MessagePack', Buffer.from([0xc1])],
  ['is of another shape', packr.encode({ copy: 1 })],
])('refuses a delta that %s', (_what, delta) => {
  expect(applyDelta(Buffer.alloc(10), delta, 100)).toBeUndefined()
})
