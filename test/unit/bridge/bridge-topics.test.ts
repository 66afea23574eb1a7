import { describe, expect, it } from 'vitest'
import {
  filtersOverlap,
  ruleFor,
  VIA,
  viaOf,
  withVia,
} from '../../../gateway/bridge/bridge-topics.ts'

describe('filters overlap', () => {
  it.each([
    ['a/b', 'a/b', true],
    ['a/b', 'a/c', false],
    ['a/+', 'a/c', true],
    ['a/+/c', 'a/b', false],
    ['a/#', 'a', true],
    ['a/#', 'b/#', false],
    ['#', 'x/y/z', true],
    ['+/b/#', 'a/+/c', true],
    ['ward7/site/#', 'his/#', false],
  ])('%s and %s: %s', (one, other, expected) => {
    expect(filtersOverlap(one, other)).toBe(expected)
    expect(filtersOverlap(other, one)).toBe(expected)
  })
})

describe('the rules of a bridge', () => {
  it('are looked through in their order', () => {
    const rules = [
      { filter: 'site/alarm', qos: 2 },
      { filter: 'site/#', qos: 0 },
    ] as const
    expect(ruleFor(rules, 'site/alarm')?.qos).toBe(2)
    expect(ruleFor(rules, 'site/door')?.qos).toBe(0)
    expect(ruleFor(rules, 'other')).toBeUndefined()
  })

  it('mark a message with every bridge it passed and leave its own properties as they are', () => {
    const marked = withVia(withVia({ userProperties: [['a', '1']] }, 'gw-1/x'), 'gw-2/y')
    expect(viaOf(marked)).toEqual(['gw-1/x', 'gw-2/y'])
    expect(marked.userProperties).toEqual([
      ['a', '1'],
      [VIA, 'gw-1/x'],
      [VIA, 'gw-2/y'],
    ])
  })
})
