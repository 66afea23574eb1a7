import { expect } from 'vitest'
import { hex } from '../support/wire/bytes.ts'
import * as code from '../support/wire/codes.ts'
import * as packet from '../support/wire/packets.ts'
import { wireSuite } from '../support/wire/suite.ts'

/** More than the socket buffers of both sides hold. */
const FLOOD_MESSAGES = 400
const FLOOD_PAYLOAD = 'x'.repeat(50_000)

wireSuite('One bad client harms itself only', ({ v5, both }) => {
  both('promise-8', 'a subscriber that does not read does not hold up the others', async (w) => {
    const [from, frozen, well] = [await w.connect(), await w.connect(), await w.connect()]
    await frozen.subscribe(w.topic('flood'), { qos: 0 })
    await well.subscribe(w.topic('talk'), { qos: 1 })
    frozen.pause()
    for (let index = 0; index < FLOOD_MESSAGES; index++) {
      from.send(packet.publish(w.version, w.topic('flood'), FLOOD_PAYLOAD))
      if (index % 40 === 0) {
        await from.publish(w.topic('talk'), `${index}`, { qos: 1 })
        expect(await well.receive()).toMatchObject({ payload: `${index}` })
      }
    }
    await from.ping()
    await well.ping()
    expect(well.closed).toBe(false)
  })

  both('promise-8', 'QoS 1 for a subscriber that reads again is not lost', async (w) => {
    const [from, slow] = [await w.connect(), await w.connect()]
    await slow.subscribe(w.topic(), { qos: 1 })
    slow.pause()
    const sent = Array.from({ length: FLOOD_MESSAGES }, (_, index) => `${index}`)
    for (const payload of sent) {
      await from.publish(w.topic(), payload.padEnd(FLOOD_PAYLOAD.length), { qos: 1 })
    }
    slow.resume()
    const received: string[] = []
    while (received.length < sent.length) received.push((await slow.receive()).payload.trim())
    expect(received).toEqual(sent)
  })

  both('promise-8', 'a client that stops inside a packet holds up nobody', async (w) => {
    const [half, well] = [await w.connect(), await w.connect()]
    half.send(hex('32 7f 00 05'))
    await well.subscribe(w.topic(), { qos: 1 })
    await well.publish(w.topic(), 'well', { qos: 1 })
    expect(await well.receive()).toMatchObject({ payload: 'well' })
  })

  both('promise-8', 'fifty clients that vanish leave the rest alone', async (w) => {
    const well = await w.connect()
    await well.subscribe(w.topic(), { qos: 1 })
    const crowd = await Promise.all(Array.from({ length: 50 }, () => w.connect()))
    for (const client of crowd) client.kill()
    await well.publish(w.topic(), 'well', { qos: 1 })
    expect(await well.receive()).toMatchObject({ payload: 'well' })
  })

  v5(
    '[MQTT-3.1.2-32] without Request Problem Information no packet says more than its code',
    async (w) => {
      const client = await w.connect({ props: [['requestProblemInformation', 0]] })
      const answers = [
        await client.subscribe(code.TOPIC_REFUSED_BY_PROFILE, { qos: 1 }),
        await client.unsubscribe(w.topic('never')),
        await client.publish(`$SYS/${w.unique}`, 'x', { qos: 1 }),
        await client.publish(w.topic('nobody'), 'x', { qos: 2 }),
      ]
      for (const answer of answers) expect(answer?.props.entries).toEqual([])
    },
  )
})
