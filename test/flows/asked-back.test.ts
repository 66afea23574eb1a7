import { expect, it } from 'vitest'
import { startGateway, type TestGateway } from '../support/gateway.ts'

/** A person at a kiosk; each word follows the last. */
async function personAt(gateway: TestGateway) {
  const token = await gateway.addDevice('kiosk-1')
  let asks = 0
  return async (text: string) => {
    const { body } = await gateway.ask(token, { id: `${asks++}`, text })
    return body as { status: string; text: string; intent?: { name: string; confidence: number } }
  }
}

it('"Say that again" and "slower" leave the question of the box open', async () => {
  const say = await personAt(await startGateway())
  const asked = await say('我要找一个科室')
  expect(asked).toMatchObject({ status: 'need-input', text: '您要去哪个科？' })
  expect((await say('再说一遍')).text).toBe(asked.text)
  expect((await say('说慢一点')).text).toBe(`好的。 ${asked.text}`)
  expect((await say('不晓得呢')).text).toBe(asked.text)
  expect((await say('骨科')).text).toBe('骨科在门诊楼5楼。')
})

it('another question that names a department is no answer to "which department?"', async () => {
  const say = await personAt(await startGateway())
  await say('我要找一个科室')
  expect((await say('心内科大夫早上几点上班啊')).intent?.name).toBe('hours.opening')
})

it('an answer to the question of the box makes it no surer of what was asked', async () => {
  const say = await personAt(await startGateway())
  await say('我要找一个科室')
  expect((await say('骨科')).intent).toMatchObject({ name: 'department.where', confidence: 0.99 })
})
