import { expect, it } from 'vitest'
import { plainReason } from '../../../gateway/bridge/plain-reason.ts'

it('the reason why a link is down is in plain words', () => {
  const refused = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
  expect(plainReason(refused)).toBe('nothing listens at that address and port')
  expect(plainReason(new AggregateError([refused]))).toBe(plainReason(refused))
  expect(plainReason(Object.assign(new Error('x'), { code: 134 }))).toContain('password')
  expect(plainReason(new Error('Keepalive timeout'))).toBe('Keepalive timeout')
})
