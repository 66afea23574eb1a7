import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { readValidPack } from '../../../gateway/knowledge/read-pack.ts'
import { maskText } from '../../../gateway/ledger/masking.ts'

const PACKS = join(import.meta.dirname, '../../../gateway/packs')

describe('a person who is named in passing is masked', () => {
  test.each([
    ['我是王小明，预约明天的号', '我是王**，预约明天的号'],
    ['你好我是李建国我想取报告', '你好我是李**我想取报告'],
    ['我的名字是王小明', '我的名字是王**'],
    ['姓名王小明', '姓名王**'],
    ['我叫王小明想挂号', '我叫王**想挂号'],
    ['患者王小明的报告出来了吗', '患者王**的报告出来了吗'],
    ['患者：张伟', '患者：张*'],
    ['客户何建国来办卡', '客户何**来办卡'],
    ['我女儿叫王小红', '我女儿叫王**'],
    ['孩子叫欧阳小红今年三岁', '孩子叫欧阳**今年三岁'],
    ['我儿子张小虎发烧了', '我儿子张**发烧了'],
    ['帮我查一下李建国的化验单', '帮我查一下李**的化验单'],
    ['李建国住哪个病房', '李**住哪个病房'],
    ['请问王芳在几床', '请问王*在几床'],
  ])('%s', (text, masked) => {
    expect(maskText(text)).toBe(masked)
  })

  test.each([
    ['患者李建国3床要换药', '患者李**3床要换药'],
    ['病人王小明12床呼叫', '病人王**12床呼叫'],
    ['我叫李建国65岁', '我叫李**65岁'],
    ['我女儿叫王小红5岁发烧', '我女儿叫王**5岁发烧'],
    ['我叫李建国13812345678', '我叫李**138****5678'],
    ['我叫李建国（3床）', '我叫李**（3床）'],
    ['我叫“李建国”', '我叫“李**”'],
    ['患者（李建国）', '患者（李**）'],
    ['我叫李建国/男', '我叫李**/男'],
    ['我是李建国65岁', '我是李**65岁'],
    ['患者李建国胸痛', '患者李**胸痛'],
    ['客户李建国卡丢了', '客户李**卡丢了'],
    ['我儿子张小虎咳嗽', '我儿子张**咳嗽'],
    ['姓名张三号码多少', '姓名张*号码多少'],
    ['3床李建国要换药', '3床李**要换药'],
    ['12床的王小明呼叫', '12床的王**呼叫'],
    ['李建国3床要换药', '李**3床要换药'],
    ['李建国 13812345678 本人要求删除', '李** 138****5678 本人要求删除'],
  ])('whatever follows: %s', (text, masked) => {
    expect(maskText(text)).toBe(masked)
  })

  test.each([
    ['联系人：王芳', '联系人：王*'],
    ['联系人 王芳 13812345678', '联系人 王* 138****5678'],
    ['监护人王芳', '监护人王*'],
    ['收件人李建国', '收件人李**'],
    ['家长姓名王芳', '家长姓名王*'],
    ['本人李小明', '本人李**'],
    ['我太太王芳', '我太太王*'],
    ['我先生李建国住院了', '我先生李**住院了'],
    ['我婆婆刘桂兰', '我婆婆刘**'],
    ['岳父张国强', '岳父张**'],
    ['我二舅李强想挂号', '我二舅李*想挂号'],
    ['我姓王，叫王小明', '我姓王，叫王**'],
    ['我姓王名小明', '我姓王名**'],
    ['我姓王名叫小明', '我姓王名叫**'],
  ])('by the label of a form, as kin, or with the family name first: %s', (text, masked) => {
    expect(maskText(text)).toBe(masked)
  })

  test.each([
    '我是糖尿病',
    '我是高血压',
    '我是骨科的',
    '我是江苏的',
    '我是常德人',
    '我是王医生',
    '我叫车',
    '患者家属在哪等',
    '患者康复了吗',
    '病人方便吗',
    '病人常咳嗽',
    '病人钱不够',
    '家属马上来',
    '孩子高烧不退',
    '孩子黄疸在哪看',
    '孙女发烧了',
    '高血压的检查',
    '周三的号还有吗',
    '张主任的号还有吗',
    '查一下石膏的费用',
    '我姓王，叫车',
    '我姓王，叫李护士来',
    '我姓王，叫号到几号了',
    '我姓王名额还有吗',
    '王先生方便吗',
    '这位先生高烧不退',
    '太太马上生了',
    '婆婆黄疸在哪看',
    '岳父白内障手术',
    '阿姨白天在吗',
    '联系人电话写谁的',
    '持卡人余额查询',
    '本人方可办理',
    '本人常住上海',
    '申请人许可证在哪办',
    '监护人何时能探视',
  ])('leaves alone: %s', (text) => {
    expect(maskText(text)).toBe(text)
  })
})

test('an identity number with one digit misheard is masked, by its name or by its date of birth', () => {
  expect(
    [
      '身份证号110105194912310021',
      '身份证号码是11010519491231002',
      '身份证号一一零一零五一九四九一二三一零零二一',
      '110105194912310021',
    ].map(maskText),
  ).toEqual([
    '身份证号110***********0021',
    '身份证号码是110**********1002',
    '身份证号********',
    '110***********0021',
  ])
  for (const text of ['身份证丢了怎么办', '身份证后六位123456', '身份证复印件2份']) {
    expect(maskText(text)).toBe(text)
  }
})

test('ordinary sentences of a counter or a ward are not masked, though a family name stands where a name could', () => {
  const ordinary = [
    '我叫你了',
    '我叫你们过来',
    '我叫号机在哪',
    '我叫护士来一下',
    '我叫车去医院',
    '我叫不醒他',
    '我叫张医生来',
    '我叫过主任了',
    '他叫什么',
    '孩子叫不醒',
    '老人叫唤了一夜',
    '患者王子医院在哪',
    '患者张口困难',
    '患者张大嘴疼',
    '患者高热39度',
    '患者高钾怎么办',
    '患者黄染3天',
    '患者白细胞12',
    '患者白痰2天',
    '患者黄痰3天',
    '患者任意门诊都可以挂吗',
    '患者康复科在3楼',
    '患者金葡菌感染',
    '患者安静2小时',
    '患者（男）',
    '患者“高血压”',
    '患者：高血压3年',
    '患者高尿酸5年',
    '患者严重吗',
    '患者何时出院',
    '患者谢绝探视',
    '患者陈述病情',
    '患者常规检查',
    '患者戴腕带了吗',
    '患者于昨日入院',
    '患者曾做过手术',
    '病人方便饭在哪打',
    '病人马上3床',
    '病人马桶坏了',
    '病人万一摔倒',
    '病人钱取不出来',
    '病人毛毯在哪领',
    '病人叶酸还吃吗',
    '病人石膏3周能拆吗',
    '病人余热未退',
    '病人家属在2楼等',
    '家属马上到',
    '家属许可书在哪签',
    '家属贺卡放哪',
    '产妇汤药怎么热',
    '产妇黄体酮200毫克',
    '孩子高烧39度',
    '孩子毛巾掉了',
    '孩子龙眼能吃吗',
    '孩子罗圈腿怎么矫正',
    '宝宝黄疸12',
    '宝宝白天不睡',
    '小孩方便面吃多了',
    '儿子高三2班',
    '女儿高中3年级',
    '老人康复训练',
    '妈妈胡萝卜汁能喝吗',
    '客户金卡2张',
    '客户余额500元',
    '客户钱转错了',
    '客户万能险',
    '客户高端理财',
    '客户何时到账',
    '客户方便的时候',
    '储户钱存了3年',
    '会员卡5折',
    '会员白金卡',
    '顾客马上到',
    '学生周一3班',
    '学生文具',
    '学生程序设计',
    '家长周末2点',
    '家长许可',
    '我是高血压3年',
    '我是白内障（左眼）',
    '我是周三3点的号',
    '我是金卡（年费200）',
    '这是马上3点了',
    '他是江苏3区的',
    '李医生3诊室在哪',
    '张主任周三的号',
    '周三3床出院',
    '3床要换药',
    '3床高烧',
    '5床石膏松了',
    '12床黄疸',
    '3床张医生来了',
    '7床方便面',
    '3床白细胞高',
    '2床万古霉素完了',
    '6床金属过敏',
    '8床于昨日入院',
  ]
  expect(ordinary.filter((text) => maskText(text) !== text)).toEqual([])
})

test('no question that a shipped pack knows is masked, whatever it is about', () => {
  const questions = readdirSync(PACKS, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .flatMap(({ name }) => questionsOf(join(PACKS, name)))
  expect(questions.length).toBeGreaterThan(5_000)
  expect(questions.filter((question) => maskText(question) !== question)).toEqual([])
})

/** What the pack is asked, what it must not answer, and each thing of its lists where a name could stand. */
function questionsOf(dir: string): string[] {
  const { intents, outOfScope, tests, lists } = readValidPack(dir)
  const things = [...lists.values()].flatMap(({ values }) =>
    values.flatMap(({ value, synonyms = [] }) => [value, ...synonyms]),
  )
  return [
    ...[...intents.map(({ questions }) => questions), outOfScope ?? {}].flatMap(
      ({ zh = [], en = [] }) => [...zh, ...en],
    ),
    ...tests.flatMap(({ text }) => text),
    ...things.flatMap((thing) => [
      `我是${thing}的`,
      `患者${thing}`,
      `孩子${thing}怎么办`,
      `查一下${thing}的报告`,
      `${thing}在几楼`,
    ]),
  ]
}
