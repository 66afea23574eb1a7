import { describe, expect, it } from 'vitest'
import { createPasswords } from '../../../gateway/devices/passwords.ts'

const GOOD = 'correct horse battery'

describe('passwords', () => {
  it('are kept as Argon2id with 19 MiB and two passes, never as they are', async () => {
    const passwords = createPasswords()
    const kept = await passwords.hash(GOOD)
    expect(kept).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
    expect(kept).not.toContain(GOOD)
    expect(await passwords.verify(kept, GOOD)).toBe(true)
    expect(await passwords.verify(kept, `${GOOD}.`)).toBe(false)
  })

  it('are the same however their characters were typed', async () => {
    const passwords = createPasswords()
    const kept = await passwords.hash('护士站ｐａｓｓ１２３４')
    expect(await passwords.verify(kept, '护士站pass1234')).toBe(true)
  })

  it.each(['', 'short', 'x'.repeat(513)])('of the wrong length are refused', async (password) => {
    await expect(createPasswords().hash(password)).rejects.toMatchObject({
      code: 'device.password',
    })
  })

  it('cost a name that does not exist as much time as one that does', async () => {
    const passwords = createPasswords()
    const kept = await passwords.hash(GOOD)
    // CPU time and in turn: other work on the machine does not count.
    const cost = async (hash: string | undefined) => {
      const before = process.cpuUsage()
      expect(await passwords.verify(hash, 'wrong password')).toBe(false)
      const { user, system } = process.cpuUsage(before)
      return user + system
    }
    let [known, unknown] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]
    for (let i = 0; i < 8; i++) {
      known = Math.min(known, await cost(kept))
      unknown = Math.min(unknown, await cost(undefined))
    }
    expect(unknown / known).toBeGreaterThan(0.5)
    expect(unknown / known).toBeLessThan(2)
  })

  it('are checked one at a time, and those beyond the queue are refused aloud', async () => {
    const passwords = createPasswords()
    const kept = await passwords.hash(GOOD)
    const storm = Array.from({ length: 40 }, () => passwords.verify(kept, GOOD))
    const outcomes = await Promise.allSettled(storm)
    const refused = outcomes.filter((one) => one.status === 'rejected')
    expect(refused).toHaveLength(40 - 33)
    expect(refused[0]).toMatchObject({ reason: { code: 'limit.overloaded' } })
    expect(await passwords.verify(kept, GOOD)).toBe(true)
  })
})
