import { expect, it } from 'vitest'
import { runOperation } from '../../gateway/console/operations.ts'
import { COUNTER_PACK, startGateway, type TestGateway } from '../support/gateway.ts'

/** A person at a kiosk; each word follows the last. */
async function personAt(gateway: TestGateway) {
  const token = await gateway.addDevice('kiosk-1')
  let asks = 0
  return async (text: string) => {
    const { body } = await gateway.ask(token, { id: `${asks++}`, text })
    return body as {
      status: string
      text: string
      suggestions?: string[]
      slots?: Record<string, unknown>
      intent?: { name: string; confidence: number }
    }
  }
}

it('"Say that again" and "slower" leave the question of the box open', async () => {
  const say = await personAt(await startGateway())
  const asked = await say('我要找一个科室')
  expect(asked).toMatchObject({ status: 'need-input', text: '您要去哪个科？' })
  expect((await say('再说一遍')).text).toBe(asked.text)
  expect((await say('说慢一点')).text).toBe(`好的。 ${asked.text}`)
  expect((await say('不晓得呢')).text).toBe(`不清楚没关系，可以到服务台问。${asked.text}`)
  expect((await say('骨科')).text).toBe('骨科在门诊楼5楼。')
})

const ONE_AT_A_TIME = {
  status: 'need-input',
  text: '请一个一个来：先说“骨科”，还是“心内科”？',
  suggestions: ['骨科', '心内科'],
}

it('two departments to "which department?" are asked for one after the other, which is no miss; for ever it is not asked', async () => {
  const say = await personAt(await startGateway())
  await say('我要找一个科室')
  for (const both of ['骨科和心内科', '骨科还是心内科']) {
    expect(await say(both)).toMatchObject(ONE_AT_A_TIME)
  }
  expect((await say('骨科')).text).toBe('骨科在门诊楼5楼。')
  await say('我要找一个科室')
  for (const both of ['骨科和心内科', '骨科、心内科']) await say(both)
  expect((await say('骨科和心内科')).text).toContain('没有工作人员的设备在线')
})

it.each([
  ['第一个', '骨科'],
  ['前面那个', '骨科'],
  ['都要', '骨科'],
  ['第二个', '心内科'],
  ['the second one', '心内科'],
  ['先说心内科', '心内科'],
])('"A or B first?" is answered by words that point: %s', async (words, department) => {
  const say = await personAt(await startGateway())
  await say('我要找一个科室')
  expect(await say('骨科和心内科')).toMatchObject(ONE_AT_A_TIME)
  const { status, slots } = await say(words)
  expect({ status, slots }).toEqual({ status: 'answered', slots: { department } })
})

it('neither of two is no name that is looked for', async () => {
  const say = await personAt(await startGateway())
  const asked = await say('我要找一个科室')
  await say('骨科和心内科')
  expect((await say('都不是')).text).toBe(asked.text)
})

it('a name that is not known is named, and then a person is called', async () => {
  const say = await personAt(await startGateway())
  const asked = await say('我要找一个科室')
  expect((await say('天文科')).text).toBe(`“天文科”我这里没有查到，可以到服务台问。${asked.text}`)
  expect((await say('天文科')).text).toContain('没有工作人员的设备在线')
})

it.each([
  ['我的密码是668899', '668899'],
  ['六六八八九九', '六六'],
  ['我电话13812345678', '1381'],
  ['我叫李建国', '李建国'],
  ['six six eight eight', 'six'],
])(
  'what others in the hall must not hear is not said back, nor kept as said: %s',
  async (words, secret) => {
    const gateway = await startGateway()
    const token = await gateway.addDevice('kiosk-1')
    const subject = { id: 'p-1', kind: 'patient' } as const
    await gateway.ask(token, { id: '1', text: '我要找一个科室', subject })
    const again = await gateway.ask(token, { id: '2', text: words, subject })
    expect(again.body.status).toBe('need-input')
    const kept = await runOperation('subject.export', subject, gateway.box.operations)
    const answers = (kept as { personal: { answer: object } }[]).map((one) => one.personal.answer)
    expect(answers).toHaveLength(2)
    expect(JSON.stringify(answers)).not.toContain(secret)
  },
)

it('silence is no answer, however often', async () => {
  const say = await personAt(await startGateway())
  await say('我要找一个科室')
  for (const silence of ['。', '…', '。']) {
    expect(await say(silence)).toMatchObject({
      status: 'not-known',
      text: expect.stringContaining('没有听清'),
    })
  }
  expect((await say('骨科')).text).toBe('骨科在门诊楼5楼。')
})

it('the same slot of another question is asked for anew, not once too often', async () => {
  const say = await personAt(await startGateway({ packs: [COUNTER_PACK] }))
  for (const question of ['科室电话是多少', '我要找一个科室', '电话多少']) {
    expect((await say(question)).status).toBe('need-input')
  }
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

/** Who has said 骨科 alone, and is asked whether he wants the way or the number. */
async function personBetweenTwo() {
  const say = await personAt(await startGateway({ packs: [COUNTER_PACK] }))
  const { text } = await say('骨科')
  expect(text).toBe('您是想问“科室在哪里”，还是“科室电话”？')
  return say
}

it.each([
  ['后面那个', 'department.phone'],
  ['前面那个', 'department.where'],
  ['我要问第二个。', 'department.phone'],
  ['科室电话。', 'department.phone'],
  ['就是后面的', 'department.phone'],
  ['The second one.', 'department.phone'],
  ['DEPARTMENT PHONE', 'department.phone'],
])('"A or B?" is answered by words that people say: %s', async (words, intent) => {
  const say = await personBetweenTwo()
  expect((await say(words)).intent?.name).toBe(intent)
})

it('"yes" to "A or B?" is asked once more in plainer words, then a person is called', async () => {
  const say = await personBetweenTwo()
  const again = await say('是的')
  expect(again).toMatchObject({ status: 'clarify', suggestions: ['科室在哪里', '科室电话'] })
  expect(again.text).toContain('第二个是“科室电话”')
  expect((await say('对')).text).toContain('没有工作人员的设备在线')
  expect((await say('停车场在哪')).intent?.name).toBe('parking')
})

it.each([
  ['嗯，是的呀', 'clarify'],
  ['Yes please.', 'clarify'],
  ['对，骨科在几楼', 'answered'],
])(
  '"yes" to "A or B?" is no answer, and what is said behind it may be one: %s',
  async (words, status) => {
    const say = await personBetweenTwo()
    expect((await say(words)).status).toBe(status)
  },
)

it('"neither" asks for other words, and other words are heard', async () => {
  const say = await personBetweenTwo()
  expect((await say('都不是')).text).toContain('换个说法')
  expect((await say('停车场在哪')).intent?.name).toBe('parking')
  await say('骨科')
  await say('neither')
  expect((await say('none of them')).text).toContain('No staff device')
})

it('an emergency is heard while the box waits for "A or B?"', async () => {
  const say = await personBetweenTwo()
  expect((await say('有人摔倒了')).intent?.name).toBe('emergency.fall')
})
