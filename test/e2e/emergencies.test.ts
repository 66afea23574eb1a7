/** What the shipped hospital pack takes for an emergency, and what it says then, over HTTP. */
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { cleanUp, kefu, startGateway } from './command-process.ts'

let folder: string
let ask: (text: string, subject?: string) => Promise<{ intent?: { name: string }; text: string }>
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'kefu-e2e-'))
  const data = join(folder, 'data')
  const { ports } = await startGateway(data)
  const { out } = await kefu(data, 'device', 'add', 'kiosk-1', '--kind', 'kiosk')
  const { token } = JSON.parse(out.slice(out.indexOf('{'))) as { token: string }
  let asked = 0
  ask = async (text, subject = `visitor-${asked}`) => {
    const answer = await fetch(`http://127.0.0.1:${ports.http}/v1/ask`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({
        id: `ask-${asked++}`,
        text,
        subject: { id: subject, kind: 'visitor' },
      }),
    })
    return (await answer.json()) as { intent?: { name: string }; text: string }
  }
})
afterAll(() => cleanUp(folder))

const said = (intent: { name: string } | undefined): string => intent?.name ?? ''
/** Intents of emergencies that only tell the way. */
const WAYS = ['emergency.how', 'emergency.ambulance', 'emergency.bite', 'emergency.critical-value']
const isAlarm = (name: string): boolean =>
  (name.startsWith('emergency.') && !WAYS.includes(name)) || name === 'service.missing-person'

describe('no alarm is raised', () => {
  it.each([
    ['不清楚', '说不清楚', '我看不清', '我不会用', "I don't know"],
    ['肚子疼', '我肚子疼两天了', '头疼', '牙疼', '腰疼', '胃疼', '拉肚子', '恶心', '咳嗽', '疼'],
    ['my tooth hurts', 'leg pain', 'my stomach hurts', 'I have a headache', 'I feel sick'],
    ['water', 'baby', 'child', 'blood', '孩子', '孕妇', '半边', '手指疼', 'my nose hurts'],
    ['疼得受不了了', '我要疼死了', 'I am in pain'],
    ['我胸口不疼', '没有着火，别紧张', '不是着火，是蒸汽', 'There is no fire, it was a drill'],
    ['我对青霉素过敏', '对海鲜过敏要忌口吗', '骨折多久能好', '心绞痛吃什么药', '烫伤膏在哪买'],
    ['昨天胸口疼过，今天好了', '我爸去年心梗', '以前有过癫痫', '我来看中风的病人'],
    ['胸闷挂什么科', '抽搐看什么科', '流鼻血挂什么科', '脑出血后遗症康复'],
    ['癫痫病能治好吗', '心梗能报销吗', '怎么预防中风', '我想去八楼', '我不想要了'],
    ['My IV hurts and my hand is swollen', 'I want to go home', 'I want to end my contract'],
    ['血压130正常吗', '血氧98', '血糖5.2', 'my blood pressure is 130', '床单脏了', '尿袋满了'],
    ['骨折要等多久', '中风挂什么科', '血压130挂什么科', '他 没有 晕倒', '胸口 不 疼 了'],
    ['我没有发烧、咳嗽、胸痛', '没有发烧 咳嗽 胸痛', '有高血压，没有胸痛、喘不上气'],
    ['没有头晕，胸痛，呕吐', '没有发烧和胸痛'],
    ['我去年心梗过，现在来复查挂什么号', 'my father had a stroke last year, which department'],
  ])('by %s …', async (...texts) => {
    const heard = await Promise.all(
      texts.map(async (text) => `${text}: ${said((await ask(text)).intent)}`),
    )
    expect(heard.filter((one) => isAlarm(one.split(': ')[1] ?? ''))).toEqual([])
  })

  it('by the answer to the question of the box', async () => {
    await ask('要准备什么', 'who-asks')
    const { intent, text } = await ask('不清楚', 'who-asks')
    expect(isAlarm(said(intent))).toBe(false)
    expect(text).not.toContain('中风')
  })

  it('by a common symptom, which is told its department and when to call at once', async () => {
    const { intent, text } = await ask('肚子疼')
    expect(said(intent)).toBe('symptom.belly')
    expect(text).toMatch(/消化内科.*马上/)
  })
})

describe('an emergency is heard', () => {
  it.each([
    ['胸痛', 'emergency.chest-pain'],
    ['熊口疼', 'emergency.chest-pain'],
    ['喘不上气', 'emergency.breathing'],
    ['昏到了', 'emergency.unconscious'],
    ['老头子昏倒在厕所里了', 'emergency.unconscious'],
    ['隔壁床的老人没气了', 'emergency.unconscious'],
    ['大出血', 'emergency.bleeding'],
    ['着火', 'emergency.fire'],
    ['有炸弹', 'emergency.fire'],
    ['羊癫疯犯了', 'emergency.seizure'],
    ['有人触电了', 'emergency.electric'],
    ['有人溺水', 'emergency.drowning'],
    ['氧气没了', 'emergency.equipment'],
    ['呼吸机报警了', 'emergency.equipment'],
    ['血糖2.8头晕出冷汗', 'emergency.readings'],
    ['血压200/120头疼得厉害', 'emergency.readings'],
    ['我被强奸了', 'emergency.assault'],
    ['医院打电话说我有危急值', 'emergency.critical-value'],
    ['我对青霉素过敏现在喘不上气', 'emergency.allergy'],
    ['没有着火，有人晕倒了', 'emergency.unconscious'],
    ['不是，胸口疼', 'emergency.chest-pain'],
    ['不舒服，胸口疼', 'emergency.chest-pain'],
    ['没怎么，就是胸闷', 'emergency.chest-pain'],
    ['没人，着火了', 'emergency.fire'],
    ['没有 脉搏', 'emergency.unconscious'],
    ["I have no pain but I can't breathe", 'emergency.breathing'],
    ['没有发烧，胸口疼', 'emergency.chest-pain'],
    ['没有外伤，头晕，晕倒了', 'emergency.unconscious'],
    ['没有胸痛、喘不上气了', 'emergency.breathing'],
    ['oh no, bleeding', 'emergency.bleeding'],
    ['身上起疹子，还喘不上气', 'emergency.allergy'],
    ['牙疼，胸口也疼', 'emergency.chest-pain'],
    ["I can't find my child", 'service.missing-person'],
    ['my son is missing', 'service.missing-person'],
    ['chest pain', 'emergency.chest-pain'],
    ['腿断了骨头露出来了', 'emergency.bleeding'],
    ['引流管里都是血', 'emergency.bleeding'],
    ['我爸从床上掉下来了', 'emergency.bleeding'],
    ['血氧只有七十', 'emergency.equipment'],
    ['血糖2.8', 'emergency.readings'],
    ['血压220', 'emergency.readings'],
    ['我奶奶说话含糊不清', 'emergency.stroke'],
    ['my left arm is numb', 'emergency.stroke'],
    ['肚子疼得打滚', 'emergency.severe-pain'],
    ['救救我妈', 'emergency.unconscious'],
    ['感觉要死了', 'emergency.unconscious'],
    ['憋得慌', 'emergency.breathing'],
    ['我爸中风了，看哪个科', 'emergency.stroke'],
    ['孩子抽筋了挂什么科', 'emergency.child'],
    ['车祸受伤了，医保能报吗', 'emergency.bleeding'],
    ['流鼻血止不住，看什么科', 'emergency.bleeding'],
    ['以前有心脏病，现在胸口疼', 'emergency.chest-pain'],
    ['对青霉素过敏，现在起疹子了', 'emergency.allergy'],
  ])('%s', async (text, name) => expect(said((await ask(text)).intent)).toBe(name))
})

describe('an emergency is heard beside a question or what was before', () => {
  it.each([
    ['胸口疼去哪个科', '胸口疼挂什么科', '胸口疼吃什么药', '我胸口疼该看哪个科'],
    ['孩子抽搐挂什么科', '孩子发烧抽搐去哪个科', '手指切断挂什么科', '误吞电池挂什么科'],
    ['昏迷挂什么科', '割腕去哪个科', '血压220挂什么科', '我大出血要等多久'],
    ['流血不止挂什么科', '大出血挂哪个科', '想自杀挂什么科', '有过敏史的我喉咙肿了'],
    ['以前没这样过胸口疼', '我胸口疼以前没有过', '我有冠心病史胸口疼', '我来探望病人胸口疼'],
    ['chest pain which department', 'my mother is having a stroke which doctor'],
    ['my father is having a heart attack which department', 'a visitor has fainted'],
    ['how long do I wait I have chest pain', 'how long does it take my father is unconscious'],
    ['I have a history of heart disease and my chest hurts'],
    ["I don't want to wait, I want to die", "I don't want to wait, but I want to die"],
    ["I don't want to eat, I want to die", "I don't want medicine, I want to kill myself"],
    ["I don't want help, I want to kill myself", '不用管我了，我要死了', '我不想吃药，我想死'],
  ])('%s …', async (...texts) => {
    const heard = await Promise.all(
      texts.map(async (text) => `${text}: ${said((await ask(text)).intent)}`),
    )
    expect(heard.filter((one) => !isAlarm(one.split(': ')[1] ?? ''))).toEqual([])
  })
})

describe('first aid is told in its own words', () => {
  it.each([
    ['被开水烫了', /流动的凉水冲.*不要涂/, /压住/],
    ['我的宝宝噎住了', /不满一岁.*拍背5次.*胸部5次.*孕妇/, /开水/],
    ['癫痫发作了', /不要按住.*嘴里不要塞.*侧躺/, /腹部/],
    ['煤气中毒了', /新鲜空气.*不要开关电器/, /包装/],
    ['被蛇咬了', /不要用嘴吸/, /包装/],
    ['my baby is choking', /under one year gets no abdominal thrusts/, /packet/],
    ['I burned my hand with boiling water', /running water for 20 minutes/, /Press a clean cloth/],
  ])('%s', async (text, says, saysNot) => {
    const answer = await ask(text)
    expect(answer.text).toMatch(says)
    expect(answer.text).not.toMatch(saysNot)
  })
})

describe('who asks in the ward or for a door', () => {
  it.each([
    ['妇儿楼晚上几点关门', /产科急诊和儿科急诊24小时/],
    ['内科在几楼', /咨询台/],
    ['输液能调快一点吗', /不要自己调/],
    ['喝了酒能打头孢吗', /先告诉医生护士/],
    ['where is surgery', /Which department|information desk/],
    ['When can I be discharged', /Your doctor decides/],
    ['I have a fever, where should I go?', /fever clinic/],
  ])('%s', async (text, says) => expect((await ask(text)).text).toMatch(says))

  it.each(['尿袋满了', '镇痛泵响了', '打针的地方鼓包了', 'my IV site is swollen'])(
    'and needs a hand gets a nurse: %s',
    async (text) => expect(said((await ask(text)).intent)).toBe('call.nurse'),
  )
})
