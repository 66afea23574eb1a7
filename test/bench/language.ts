/**
 * npm run bench:language: training, model size, time to answer and memory of the question engine beside
 * nlp.js in the same run, on the shipped packs; then an FAQ of 100,000 entries made from templates.
 *
 *   DATA=DIR npm run bench:language    adds every NAME.train.tsv / NAME.dev.tsv of a folder (text, label)
 */
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { columnAt, parseTsv } from '../../gateway/cli/tsv.ts'
import { readPack } from '../../gateway/knowledge/read-pack.ts'
import { hesitate, mishear, rephrase } from '../../gateway/language/augment.ts'
import { loadEngine, trainPacks } from '../../gateway/language/engine.ts'
import { seededRandom } from '../../gateway/language/random.ts'
import {
  type LabelledText,
  openTask,
  type Task,
  trainTask,
} from '../../gateway/language/task-model.ts'
import { installPeer, machine, ROOT, scratchFolder } from './support.ts'

const SEED = 1
const PEER = [
  '@nlpjs/core@4.26.1',
  '@nlpjs/nlp@4.27.0',
  '@nlpjs/lang-zh@4.26.1',
  '@nlpjs/lang-en@4.26.1',
]
const LARGE_TRAINING = 15_000
const LARGE_FAQ = 100_000

/** CPU seconds (user and system) of `work`: two cores are shared, so wall time says little. */
async function cpuOf<T>(work: () => T | Promise<T>): Promise<readonly [T, number]> {
  const started = process.cpuUsage()
  const value = await work()
  const { user, system } = process.cpuUsage(started)
  return [value, (user + system) / 1e6]
}

async function timesOf(texts: readonly string[], ask: (text: string) => unknown) {
  for (const text of texts.slice(0, 300)) await ask(text)
  const times: number[] = []
  for (const text of texts) {
    // Processor time: on a shared machine wall time measures the neighbours.
    const started = process.cpuUsage()
    await ask(text)
    const { user, system } = process.cpuUsage(started)
    times.push((user + system) / 1000)
  }
  times.sort((a, b) => a - b)
  const at = (share: number): number => times[Math.floor(share * (times.length - 1))] ?? 0
  return { p50Ms: at(0.5), p99Ms: at(0.99) }
}

const report = (line: Record<string, unknown>): void =>
  console.log(
    JSON.stringify(line, (_key, value) =>
      typeof value === 'number' ? Math.round(value * 1000) / 1000 : value,
    ),
  )

interface Data {
  readonly name: string
  readonly task: Task
  readonly train: readonly LabelledText[]
  readonly test: readonly LabelledText[]
}

function packData(): Data {
  const read = readPack(join(ROOT, 'gateway/packs/hospital'))
  if (!('pack' in read)) throw new Error('the hospital pack has errors')
  const rows = read.pack.intents.flatMap(({ intent, questions }) =>
    [...(questions.zh ?? []), ...(questions.en ?? [])].map((text) => ({ text, label: intent })),
  )
  const test = read.pack.tests.flatMap(({ text, intent }) =>
    intent ? [{ text, label: intent }] : [],
  )
  return { name: 'hospital pack', task: 'classify', train: rows, test }
}

/** As many examples as the budget names, from the pack's own and copies of them. */
function enlarge(data: Data): Data {
  const random = seededRandom(SEED)
  const train = [...data.train]
  for (let i = 0; train.length < LARGE_TRAINING; i++) {
    const { text, label } = data.train[i % data.train.length] ?? { text: '', label: '' }
    train.push({ text: hesitate(mishear(rephrase(text, random), random, 0.1), random), label })
  }
  return { ...data, name: `hospital pack, ${LARGE_TRAINING} examples`, train }
}

function folderData(dir: string): Data[] {
  const rows = (file: string): LabelledText[] => {
    const table = parseTsv(file, readFileSync(file))
    const [text, label] = [columnAt(table, 'text'), columnAt(table, 'label')]
    return table.rows.map(({ fields }) => ({
      text: fields[text] ?? '',
      label: fields[label] ?? '',
    }))
  }
  return readdirSync(dir)
    .filter(
      (file) => file.endsWith('.train.tsv') && existsSync(join(dir, file.replace('train', 'dev'))),
    )
    .flatMap((file) => {
      const name = file.replace('.train.tsv', '')
      const head = readFileSync(join(dir, file), 'utf8').split('\n', 1)[0]?.split('\t') ?? []
      if (!head.includes('text') || !head.includes('label')) return []
      const train = rows(join(dir, file))
      const labels = new Set(train.map(({ label }) => label)).size
      const task: Task = train.length / labels < 2 ? 'faq' : 'classify'
      return [{ name, task, train, test: rows(join(dir, `${name}.dev.tsv`)) }]
    })
}

const isOut = (label: string): boolean => label.startsWith('oos')
const accuracy = (test: readonly LabelledText[], got: readonly string[]): number => {
  const inScope = test.flatMap(({ label }, i) => (isOut(label) ? [] : [label === got[i]]))
  return inScope.filter(Boolean).length / Math.max(inScope.length, 1)
}

async function measureOurs(data: Data): Promise<void> {
  const [bytes, trainCpuSeconds] = await cpuOf(() =>
    trainTask(data.train, { task: data.task, seed: SEED }),
  )
  const [model, loadCpuSeconds] = await cpuOf(() => openTask(bytes))
  const texts = data.test.map(({ text }) => text)
  const times = await timesOf(texts, (text) => model.predict(text))
  const got = texts.map((text) => model.predict(text).label)
  report({
    engine: 'kefu-edge',
    data: data.name,
    examples: data.train.length,
    trainCpuSeconds,
    modelMb: bytes.length / 1e6,
    loadCpuSeconds,
    ...times,
    accuracy: accuracy(data.test, got),
  })
}

interface Nlp {
  settings: Record<string, unknown>
  addLanguage(language: string): void
  addDocument(language: string, text: string, label: string): void
  train(): Promise<void>
  process(language: string, text: string): Promise<{ intent: string }>
  export(): string
}

async function measureNlpJs(data: Data): Promise<void> {
  const require = createRequire(join(installPeer('nlpjs', PEER), 'x.js'))
  const { containerBootstrap } = require('@nlpjs/core')
  const container = await containerBootstrap()
  container.use(require('@nlpjs/nlp').Nlp)
  container.use(require('@nlpjs/lang-zh').LangZh)
  container.use(require('@nlpjs/lang-en').LangEn)
  const nlp: Nlp = container.get('nlp')
  Object.assign(nlp.settings, { autoSave: false, log: false })
  const language = /\p{Script=Han}/u.test(data.train[0]?.text ?? '') ? 'zh' : 'en'
  nlp.addLanguage(language)
  for (const { text, label } of data.train) nlp.addDocument(language, text, label)
  const [, trainCpuSeconds] = await cpuOf(() => nlp.train())
  const texts = data.test.map(({ text }) => text)
  const times = await timesOf(texts, (text) => nlp.process(language, text))
  const got: string[] = []
  for (const text of texts) got.push((await nlp.process(language, text)).intent)
  report({
    engine: 'nlp.js',
    data: data.name,
    examples: data.train.length,
    trainCpuSeconds,
    modelMb: nlp.export().length / 1e6,
    ...times,
    accuracy: accuracy(data.test, got),
  })
}

/** The engine as the gateway runs it: templates, exact questions, slots and all. */
async function measureEngine(): Promise<void> {
  const read = readPack(join(ROOT, 'gateway/packs/hospital'))
  if (!('pack' in read)) throw new Error('the hospital pack has errors')
  const { pack } = read
  const [bytes, trainCpuSeconds] = await cpuOf(() => trainPacks([pack], { seed: SEED }))
  globalThis.gc?.()
  const before = process.memoryUsage().rss
  const [engine, loadCpuSeconds] = await cpuOf(() => loadEngine([pack], bytes, Date.now))
  const loadRssMb = (process.memoryUsage().rss - before) / 1e6
  const texts = pack.tests.map(({ text }) => text)
  const times = await timesOf([...texts, ...texts, ...texts], (text) =>
    engine.understand([{ text, confidence: 1 }]),
  )
  report({
    engine: 'kefu-edge',
    data: 'gateway, hospital pack',
    trainCpuSeconds,
    modelMb: bytes.length / 1e6,
    loadCpuSeconds,
    loadRssMb,
    ...times,
  })
}

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
async function measureLargeFaq(): Promise<void> {
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
else await measureAll()

async function measureAll(): Promise<void> {
  console.log(machine())
  await measureEngine()
  const pack = packData()
  const sets = [pack, enlarge(pack), ...(process.env.DATA ? folderData(process.env.DATA) : [])]
  for (const data of sets) {
    await measureOurs(data)
    if (data.task === 'classify' && process.env.PEER !== '0') await measureNlpJs(data)
  }
  await measureLargeFaq()
}
