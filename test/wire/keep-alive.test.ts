import { setTimeout as delay } from 'node:timers/promises'
import { expect } from 'vitest'
import { frame, hex } from '../support/wire/bytes.ts'
import * as code from '../support/wire/codes.ts'
import * as packet from '../support/wire/packets.ts'
import { wireSuite } from '../support/wire/suite.ts'

/** One and a half times a keep alive of one second, less what timers may round away. */
const ONE_AND_A_HALF_MS = 1_450

wireSuite('Keep alive, PINGREQ', ({ both }) => {
  both('3.12.4-1', 'PINGREQ is answered with PINGRESP', async (w) => {
    const client = await w.connect()
    client.send(packet.pingreq())
    expect(await client.expect('pingresp')).toEqual({ type: 'pingresp' })
  })

  both('3.12.4-1', 'ten PINGREQs in one segment get ten PINGRESPs', async (w) => {
    const client = await w.connect()
    client.send(...Array.from({ length: 10 }, () => packet.pingreq()))
    for (let index = 0; index < 10; index++) await client.expect('pingresp')
  })

  both(['2.2.2-2', '2.1.3-1'], 'PINGREQ with flags is malformed', async (w) => {
    const client = await w.connect()
    client.send(frame(0xc1))
    await client.refused(code.MALFORMED_PACKET)
  })

  both(['4.8.0-1', '4.13.1-1'], 'PINGREQ with a body is malformed', async (w) => {
    const client = await w.connect()
    client.send(frame(0xc0, hex('00')))
    await client.refused(code.MALFORMED_PACKET)
  })

  both('3.1.2-24', 'a silent client is given up after one and a half intervals', async (w) => {
    const started = performance.now()
    const client = await w.connect({ keepAlive: 1 })
    await client.refused(code.KEEP_ALIVE_TIMEOUT)
    expect(performance.now() - started).toBeGreaterThan(ONE_AND_A_HALF_MS)
  })

  both('3.1.2-24', 'giving up a silent client publishes its will', async (w) => {
    const watcher = await w.connect()
    await watcher.subscribe(w.topic(), { qos: 1 })
    await w.connect({ keepAlive: 1, will: { topic: w.topic(), payload: 'silent', qos: 1 } })
    expect(await watcher.receive()).toMatchObject({ payload: 'silent' })
  })

  both('3.1.2-24', 'PINGREQ keeps the connection', async (w) => {
    const client = await w.connect({ keepAlive: 1 })
    for (let index = 0; index < 5; index++) {
      await delay(700)
      await client.ping()
    }
    expect(client.closed).toBe(false)
  })

  both('3.1.2-24', 'any packet keeps the connection, not just PINGREQ', async (w) => {
    const client = await w.connect({ keepAlive: 1 })
    for (let index = 0; index < 5; index++) {
      await delay(700)
      await client.publish(w.topic(), 'x', { qos: 1 })
    }
    expect(client.closed).toBe(false)
  })

  both('3.1.2-24', 'what the client receives does not keep its connection', async (w) => {
    const [from, client] = [await w.connect(), await w.connect({ keepAlive: 1 })]
    await client.subscribe(w.topic())
    const feeding = setInterval(() => from.send(packet.publish(w.version, w.topic(), 'x')), 200)
    try {
      await client.refused(code.KEEP_ALIVE_TIMEOUT)
    } finally {
      clearInterval(feeding)
    }
  })

  both('3.1.2-24', 'half a packet does not keep the connection', async (w) => {
    const client = await w.connect({ keepAlive: 1 })
    client.send(hex('30 7f 00'))
    await client.refused(code.KEEP_ALIVE_TIMEOUT)
  })

  both('3.1.2-24', 'keep alive 0 is no limit within this time', async (w) => {
    const client = await w.connect({ keepAlive: 0 })
    await delay(3_000)
    await client.ping()
  })
})
