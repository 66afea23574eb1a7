/** What the shipped hospital pack takes for an emergency beside a question, and what only sounds like one. */
import { describe, expect, it } from 'vitest'
import { readValidPack } from '../../gateway/knowledge/read-pack.ts'
import { packagePath } from '../../gateway/paths.ts'
import { engineOf } from '../support/language.ts'

const pack = readValidPack(packagePath('packs/hospital'))
const engine = engineOf(pack, 1)
const alarms = new Set(pack.intents.flatMap((one) => (one.alert ? [one.intent] : [])))
const isAlarm = (text: string): boolean => {
  const heard = engine.understand([{ text, confidence: 1 }])
  return heard.kind === 'intent' && alarms.has(heard.best.ref.intent)
}

/** Asked every day at the desk of a hospital; nobody is in danger. */
const CALM = `
我想问一下烫伤科在几楼|我想问一下骨折科在几楼|我想问一下中毒科在几楼|我想问一下胸痛门诊在几楼
我想问一下癫痫门诊几点开|我想问一下卒中中心在哪里|请问卒中门诊几点开|请问过敏门诊在几楼|请问烧伤科在哪里
烫伤科在几楼|胸闷气短做什么检查|我爸胸闷做什么检查好|便血要做什么检查|胸闷做什么检查|心慌做什么检查
我爸血压180能不能做手术|我血压190能不能献血|血糖3.0能不能做胃镜|请问血压高能不能拔牙|血压160能不能拔牙
孩子发烧39度能不能打疫苗|孩子抽过筋能不能打疫苗|我有癫痫能不能做核磁|我有哮喘能不能打疫苗
药多吃了一次要不要紧|药吃多了一片要不要紧|忘吃药了要不要紧
我摔断腿的片子在哪里取|手断了的片子在哪里取|骨折的片子在哪里取|烫伤换药在哪里
我爸昏迷住ICU怎么探视|重症监护室昏迷的病人怎么探视|我妈骨折住院能不能陪床
我想问一下我爸中风以后怎么护理|有没有中风的康复训练|我想死了这条心请问在哪里退号
心梗病人几点可以探视|我同事骨折了送来的在哪个科|烫伤膏在哪里买|骨折的石膏什么时候拆|流鼻血看什么科
请问急救车收费多少|请问心脏骤停培训班在哪里报名|抽血晕针怎么办|消防演习几点开始
how do I book a follow up after a heart attack|where can I buy burn cream
which floor is the burn unit|where do I pick up my stroke medication|how long after a stroke can I fly
can I visit my father who had a stroke|where is the burn clinic|where is the fire exit|请问自然分娩多少钱|面瘫挂什么科|晕车药在哪里买|青霉素过敏能不能用头孢
`
  .trim()
  .split(/[|\n]/)

const DANGERS = `
我爸晕倒了|我妈昏迷了|我胸口疼|我妈喘不上气了|孩子抽风了|孩子噎着了|我吐血了|我喝了农药|我老婆羊水破了|我不想活了
着火了|我手割破了流血不止|我爸半边身子不能动|我爸心脏病犯了|我妈叫不醒了|血压220|胸口疼|大出血|呼吸困难
`
  .trim()
  .split(/[|\n]/)
const QUESTIONS =
  '轮椅在哪借|厕所在哪|我要投诉|骨科在几楼|停车多少钱|请问怎么挂号|我想问一下|食堂在哪里'.split('|')

describe('the hospital pack', () => {
  it('calls nobody for what is only asked', () => expect(CALM.filter(isAlarm)).toEqual([]))

  it.each([
    ['', 0.9],
    ['，', 0.97],
  ])(
    'hears a danger before or behind a question, with "%s" between: %d or more',
    (pause, least) => {
      const said = DANGERS.flatMap((danger) =>
        QUESTIONS.flatMap((question) => [
          `${danger}${pause}${question}`,
          `${question}${pause}${danger}`,
        ]),
      )
      expect(said.filter(isAlarm).length / said.length).toBeGreaterThanOrEqual(least)
    },
  )

  it.each([
    'where is the toilet my father is having a heart attack',
    'where is the toilet a man collapsed',
    'I want to die where is the toilet',
    'how do I register the baby stopped breathing',
    '我想问一下我爸晕倒了怎么办',
  ])('and so it does here: %s', (text) => expect(isAlarm(text)).toBe(true))

  it.each([
    '不要护士，要大夫过来',
    '别叫护士，扶我起来',
    "I don't need a nurse, I need a doctor",
    'no need to call a nurse, just help me up',
  ])('calls a nurse for who wants another, or a hand: %s', (text) => {
    const heard = engine.understand([{ text, confidence: 1 }])
    expect(heard).toMatchObject({ kind: 'intent', best: { ref: { intent: 'call.nurse' } } })
    expect(heard).not.toHaveProperty('isDenied')
  })

  it.each([
    ['不要人', 'handoff.person'],
    ['别重复了', 'command.repeat'],
  ])('takes for denied the command that the words name: %s', (text, intent) =>
    expect(engine.understand([{ text, confidence: 1 }])).toMatchObject({
      isDenied: true,
      best: { ref: { intent } },
    }),
  )
})
