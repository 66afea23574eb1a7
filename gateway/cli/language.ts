/** `kefu-edge language train|predict|evaluate`: models from tables, judged on tables. */
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { LanguageModelError } from '../language/model-error.ts'
import { OUT_OF_SCOPE } from '../language/question-model.ts'
import {
  distinct,
  FEW_ROWS,
  type LabelledText,
  openTask,
  type Task,
  type TaskModel,
  trainTask,
} from '../language/task-model.ts'
import { type Command, type CommandOptions, EVERY } from './command.ts'
import { type ExitCode, type Io, UsageError } from './io.ts'
import { describeScore } from './language-report.ts'
import { type Scored, scorePredictions } from './language-score.ts'
import { columnAt, parseTsv, type Table, TsvError } from './tsv.ts'

const HELP = `kefu-edge language: train and judge the question engine on your own tables

  train    --task classify|faq --in TRAIN.tsv --model DIR [--text COLUMN] [--label COLUMN] [--seed N]
  predict  --model DIR --in FILE.tsv --out PRED.tsv [--text COLUMN] [--top N]
  evaluate --model DIR --in FILE.tsv [--text COLUMN] [--label COLUMN]

Tables are UTF-8, tab-separated, with a header line. Columns default to "text" and "label"; "id" names a row.
classify: many examples a label; rows labelled "oos" teach what to refuse. faq: one or two questions an answer.
predict writes id, label ("oos" when refused), confidence and the best N labels with scores.
Exit codes: 0 done, 1 found wrong, 2 used wrong.`

const MODEL_FILE = 'model.kflm'
const META_FILE = 'model.json'
const DEFAULT_SEED = 1
const MAX_TOP = 20

const OPTIONS = {
  // A model lies outside every data folder.
  ...EVERY,
  task: { type: 'string' },
  in: { type: 'string' },
  out: { type: 'string' },
  model: { type: 'string' },
  text: { type: 'string', default: 'text' },
  label: { type: 'string', default: 'label' },
  seed: { type: 'string' },
  top: { type: 'string' },
} as const

type Options = CommandOptions<typeof OPTIONS>

export const language: Command<typeof OPTIONS> = {
  options: OPTIONS,
  help: HELP,
  async run(options) {
    try {
      return run(options)
    } catch (error) {
      const isKnown = error instanceof TsvError || error instanceof LanguageModelError
      if (!isKnown && !isFileError(error)) throw error
      options.io.stderr(isKnown ? error.message : describeFileError(error))
      return 1
    }
  },
}

const usedWrong = (problem: string) => new UsageError(`${problem}\n\n${HELP}`)

const isFileError = (error: unknown): error is NodeJS.ErrnoException =>
  error instanceof Error && 'syscall' in error && 'code' in error

const FILE_PROBLEMS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file, or no such folder to write it to; check the path',
  EEXIST: 'this is a file where a folder is needed; name another one',
  ENOTDIR: 'a part of this path is a file where a folder is needed; name another one',
  EISDIR: 'this is a folder where a file is needed',
  EACCES: 'no permission to read or write here',
}

function describeFileError({ code = '', path, message }: NodeJS.ErrnoException): string {
  if (path === undefined || FILE_PROBLEMS[code] === undefined) return message
  const isNoModel = code === 'ENOENT' && basename(path) === MODEL_FILE
  const problem = isNoModel ? 'no model was trained into this folder' : FILE_PROBLEMS[code]
  return `${path}: ${problem}`
}

function run({ words: [verb, ...rest], values, io }: Options): ExitCode {
  if (verb === 'help') {
    io.stdout(HELP)
    return 0
  }
  if (rest.length > 0) throw usedWrong(`"${rest[0]}" is not expected here`)
  const need = (name: 'in' | 'out' | 'model' | 'task'): string => {
    const value = values[name]
    if (value === undefined || value === '') throw usedWrong(`--${name} is missing`)
    return value
  }
  const columns = { text: values.text, label: values.label }
  switch (verb) {
    case 'train': {
      const task = need('task')
      if (task !== 'classify' && task !== 'faq') {
        throw usedWrong(`--task is "${task}", but must be classify or faq`)
      }
      const seed = wholeNumber('seed', values.seed, DEFAULT_SEED, 0, 0xffffffff)
      return train(task, need('in'), need('model'), columns, seed, io)
    }
    case 'predict': {
      const top = wholeNumber('top', values.top, 3, 1, MAX_TOP)
      return predict(need('model'), need('in'), need('out'), columns.text, top, io)
    }
    case 'evaluate':
      return evaluate(need('model'), need('in'), columns, io)
    default:
      throw usedWrong(verb === undefined ? 'say what to do' : `there is no "language ${verb}"`)
  }
}

function wholeNumber(
  name: string,
  given: string | undefined,
  otherwise: number,
  least: number,
  most: number,
): number {
  if (given === undefined) return otherwise
  const value = Number(given)
  if (Number.isInteger(value) && value >= least && value <= most) return value
  throw usedWrong(`--${name} is "${given}", but must be a whole number from ${least} to ${most}`)
}

interface Columns {
  readonly text: string
  readonly label: string
}

function train(
  task: Task,
  input: string,
  dir: string,
  columns: Columns,
  seed: number,
  io: Io,
): ExitCode {
  const table = parseTsv(input, readFileSync(input))
  const rows = labelledTexts(table, columns)
  mkdirSync(dir, { recursive: true })
  const started = process.cpuUsage()
  const model = trainTask(rows, { task, seed, onProgress: (share) => showProgress(io, share) })
  const { user, system } = process.cpuUsage(started)
  const meta = {
    task,
    examples: rows.length,
    labels: new Set(rows.map(({ label }) => label)).size,
    seed,
    bytes: model.length,
  }
  writeFileSync(join(dir, MODEL_FILE), model)
  writeFileSync(join(dir, META_FILE), `${JSON.stringify(meta, null, 2)}\n`)
  io.stdout(JSON.stringify({ ...meta, cpuSeconds: Math.round((user + system) / 1e4) / 100 }))
  warnOfFew(distinct(rows).length, io)
  if (task === 'classify') warnOfNothingToRefuse(rows, io)
  return 0
}

function warnOfFew(texts: number, io: Io): void {
  if (texts >= FEW_ROWS) return
  io.stderr(
    `${texts} different texts are few: below ${FEW_ROWS} they hardly tell what to refuse. Add ways of asking, and judge the model on others with "language evaluate"`,
  )
}

/** A table of questions and answers needs none: to each answer the questions of the others are foreign. */
function warnOfNothingToRefuse(rows: readonly LabelledText[], io: Io): void {
  if (rows.some(({ label }) => label === OUT_OF_SCOPE)) return
  io.stderr(
    'no row is labelled "oos": hardly anything will be refused. Where people will ask other things too, add some of these as rows labelled oos, and train again',
  )
}

function showProgress(io: Io, share: number): void {
  const width = 30
  const full = Math.round(share * width)
  const bar = '█'.repeat(full) + '░'.repeat(width - full)
  io.progress(`training ${bar} ${Math.round(share * 100)} %${share >= 1 ? '\n' : ''}`)
}

/** Rows to train on. A row without text teaches nothing and is left out. */
function labelledTexts(table: Table, columns: Columns): LabelledText[] {
  const textAt = columnAt(table, columns.text)
  const labelAt = columnAt(table, columns.label)
  const rows = table.rows.flatMap(({ line, fields }) => {
    const text = fields[textAt] ?? ''
    const label = labelOf(table, { line, fields }, labelAt)
    if (label.includes('|')) {
      throw new TsvError(
        table.file,
        line,
        `the label "${label}" holds a |, which parts labels in "top"`,
      )
    }
    return text.trim() === '' ? [] : [{ text, label }]
  })
  const labels = new Set(rows.map(({ label }) => label))
  if (labels.size < 2) {
    throw new TsvError(
      table.file,
      2,
      `at least two labels are needed, but there are ${labels.size}`,
    )
  }
  return rows
}

/** Throws {@link TsvError} where it is empty: what is out of scope is labelled `oos`. */
function labelOf(table: Table, row: Table['rows'][number], labelAt: number): string {
  const label = (row.fields[labelAt] ?? '').trim()
  if (label !== '') return label
  const problem = `the column "${table.columns[labelAt]}" is empty; out of scope is oos`
  throw new TsvError(table.file, row.line, problem)
}

function openModel(dir: string): TaskModel {
  return openTask(readFileSync(join(dir, MODEL_FILE)))
}

/** Two names of one file are one file. */
function isSameFile(one: string, other: string): boolean {
  if (!existsSync(one) || !existsSync(other)) return false
  const [a, b] = [statSync(one), statSync(other)]
  return a.dev === b.dev && a.ino === b.ino
}

function predict(
  dir: string,
  input: string,
  output: string,
  textColumn: string,
  top: number,
  io: Io,
): ExitCode {
  if (isSameFile(input, output)) {
    throw usedWrong(`--in and --out are the same file "${input}"; name another one to write to`)
  }
  const model = openModel(dir)
  const table = parseTsv(input, readFileSync(input))
  const textAt = columnAt(table, textColumn)
  const idAt = table.columns.indexOf('id')
  const lines = table.rows.map(({ fields }, row) => {
    const { label, confidence, top: best } = model.predict(fields[textAt] ?? '', top)
    const scores = best.map((one) => `${one.label}:${one.score.toFixed(4)}`).join('|')
    const id = idAt < 0 ? String(row + 1) : (fields[idAt] ?? '')
    return [id, label, confidence.toFixed(6), scores].join('\t')
  })
  writeFileSync(output, `${['id\tlabel\tconfidence\ttop', ...lines].join('\n')}\n`)
  io.stdout(JSON.stringify({ rows: lines.length, out: output }))
  return 0
}

function evaluate(dir: string, input: string, columns: Columns, io: Io): ExitCode {
  const model = openModel(dir)
  const table = parseTsv(input, readFileSync(input))
  const textAt = columnAt(table, columns.text)
  const labelAt = columnAt(table, columns.label)
  const wanted = table.rows.map((row) => ({ ...row, want: labelOf(table, row, labelAt) }))
  const rows = wanted.map(({ fields, want }): Scored => {
    const { label, confidence } = model.predict(fields[textAt] ?? '', 1)
    return { want, got: label, confidence }
  })
  const score = scorePredictions(rows)
  io.stdout(JSON.stringify(score, rounded))
  if (io.isTty) io.write(describeScore(score, rows))
  return 0
}

const rounded = (_key: string, value: unknown): unknown =>
  typeof value === 'number' ? Math.round(value * 1e4) / 1e4 : value
