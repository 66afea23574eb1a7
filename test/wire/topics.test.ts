import { expect } from 'vitest'
import { wireSuite } from '../support/wire/suite.ts'

/** Filter, topic, does it match (MQTT 5 section 4.7); all below the case's own first levels. */
const MATCHES: readonly (readonly [string, string, boolean])[] = [
  ['sport/tennis/player1/#', 'sport/tennis/player1', true],
  ['sport/tennis/player1/#', 'sport/tennis/player1/ranking', true],
  ['sport/tennis/player1/#', 'sport/tennis/player1/score/wimbledon', true],
  ['sport/tennis/player1/#', 'sport/tennis/player2', false],
  ['sport/#', 'sport', true],
  ['sport/#', 'sports', false],
  ['#', 'anything/at/all', true],
  ['sport/tennis/+', 'sport/tennis/player1', true],
  ['sport/tennis/+', 'sport/tennis/player1/ranking', false],
  ['sport/+', 'sport', false],
  ['sport/+', 'sport/', true],
  ['+/tennis/#', 'sport/tennis/x/y', true],
  ['sport/+/player1', 'sport/tennis/player1', true],
  ['sport/+/player1', 'sport/tennis/more/player1', false],
  ['+/+', '/finance', true],
  ['/+', '/finance', true],
  ['+', '/finance', false],
  ['foo/+/baz', 'foo//baz', true],
  ['foo//baz', 'foo//baz', true],
  ['foo/baz', 'foo//baz', false],
  ['a/+', 'a/', true],
  ['a', 'a/', false],
  ['a/', 'a', false],
  ['a/#', 'a/', true],
  ['+/+/+', '//', true],
  ['+/#', 'a', true],
  ['+/+/#', 'a', false],
  ['ACCOUNTS', 'Accounts', false],
  ['a b', 'a b', true],
  ['温度/+', '温度/病房', true],
  ['é', 'e\u0301', false],
  ['a/$b', 'a/$b', true],
  ['a/+/c', 'a/$b/c', true],
]

/** The rules of # and of + have numbers of their own, other ones in each version. */
function statementsOf(filter: string): string | readonly [string, string] {
  if (filter.includes('+')) return ['4.7.1-3', '4.7.1-2']
  return filter.includes('#') ? ['4.7.1-2', '4.7.1-1'] : '4.7.3-4'
}

wireSuite('Topic names and filters', ({ v5, both }) => {
  for (const [filter, topic, matches] of MATCHES) {
    const verb = matches ? 'matches' : 'does not match'
    both(statementsOf(filter), `${filter} ${verb} ${topic}`, async (w) => {
      const client = await w.connect()
      await client.subscribe(w.topic(filter), { qos: 1 })
      const sentinel = `sentinel/${w.unique}`
      await client.subscribe(sentinel, { qos: 1 })
      await client.publish(w.topic(topic), 'x', { qos: 1 })
      await client.publish(sentinel, 'x', { qos: 1 })
      const expected = matches ? w.topic(topic) : sentinel
      expect((await client.receive()).topic).toBe(expected)
    })
  }

  for (const leading of ['#', '+/', '+/#']) {
    both('4.7.2-1', `${leading} does not match topics that begin with $`, async (w) => {
      const client = await w.connect()
      const tail = `wire-${w.unique}`
      await client.subscribe(leading === '+/' ? `+/${tail}` : leading, { qos: 0 })
      await client.publish(`$dollar/${tail}`, 'hidden', { qos: 1 })
      await client.publish(`plain/${tail}`, 'seen', { qos: 1 })
      // Such wide filters hear other cases too; only topics of this case count.
      let message = await client.receive()
      while (!message.topic.endsWith(tail)) message = await client.receive()
      expect(message.topic).toBe(`plain/${tail}`)
    })
  }

  both('4.7.2-1', 'a topic that begins with $ is refused or matched level by level', async (w) => {
    const client = await w.connect()
    const topic = `$wire/${w.unique}/a`
    await client.subscribe(`$wire/${w.unique}/+`, { qos: 1 })
    await client.subscribe(w.topic('end'), { qos: 1 })
    const answer = await client.publish(topic, 'x', { qos: 1 })
    await client.publish(w.topic('end'), 'end', { qos: 1 })
    const isDelivered = (await client.receive()).topic === topic
    // MQTT 5 has a code for the refusal; MQTT 3.1.1 has none, so there both are possible.
    if (w.version === 5) expect(isDelivered).toBe((answer?.code ?? 0) < 0x80)
  })

  both('4.7.2-1', '+/… does not find what is retained below a $ topic', async (w) => {
    const client = await w.connect()
    await client.publish(`$dollar/${w.unique}`, 'hidden', { qos: 1, retain: true })
    await client.publish(`plain/${w.unique}`, 'seen', { qos: 1, retain: true })
    await client.subscribe(`+/${w.unique}`, { qos: 1 })
    expect(await client.receive()).toMatchObject({ payload: 'seen', retain: true })
    for (const first of ['$dollar', 'plain']) {
      await client.publish(`${first}/${w.unique}`, '', { qos: 1, retain: true })
    }
  })

  both('4.7.3-3', 'a topic of many levels is delivered', async (w) => {
    const client = await w.connect()
    const topic = w.topic(Array.from({ length: 12 }, (_, index) => `l${index}`).join('/'))
    await client.subscribe(topic, { qos: 1 })
    await client.publish(topic, 'deep', { qos: 1 })
    expect(await client.receive()).toMatchObject({ topic })
  })

  both('4.7.3-1', 'a topic of one character is delivered', async (w) => {
    const client = await w.connect()
    const topic = String.fromCodePoint(0x4e00 + (Number.parseInt(w.unique.slice(0, 3), 16) % 4096))
    await client.subscribe(topic, { qos: 1 })
    await client.publish(topic, w.unique, { qos: 1 })
    let message = await client.receive()
    while (message.payload !== w.unique) message = await client.receive()
    expect(message.topic).toBe(topic)
  })

  both('4.7.3-1', 'the topic / is two empty levels', async (w) => {
    const client = await w.connect()
    await client.subscribe(`${w.topic('')}+`, { qos: 1 })
    await client.publish(w.topic(''), 'x', { qos: 1 })
    expect(await client.receive()).toMatchObject({ topic: w.topic('') })
  })

  v5('[MQTT-3.3.2-3] a topic name arrives exactly as it was published', async (w) => {
    const client = await w.connect()
    const topic = w.topic('Straße/ /\u{1f600}/%2F/..')
    await client.subscribe(w.topic('#'), { qos: 1 })
    await client.publish(topic, 'x', { qos: 1 })
    expect(await client.receive()).toMatchObject({ topic })
  })
})
