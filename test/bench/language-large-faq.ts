/**
 * An FAQ of 100,000 entries made from templates: training, and memory and time of asking. Run by
 * language.ts; as a program of its own it asks the model that `FAQ_MODEL` names.
 */
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { mishear } from '../../gateway/language/augment.ts'
import { seededRandom } from '../../gateway/language/random.ts'
import { type LabelledText, openTask, trainTask } from '../../gateway/language/task-model.ts'
import { accuracy, cpuOf, report, SEED, timesOf } from './language-measure.ts'
import { scratchFolder } from './support.ts'

const LARGE_FAQ = 100_000

/** 100,000 different questions of the kinds that service desks get. */
function largeFaq(): LabelledText[] {
  const who = [
    '老人',
    '孩子',
    '孕妇',
    '外地人',
    '学生',
    '军人',
    '残疾人',
    '职工',
    '退休人员',
    '新生儿',
  ]
  const what = [
    '医保卡',
    '就诊卡',
    '存折',
    '信用卡',
    '会员卡',
    '发票',
    '报告单',
    '居住证',
    '护照',
    '押金条',
    '病历',
    '处方',
    '保单',
    '借书证',
    '校园卡',
    '停车证',
    '出院证',
    '检查单',
    '疫苗本',
    '体检表',
  ]
  const verb = ['补办', '激活', '注销', '挂失', '查询', '打印', '邮寄', '续期', '修改', '绑定']
  const ask = ['怎么', '在哪里', '需要什么材料才能', '多少钱可以', '几天能']
  const where = ['自助机', '窗口', '网上', '手机', '电话', '社区', '总部', '分院', '夜间', '周末']
  const rows: LabelledText[] = []
  for (const a of who)
    for (const b of what)
      for (const c of verb)
        for (const d of ask)
          for (const e of where) {
            rows.push({ text: `${a}${e}${d}${c}${b}`, label: `q${rows.length}` })
            if (rows.length === LARGE_FAQ) return rows
          }
  return rows
}

/** Trains here and asks in a process of its own, whose memory is the model's and nothing else's. */
export async function measureLargeFaq(): Promise<void> {
  const [bytes, trainCpuSeconds] = await cpuOf(() =>
    trainTask(largeFaq(), { task: 'faq', seed: SEED }),
  )
  const file = join(scratchFolder(), 'faq.kflm')
  writeFileSync(file, bytes)
  const options = [...process.execArgv, import.meta.filename]
  const asked = execFileSync(process.execPath, options, {
    env: { ...process.env, FAQ_MODEL: file },
    encoding: 'utf8',
  })
  report({
    engine: 'kefu-edge',
    data: 'faq of 100,000',
    trainCpuSeconds,
    modelMb: bytes.length / 1e6,
    ...(JSON.parse(asked) as object),
  })
}

async function askLargeFaq(file: string): Promise<void> {
  const before = process.memoryUsage().rss
  const [model, loadCpuSeconds] = await cpuOf(() => openTask(readFileSync(file)))
  const rows = largeFaq()
  const random = seededRandom(SEED)
  const asked = Array.from(
    { length: 2000 },
    () => rows[Math.floor(random() * rows.length)] ?? { text: '', label: '' },
  )
  const texts = asked.map(({ text }) => mishear(`请问${text}呢`, random, 0.08))
  const times = await timesOf(texts, (text) => model.predict(text))
  const got = texts.map((text) => model.predict(text).top[0]?.label ?? '')
  const rssMb = (process.memoryUsage().rss - before) / 1e6
  report({ loadCpuSeconds, rssMb, ...times, accuracy: accuracy(asked, got) })
}

if (process.env.FAQ_MODEL) await askLargeFaq(process.env.FAQ_MODEL)
