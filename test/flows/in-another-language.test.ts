/** Who asks the box to speak another language hears what it said last once more, in that language. */
import { cpSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { COUNTER_PACK, startGateway } from '../support/gateway.ts'
import { tempFolder } from '../support/temp-folder.ts'

/** The counter, where two languages can be asked for. */
function counterOfTwoLanguages(): string {
  const dir = tempFolder()
  cpSync(COUNTER_PACK, dir, { recursive: true })
  const intent = (command: string, zh: string, en: string) => `
  - intent: command.${command}
    title: { zh: 用${zh}, en: Use ${en} }
    skill: command
    command: ${command}
    source: Made up for the tests.
    questions: { zh: [请说${zh}, 换成${zh}], en: [speak ${en}, in ${en} please] }
    templates: { zh: [说${zh}], en: ["[in] ${en} please"] }
    answer: { zh: { text: 我说${zh}。 }, en: { text: I speak ${en}. } }
`
  const intents = intent('chinese', '中文', 'chinese') + intent('english', '英文', 'english')
  writeFileSync(join(dir, 'intents/languages.yaml'), `intents:${intents}`)
  return dir
}

async function visitor() {
  const gateway = await startGateway({ packs: [counterOfTwoLanguages()] })
  const token = await gateway.addDevice('hall', 'kiosk')
  let asks = 0
  return async (text: string) => {
    const { body } = await gateway.ask(token, { id: `${asks++}`, text })
    const {
      text: said,
      speech,
      status,
    } = body as Record<'text' | 'status', string> & {
      speech: { lang: string }
    }
    return { said, lang: speech.lang, status }
  }
}

it('says the last answer again in the language that is asked for', async () => {
  const say = await visitor()
  expect((await say('骨科在几楼')).said).toBe('骨科在5楼。')
  expect(await say('in English please')).toMatchObject({
    said: 'I speak english. orthopaedics is on floor 5.',
    lang: 'en-US',
  })
  expect(await say('请说中文')).toMatchObject({ said: '我说中文。 骨科在5楼。', lang: 'zh-CN' })
})

it('has nothing to say again where nothing was answered, and leaves a question of the box open', async () => {
  const say = await visitor()
  expect((await say('speak english')).said).toBe('I speak english.')
  expect((await say('科室电话')).status).toBe('need-input')
  expect((await say('请说中文')).said).toBe('我说中文。')
  expect((await say('骨科')).said).toContain('骨科的电话是')
})
