import { describe, expect, it } from 'vitest'
import { ruleFor, VIA, viaOf, withVia } from '../../../gateway/bridge/bridge-topics.ts'

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
