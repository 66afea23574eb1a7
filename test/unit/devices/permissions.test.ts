import { describe, expect, it } from 'vitest'
import { createPermissions, losesSubscriptions } from '../../../gateway/devices/permissions.ts'

const kiosk = { id: 'k1', kind: 'kiosk', groups: ['hall'] }

describe('topics of a device', () => {
  const permissions = createPermissions([
    { kind: 'nurse', subscribe: ['kefu/v1/+/speech'] },
    {
      group: 'hall',
      publish: ['hall/%d/level'],
      subscribe: ['hall/#'],
      denySubscribe: ['hall/secret'],
    },
  ])

  it.each(['ask', 'played', 'feedback', 'event', 'reported'])('may publish its own %s', (name) => {
    expect(permissions.mayPublish(kiosk, `kefu/v1/k1/${name}`).ok).toBe(true)
  })

  it.each([
    ['kefu/v1/k2/ask', 'topic.not-yours'],
    ['kefu/v1/k1/answer', 'topic.unknown'],
    ['kefu/v1/k1/ask/x', 'topic.unknown'],
    ['other', 'topic.unknown'],
    ['hall/k2/level', 'topic.unknown'],
  ])('may not publish %s', (topic, code) => {
    expect(permissions.mayPublish(kiosk, topic)).toEqual({ ok: false, code })
  })

  it.each([
    ['kefu/v1/k1/answer', true],
    ['kefu/v1/k1/#', true],
    ['kefu/v1/k1/+', true],
    ['hall/x/y', true],
    ['hall/secret', false],
    ['kefu/v1/+/answer', false],
    ['kefu/v1/k2/answer', false],
    ['#', false],
    ['+/v1/k1/answer', false],
    ['$SYS/#', false],
  ])('subscribing to %s: %s', (filter, ok) => {
    expect(permissions.maySubscribe(kiosk, filter).ok).toBe(ok)
  })
})

describe('a change of rights', () => {
  const grants = (subscribe: string[], denySubscribe: string[] = []) => ({
    publish: [],
    subscribe,
    denySubscribe,
  })

  it.each([
    ['gains a filter', grants(['a']), grants(['a', 'b']), false],
    ['loses a filter', grants(['a', 'b']), grants(['a']), true],
    ['has the same by a wider filter', grants(['a/b']), grants(['a/#']), false],
    ['is denied what it had', grants(['a/#']), grants(['a/#'], ['a/b']), true],
    ['is denied what it never had', grants(['a/#']), grants(['a/#'], ['b']), false],
    ['is denied less', grants(['a/#'], ['a/b']), grants(['a/#']), false],
  ])('that %s', (_, before, after, isLess) => {
    expect(losesSubscriptions(before, after)).toBe(isLess)
  })

  it('leaves a received topic to whoever may still subscribe to it', () => {
    const permissions = createPermissions([{ group: 'hall', subscribe: ['hall/#'] }])
    expect(permissions.mayReceive(kiosk, 'hall/x')).toBe(true)
    permissions.replace([])
    expect(permissions.mayReceive(kiosk, 'hall/x')).toBe(false)
    expect(permissions.mayReceive(kiosk, 'kefu/v1/k1/answer')).toBe(true)
  })
})
