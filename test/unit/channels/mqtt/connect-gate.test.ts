import { describe, expect, test } from 'vitest'
import { ConnectGate } from '../../../../gateway/channels/mqtt/connection/connect-gate.ts'

/** How many of so many tries from an address come through. */
const admitted = (gate: ConnectGate, address: string, tries: number): number =>
  Array.from({ length: tries }, () => gate.admits(address)).filter(Boolean).length

describe('the connect gate', () => {
  test('one address that floods leaves room for the others', () => {
    const gate = new ConnectGate(100, () => 0)
    expect(admitted(gate, '10.0.0.9', 1000)).toBe(75)
    expect(admitted(gate, '10.0.0.10', 5)).toBe(5)
    expect(admitted(gate, '10.0.0.11', 5)).toBe(5)
  })

  test('a site behind one router goes on at the full rate, however often it was refused', () => {
    let nowMs = 0
    const gate = new ConnectGate(100, () => nowMs)
    let total = admitted(gate, '10.0.0.1', 10_000)
    for (; nowMs < 10_000; nowMs += 10) total += admitted(gate, '10.0.0.1', 50)
    expect(total).toBeGreaterThanOrEqual(1050)
    expect(total).toBeLessThanOrEqual(1100)
  })

  test('many addresses together stay within the limit', () => {
    let nowMs = 0
    const gate = new ConnectGate(100, () => nowMs)
    let total = 0
    for (; nowMs < 5000; nowMs += 5) {
      for (let n = 0; n < 50; n++) total += admitted(gate, `10.0.0.${n}`, 1)
    }
    expect(total).toBeLessThanOrEqual(600)
    expect(total).toBeGreaterThanOrEqual(590)
  })

  test('an address whose handshakes fail rests, and no other', () => {
    let nowMs = 0
    const gate = new ConnectGate(100, () => nowMs)
    const fail = (address: string): boolean => {
      const isAdmitted = gate.admits(address)
      if (isAdmitted) gate.failed(address)
      return isAdmitted
    }
    const tries = Array.from({ length: 1000 }, () => fail('10.0.0.9'))
    expect(tries.filter(Boolean)).toHaveLength(10)
    expect(admitted(gate, '10.0.0.10', 20)).toBe(20)
    nowMs = 1000
    expect(fail('10.0.0.9')).toBe(true)
    gate.failed('10.0.0.77')
    expect(gate.admits('10.0.0.77')).toBe(true)
  })

  test('small limits hold too, and 0 is none', () => {
    const narrow = new ConnectGate(1, () => 0)
    expect(admitted(narrow, '10.0.0.9', 9)).toBe(1)
    const open = new ConnectGate(0, () => 0)
    expect(admitted(open, '10.0.0.9', 9)).toBe(9)
  })
})
