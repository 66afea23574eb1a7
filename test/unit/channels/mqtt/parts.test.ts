import { describe, expect, test } from 'vitest'
import { LoginGuard } from '../../../../gateway/channels/mqtt/connection/login-guard.ts'
import { Deadlines } from '../../../../gateway/channels/mqtt/deadlines.ts'
import { RatePacer } from '../../../../gateway/channels/mqtt/rate-pacer.ts'
import { createScramMethod } from '../../../../gateway/channels/mqtt/scram.ts'
import { loginKey } from '../../../../gateway/devices/failed-logins.ts'
import { scramKeysOfToken } from '../../../../gateway/devices/scram.ts'

describe('the rate pacer', () => {
  test('lets a burst through and then asks to wait as long as the debt takes', () => {
    let nowMs = 0
    const pacer = new RatePacer(10, 2, nowMs)
    for (let n = 0; n < 20; n++) expect(pacer.spend(1, () => nowMs)).toBe(0)
    expect(pacer.spend(1, () => nowMs)).toBe(100)
    nowMs = 1100
    expect(pacer.spend(1, () => nowMs)).toBe(0)
  })

  test('never saves up more than its burst', () => {
    let nowMs = 0
    const pacer = new RatePacer(10, 1, nowMs)
    nowMs = 1_000_000
    let free = 0
    while (pacer.spend(1, () => nowMs) === 0) free++
    expect(free).toBeLessThanOrEqual(20)
  })

  test('a rate of 0 is no limit', () => {
    const pacer = new RatePacer(0, 1, 0)
    expect(pacer.spend(1_000_000, () => 0)).toBe(0)
  })
})

describe('the login guard', () => {
  test('makes a client wait longer after each failure, and forgets on success', () => {
    let nowMs = 0
    const guard = new LoginGuard(() => nowMs)
    for (let n = 0; n < 3; n++) guard.failed('10.0.0.9', 'kiosk')
    expect(guard.waitMs('10.0.0.9', 'kiosk')).toBe(0)
    guard.failed('10.0.0.9', 'kiosk')
    expect(guard.waitMs('10.0.0.9', 'kiosk')).toBe(1000)
    guard.failed('10.0.0.9', 'kiosk')
    expect(guard.waitMs('10.0.0.9', 'kiosk')).toBe(2000)
    nowMs = 2000
    expect(guard.waitMs('10.0.0.9', 'kiosk')).toBe(0)
    guard.succeeded('10.0.0.9', 'kiosk')
    guard.failed('10.0.0.9', 'kiosk')
    expect(guard.waitMs('10.0.0.9', 'kiosk')).toBe(0)
  })

  test('one device with a wrong token does not lock out its neighbour', () => {
    const guard = new LoginGuard(() => 0)
    for (let n = 0; n < 1000; n++) guard.failed('10.0.0.9', 'kiosk')
    expect(guard.waitMs('10.0.0.9', 'kiosk')).toBe(60_000)
    expect(guard.waitMs('10.0.0.9', 'speaker')).toBe(0)
  })

  test('is not made to forget by one failure each under ten thousand other names', () => {
    const guard = new LoginGuard(() => 0)
    for (let n = 0; n < 5; n++) guard.failed('10.0.0.9', 'nurse')
    for (let n = 0; n < 10_001; n++) guard.failed('10.0.0.9', `made-up-${n}`)
    expect(guard.waitMs('10.0.0.9', 'nurse')).toBe(2000)
  })

  test('remembers a name of any length in the room of a hash', () => {
    expect(loginKey('10.0.0.9', 'x'.repeat(60_000)).length).toBeLessThan(64)
  })

  test('a device does not get around it by further names', () => {
    const guard = new LoginGuard(() => 0)
    for (let n = 0; n < 10; n++) guard.failed('10.0.0.9', `kiosk:${n}`)
    expect(guard.waitMs('10.0.0.9', 'kiosk:new')).toBe(60_000)
    expect(guard.waitMs('10.0.0.9', 'kiosk')).toBe(60_000)
    guard.succeeded('10.0.0.9', 'kiosk:one')
    expect(guard.waitMs('10.0.0.9', 'kiosk')).toBe(0)
  })

  test('a name that is empty before its colon locks out nobody', () => {
    const guard = new LoginGuard(() => 0)
    for (let n = 0; n < 10; n++) guard.failed('10.0.0.9', `:${n}`)
    expect(guard.waitMs('10.0.0.9', '')).toBe(0)
  })
})

test('deadlines run in order of time, cancelled ones not at all', () => {
  let nowMs = 0
  const deadlines = new Deadlines(() => nowMs)
  const ran: string[] = []
  deadlines.at(30, () => ran.push('c'))
  deadlines.at(10, () => ran.push('a'))
  deadlines.cancel(deadlines.at(20, () => ran.push('b')))
  deadlines.runDue()
  expect(ran).toEqual([])
  nowMs = 25
  deadlines.runDue()
  expect(ran).toEqual(['a'])
  nowMs = 30
  deadlines.runDue()
  expect(ran).toEqual(['a', 'c'])
  deadlines.close()
})

test('deadlines taken back do not pile up', () => {
  const deadlines = new Deadlines(() => 0)
  const kept = deadlines.at(1_000_000, () => undefined)
  for (let n = 0; n < 10_000; n++) deadlines.cancel(deadlines.at(2_000_000 + n, () => undefined))
  expect(deadlines.size).toBeLessThan(600)
  expect(kept.isCancelled).toBe(false)
  deadlines.close()
})

describe('SCRAM-SHA-256', () => {
  const principal = { id: 'kiosk' }
  // The example of RFC 7677, section 3.
  const method = createScramMethod({
    find: (username) => {
      const secret = username === 'user' ? 'pencil' : 'of nobody'
      const salt = Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64')
      return { principal, ...scramKeysOfToken(secret, salt) }
    },
    createNonce: () => '%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0',
  })
  const CLIENT_FIRST = 'n,,n=user,r=rOprNGfwEbeRWgbNEkqO'
  const CLIENT_FINAL =
    'c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ='

  test('runs the example of RFC 7677', async () => {
    const exchange = method.start('kiosk')
    const first = await exchange.next(Buffer.from(CLIENT_FIRST))
    expect(first.kind === 'continue' && first.data.toString()).toBe(
      'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096',
    )
    const last = await exchange.next(Buffer.from(CLIENT_FINAL))
    expect(last.kind === 'done' && [last.principal, last.data?.toString()]).toEqual([
      principal,
      'v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=',
    ])
  })

  test.each([
    ['another proof', CLIENT_FIRST, CLIENT_FINAL.replace('p=dHz', 'p=eHz')],
    ['another nonce', CLIENT_FIRST, CLIENT_FINAL.replace('r=rOpr', 'r=xOpr')],
    ['an unknown user', CLIENT_FIRST.replace('n=user', 'n=nobody'), CLIENT_FINAL],
    ['channel binding', CLIENT_FIRST.replace('n,,', 'p=tls-unique,,'), CLIENT_FINAL],
    ['nonsense', 'hello', CLIENT_FINAL],
  ])('refuses %s', async (_name, first, last) => {
    const exchange = method.start('kiosk')
    const step = await exchange.next(Buffer.from(first))
    const end = step.kind === 'continue' ? await exchange.next(Buffer.from(last)) : step
    expect(end).toMatchObject({ kind: 'refused', reasonCode: 0x87 })
  })
})
