import { expect, it } from 'vitest'
import { COUNTER_PACK, startGateway } from '../support/gateway.ts'

interface Said {
  readonly text: string
  readonly speech: { readonly voice: { readonly rate: number; readonly volume: number } }
}

/** A person at one device; each word follows the last. */
async function personAt(kind: string) {
  const gateway = await startGateway({ packs: [COUNTER_PACK] })
  const token = await gateway.addDevice('here', kind)
  let asks = 0
  return async (text: string) => {
    const { body } = await gateway.ask(token, { id: `${asks++}`, text })
    const { text: said, speech } = body as unknown as Said
    return { said, ...speech.voice }
  }
}

it('"louder" at a bed, where it speaks as loud as it can, is no softer and says so', async () => {
  const say = await personAt('bedside')
  expect((await say('骨科在几楼')).volume).toBe(1)
  const louder = await say('大声一点')
  expect(louder.volume).toBe(1)
  expect(louder.said).toContain('已经是最大声')
  expect(louder.said).toContain('骨科在5楼')
  expect(await say('小声一点')).toMatchObject({ volume: 0.85, said: '音量已调小。 骨科在5楼。' })
})

it('"louder" at a kiosk is louder than the kiosk was, until it can do no more', async () => {
  const say = await personAt('kiosk')
  const volumes = [(await say('骨科在几楼')).volume]
  for (let times = 0; times < 2; times++) volumes.push((await say('大声一点')).volume)
  expect(volumes).toEqual([0.7, 0.85, 1])
  expect((await say('louder')).said).toContain('as loud as I can')
})

it('"slower" is slower each time, and where it can be no slower that is said', async () => {
  const say = await personAt('bedside')
  const first = await say('骨科在几楼')
  const said = [first]
  for (let times = 0; times < 4; times++) said.push(await say('说慢一点'))
  expect(said.map(({ rate }) => rate)).toEqual([0.8, 0.68, 0.56, 0.44, 0.44])
  expect(said.at(-2)?.said).toContain('语速已放慢')
  expect(said.at(-1)?.said).toContain('已经是最慢')
})
