import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseFilter } from '../../../../gateway/channels/mqtt/codec/topics.ts'
import { Message } from '../../../../gateway/channels/mqtt/routing/message.ts'
import { RetainedMessages } from '../../../../gateway/channels/mqtt/routing/retained.ts'
import { TopicTrie } from '../../../../gateway/channels/mqtt/routing/topic-trie.ts'
import { covers } from '../../../../gateway/topic-filters.ts'

const level = fc.constantFrom('a', 'b', '', '$x', '客服')
const topic = fc
  .array(level, { minLength: 1, maxLength: 5 })
  .map((levels) => levels.join('/'))
  .filter((one) => one !== '')
const filter = fc
  .tuple(
    fc.array(fc.oneof(level, fc.constant('+')), { maxLength: 4 }),
    fc.constantFrom('a', '+', '#'),
  )
  .map(([levels, last]) => [...levels, last].join('/'))

test('the trie finds exactly the filters that match', () => {
  fc.assert(
    fc.property(fc.uniqueArray(filter, { maxLength: 20 }), topic, (filters, name) => {
      const trie = new TopicTrie<string>()
      for (const one of filters) trie.add(one, one)
      const expected = filters.filter((one) => covers(one, name)).sort()
      expect(trie.match(name).sort()).toEqual(expected)
      for (const one of filters) expect(trie.remove(one, one)).toBe(true)
      expect(trie.match(name)).toEqual([])
      expect(trie.size).toBe(0)
    }),
  )
})

test('retained messages are found by exactly the filters that match', () => {
  const limits = { maxRetainedMessages: 1000, maxRetainedBytes: 1_000_000 }
  fc.assert(
    fc.property(fc.uniqueArray(topic, { maxLength: 20 }), filter, (topics, wanted) => {
      const retained = new RetainedMessages(
        limits,
        () => 0,
        (id) => id,
      )
      for (const one of topics) {
        retained.set(new Message({ topic: one, payload: Buffer.from('x'), qos: 0, retain: true }))
      }
      const found = retained.match(wanted).map((one) => one.topic)
      expect(found.sort()).toEqual(topics.filter((one) => covers(wanted, one)).sort())
      for (const one of topics) retained.delete(one)
      expect([retained.count, retained.bytes]).toEqual([0, 0])
    }),
  )
})

test.each([
  ['a/#/b', undefined],
  ['a+', undefined],
  ['', undefined],
  ['$share/g', undefined],
  ['$share//a', undefined],
  ['$share/g+/a', undefined],
  ['$share/g/a/+', { filter: 'a/+', group: 'g' }],
  ['+/+/#', { filter: '+/+/#', group: undefined }],
])('the filter %j is parsed as %j', (text, expected) => {
  expect(parseFilter(text)).toEqual(expected)
})
