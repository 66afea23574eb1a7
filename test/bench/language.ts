/**
 * npm run bench:language: training, model size, time to answer and memory of the question engine beside
 * nlp.js in the same run, on the shipped packs; then an FAQ of 100,000 entries (language-large-faq.ts).
 *
 *   DATA=DIR npm run bench:language    adds every NAME.train.tsv / NAME.dev.tsv of a folder (text, label)
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { columnAt, parseTsv } from '../../gateway/cli/tsv.ts'
import { readValidPack } from '../../gateway/knowledge/read-pack.ts'
import { hesitate, mishear, rephrase } from '../../gateway/language/augment.ts'
import { createLanguageModule, trainPack } from '../../gateway/language/engine.ts'
import { seededRandom } from '../../gateway/language/random.ts'
import {
  type LabelledText,
  openTask,
  type Task,
  trainTask,
} from '../../gateway/language/task-model.ts'
import { measureLargeFaq } from './language-large-faq.ts'
import { accuracy, cpuOf, report, SEED, timesOf } from './language-measure.ts'
import { installPeer, machine, ROOT } from './support.ts'

const PEER = [
  '@nlpjs/core@4.26.1',
  '@nlpjs/nlp@4.27.0',
  '@nlpjs/lang-zh@4.26.1',
  '@nlpjs/lang-en@4.26.1',
]
const LARGE_TRAINING = 15_000

interface Data {
  readonly name: string
  readonly task: Task
  readonly train: readonly LabelledText[]
  readonly test: readonly LabelledText[]
}

function packData(): Data {
  const { intents, tests } = readValidPack(join(ROOT, 'gateway/packs/hospital'))
  const rows = intents.flatMap(({ intent, questions }) =>
    [...(questions.zh ?? []), ...(questions.en ?? [])].map((text) => ({ text, label: intent })),
  )
  const test = tests.flatMap(({ text, intent }) => (intent ? [{ text, label: intent }] : []))
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
  const pack = readValidPack(join(ROOT, 'gateway/packs/hospital'))
  const [bytes, trainCpuSeconds] = await cpuOf(() => trainPack(pack, { seed: SEED }))
  globalThis.gc?.()
  const before = process.memoryUsage().rss
  const [engine, loadCpuSeconds] = await cpuOf(() => {
    const language = createLanguageModule({ now: Date.now })
    return language.join([language.load(pack, bytes)])
  })
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

await measureAll()
