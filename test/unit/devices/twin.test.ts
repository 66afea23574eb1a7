import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createTwins, MAX_REMOVED } from '../../../gateway/devices/twin.ts'
import { openStore } from '../../../gateway/storage/store.ts'
import { tempFolder } from '../../support/temp-folder.ts'

const twins = () =>
  createTwins(openStore({ path: join(tempFolder(), 'kefu.db'), synchronous: 'OFF' }))

describe('the twin', () => {
  it('names the fields in which the device is not as it should be', () => {
    const twin = twins()
    twin.desire('k1', { state: { volume: 7, theme: 'light' } })
    twin.report('k1', { state: { volume: 3, theme: 'light', firmware: '1.2' } })
    expect(twin.read('k1').drift).toEqual(['volume'])
    twin.report('k1', { state: { volume: 7 } })
    expect(twin.read('k1').drift).toEqual([])
  })

  it('removes a desired field that is set to null', () => {
    const twin = twins()
    twin.desire('k1', { state: { volume: 7, theme: 'light' } })
    expect(twin.desire('k1', { state: { theme: null } }).state).toEqual({ volume: 7 })
  })

  it('does not let an old report overwrite a newer one', () => {
    const twin = twins()
    twin.report('k1', { version: 5, state: { volume: 7 } })
    twin.report('k1', { version: 4, state: { volume: 1, lamp: true } })
    expect(twin.read('k1').reported.state).toEqual({ volume: 7, lamp: true })
  })

  it('does not count removed fields, however many a device has had', () => {
    const twin = twins()
    for (let n = 0; n <= 1000; n++) {
      twin.report('k1', { version: n, state: { [`job-${n}`]: 'printed', [`job-${n - 1}`]: null } })
    }
    const { reported, fields } = twin.read('k1')
    expect(reported).toEqual({ version: 1000, state: { 'job-1000': 'printed' } })
    expect(Object.keys(fields)).toHaveLength(1 + MAX_REMOVED)
    // What was removed lately stays removed, though an earlier report comes late.
    twin.report('k1', { version: 998, state: { 'job-998': 'printed' } })
    expect(twin.read('k1').reported.state).toEqual({ 'job-1000': 'printed' })
  })

  it('ends in the same state whatever the order of the reports', () => {
    const report = fc.record({
      version: fc.integer({ min: 1, max: 3 }),
      state: fc.dictionary(fc.constantFrom('a', 'b'), fc.integer({ min: 0, max: 3 })),
    })
    fc.assert(
      fc.property(fc.array(report, { maxLength: 6 }), (reports) => {
        const twin = twins()
        for (const one of reports) twin.report('there', one)
        for (const one of reports.toReversed()) twin.report('back', one)
        expect(twin.read('there').reported.state).toEqual(twin.read('back').reported.state)
      }),
      { numRuns: 30 },
    )
  })
})
