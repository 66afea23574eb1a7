import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, it } from 'vitest'
import { type AdmissionParts, createAdmission } from '../../../gateway/devices/admission.ts'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

/** Nobody is registered. */
const parts = {
  registry: { authenticate: () => ({ ok: false, code: 'auth.refused' }) },
  clock: { monotonic: () => 0 },
} as unknown as AdmissionParts

it('failed logins under long names are counted, and the names are not kept', () => {
  const { admit } = createAdmission(parts)
  const remoteAddress = '10.0.0.9'
  const failAs = (deviceId: string): string => {
    try {
      admit({ deviceId, token: 'x', remoteAddress })
      return 'admitted'
    } catch (error) {
      return (error as { code: string }).code
    }
  }
  const long = (n: number): string => Buffer.alloc(12_000, `${n}-`).toString()
  collectGarbage()
  const before = process.memoryUsage().heapUsed
  for (let n = 0; n < 1000; n++) failAs(long(n))
  collectGarbage()
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(2_000_000)
  for (let n = 0; n < 10; n++) expect(failAs(long(7))).toBe('auth.refused')
  expect(failAs(long(7))).toBe('auth.backing-off')
  expect(failAs(long(8))).toBe('auth.refused')
})

it('who has to wait is not forgotten for a flood of tokens nobody gave out', () => {
  const { admit } = createAdmission(parts)
  const failAs = (claim: { token: string; deviceId?: string }): string => {
    try {
      admit({ ...claim, remoteAddress: '10.0.0.9' })
      return 'admitted'
    } catch (error) {
      return (error as { code: string }).code
    }
  }
  for (let n = 0; n < 11; n++) failAs({ deviceId: 'staff-1', token: 'guess' })
  expect(failAs({ deviceId: 'staff-1', token: 'guess' })).toBe('auth.backing-off')
  for (let n = 0; n < 10_001; n++) failAs({ token: `invented-${n}` })
  expect(failAs({ deviceId: 'staff-1', token: 'guess' })).toBe('auth.backing-off')
})
