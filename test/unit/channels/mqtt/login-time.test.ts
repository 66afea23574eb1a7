import { afterEach, expect, it } from 'vitest'
import { createScramMethod } from '../../../../gateway/channels/mqtt/scram.ts'
import { scramKeysOfToken } from '../../../../gateway/devices/scram.ts'
import { RawClient, startBroker, type TestBroker } from './broker-support.ts'

const text = (words: string): string =>
  Buffer.concat([Buffer.from([0, words.length]), Buffer.from(words)]).toString('hex')

let running: TestBroker | undefined
afterEach(() => running?.close())

it('a client that stops in the middle of its login is told that it took too long, and so is the operator', async () => {
  const keys = scramKeysOfToken('pencil')
  const find = () => ({ principal: { id: 'user' }, ...keys })
  const broker = await startBroker({ authMethods: [createScramMethod({ find })] })
  running = broker
  const client = await RawClient.open(broker.port)
  const first = text('n,,n=user,r=rOprNGfwEbeRWgbNEkqO')
  const properties = `15 ${text('SCRAM-SHA-256')} 16 ${first}`
  const length = (hex: string) => (hex.replace(/\s/g, '').length / 2).toString(16).padStart(2, '0')
  const body = `${text('MQTT')} 05 02 003c ${length(properties)} ${properties} 0001 61`
  client.send(`10 ${length(body)} ${body}`)
  expect((await client.next()).slice(0, 2)).toBe('f0')

  broker.advance(10_001)
  const connack = Buffer.from(await client.next(), 'hex')
  expect(connack[3]).toBe(0x89)
  expect(connack.toString()).toContain('the login was not finished in time')
  expect(broker.broker.recentEnds()).toMatchObject([
    { clientId: 'a', wasRefused: true, reason: 'the login was not finished in time' },
  ])
  client.destroy()
})
