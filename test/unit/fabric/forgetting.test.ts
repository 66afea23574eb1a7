import { expect, it } from 'vitest'
import { createForgetting } from '../../../gateway/fabric/forgetting.ts'
import { createSiteLink } from '../../../gateway/fabric/site-link.ts'
import { createSiteSeal } from '../../../gateway/fabric/site-seal.ts'
import { handClock } from '../../support/clock.ts'
import { createLocalSite } from '../../support/local-site.ts'

const MINUTE_MS = 60_000
const anna = { id: 'p1', kind: 'patient' } as const

it('an erasure is heard by a box that was away at that moment, once, and not after its conversations are over', async () => {
  const clock = handClock()
  const site = createLocalSite(clock)
  const seal = createSiteSeal(Buffer.alloc(32, 1))
  const boxes = new Set<{ close(): void }>()
  const box = (name: string) => {
    const link = createSiteLink({
      box: name,
      run: 1,
      name: 'ward',
      fabric: site.join(),
      seal,
      clock,
      onError: (error) => {
        throw error
      },
    })
    boxes.add(link)
    const forgotten: unknown[] = []
    const onForget = (subject: unknown) => void forgotten.push(subject)
    const { tell } = createForgetting({ link, clock, idleMs: 30 * MINUTE_MS, onForget })
    return { tell, forgotten, link }
  }
  const [a, b] = [box('a'), box('b')]
  site.setAway(true)
  a.tell(anna)
  site.setAway(false)
  await expect.poll(() => b.forgotten).toEqual([anna])
  site.setAway(true)
  site.setAway(false)
  const late = box('c')
  await expect.poll(() => late.forgotten).toEqual([anna])
  expect(b.forgotten).toEqual([anna])

  clock.advance(31 * MINUTE_MS)
  const later = box('d')
  await expect.poll(() => a.link.status().boxes).toContain('d')
  // With its next beat.
  await expect.poll(() => later.link.status().boxes, { timeout: 5000 }).toContain('a')
  expect(later.forgotten).toEqual([])
  for (const link of boxes) link.close()
})
