import { expect, it } from 'vitest'
import { COUNTER_PACK, startGateway } from '../support/gateway.ts'

it.each([
  ['骨科在几楼', ['停车场', '公益安排', '报告多久出来'], ['parking', 'promotion', 'report.when']],
  // The free clinic days have no English answer.
  ['where is cardiology', ['Parking', 'When a report is ready'], ['parking', 'report.when']],
])(
  'what the box offers after "%s" is answered when it is tapped',
  async (text, offered, intents) => {
    const gateway = await startGateway({ packs: [COUNTER_PACK] })
    const token = await gateway.addDevice('kiosk-1')
    const { body } = await gateway.ask(token, { id: 'q', text })
    expect(body.suggestions).toEqual(offered)
    const asked = offered.map(async (title, at) => {
      const reply = await gateway.ask(token, { id: `${at}`, text: title, session: `tap-${at}` })
      return (reply.body.intent as { name: string } | undefined)?.name
    })
    expect(await Promise.all(asked)).toEqual(intents)
  },
)
