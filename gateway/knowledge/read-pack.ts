/** Reads a pack folder: every file against its schema, every problem with file and line. */
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Static, TSchema } from '@sinclair/typebox'
import { Value, type ValueError } from '@sinclair/typebox/value'
import { type Alias, type Document, LineCounter, parseDocument, visit } from 'yaml'
import { GatewayError } from '../errors.ts'
import { wordingOf } from '../schema-wording.ts'
import { checkPack } from './check-pack.ts'
import {
  FactsFile,
  IntentsFile,
  ListFile,
  type Pack,
  type PackIntent,
  PackManifest,
  TestsFile,
} from './pack-schema.ts'

/** A pack is edited by hand; a larger file is a mistake. */
const MAX_FILE_BYTES = 4 * 1024 * 1024
/** More than this many problems help nobody; the first ones are the cause. */
const MAX_PROBLEMS = 100
/** A file of this size written by hand repeats nothing more often; a small one could unfold to gigabytes. */
const MAX_ALIASES = 100

export interface PackProblem {
  /** Path inside the pack folder. */
  readonly file: string
  /** From 1; absent when the problem is not at one line. */
  readonly line?: number
  readonly message: string
}

export type ReadPack =
  | { readonly ok: true; readonly pack: Pack; readonly warnings: readonly PackProblem[] }
  | { readonly ok: false; readonly problems: readonly PackProblem[] }

/** Where an intent, list or test was read from, for messages. */
export type Locate = (file: string, path: readonly (string | number)[]) => PackProblem['line']

/** The pack in this folder; throws `pack.invalid` with every problem, by file and line. */
export function readValidPack(dir: string): Pack {
  const read = readPack(dir)
  if (read.ok) return read.pack
  const listed = read.problems.map(
    ({ file, line, message }) => `${line === undefined ? file : `${file}:${line}`} ${message}`,
  )
  throw new GatewayError('pack.invalid', { detail: listed.join('; ') })
}

/** Reads and checks the whole folder; never throws for what a person wrote. */
export function readPack(dir: string): ReadPack {
  const reader = new PackReader(dir)
  const manifest = reader.file('pack.yaml', PackManifest)
  const facts = existsSync(join(dir, 'facts.yaml'))
    ? reader.file('facts.yaml', FactsFile)
    : undefined
  const intentFiles = reader.folder('intents', IntentsFile)
  const listFiles = reader.folder('lists', ListFile)
  const testFiles = reader.folder('tests', TestsFile)
  if (manifest && intentFiles.length === 0 && reader.problems.length === 0) {
    reader.problems.push({ file: 'intents/', message: 'the pack has no intents' })
  }
  if (!manifest || reader.problems.length > 0) {
    return { ok: false, problems: reader.problems.slice(0, MAX_PROBLEMS) }
  }
  const pack: Pack = {
    manifest,
    facts: facts?.facts ?? {},
    intents: intentFiles.flatMap((file): PackIntent[] => file.value.intents),
    rules: Object.assign({}, ...intentFiles.map((file) => file.value.rules ?? {})),
    outOfScope: {
      zh: intentFiles.flatMap((file) => file.value.outOfScope?.zh ?? []),
      en: intentFiles.flatMap((file) => file.value.outOfScope?.en ?? []),
    },
    lists: new Map(listFiles.map((file) => [file.value.list, file.value])),
    tests: testFiles.flatMap((file) => file.value.tests),
    digest: reader.digest(),
  }
  const found = checkPack(pack, { intentFiles, listFiles, testFiles }, reader.locate)
  if (found.errors.length > 0) return { ok: false, problems: found.errors.slice(0, MAX_PROBLEMS) }
  return { ok: true, pack, warnings: found.warnings }
}

export interface ReadFile<T> {
  readonly file: string
  readonly value: T
}

class PackReader {
  readonly problems: PackProblem[] = []
  readonly #dir: string
  readonly #hash = createHash('sha256')
  readonly #documents = new Map<string, { document: Document; lines: LineCounter }>()

  constructor(dir: string) {
    this.#dir = dir
  }

  digest(): string {
    return this.#hash.digest('hex')
  }

  folder<S extends TSchema>(name: string, schema: S): ReadFile<Static<S>>[] {
    const dir = join(this.#dir, name)
    if (!existsSync(dir)) return []
    let files: string[]
    try {
      files = readdirSync(dir)
    } catch (error) {
      this.#fail(`${name}/`, undefined, `the folder cannot be read (${codeOf(error)})`)
      return []
    }
    return files
      .filter((file) => /\.ya?ml$/.test(file))
      .sort()
      .flatMap((file) => {
        const value = this.file(`${name}/${file}`, schema)
        return value === undefined ? [] : [{ file: `${name}/${file}`, value }]
      })
  }

  file<S extends TSchema>(name: string, schema: S): Static<S> | undefined {
    const path = join(this.#dir, name)
    let text: string
    try {
      if (statSync(path).size > MAX_FILE_BYTES) {
        return this.#fail(name, undefined, 'the file is larger than 4 MiB')
      }
      text = new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(path))
    } catch (error) {
      const code = codeOf(error)
      if (code === 'ENOENT') return this.#fail(name, undefined, 'the file is missing')
      const isEncoding = code === 'ERR_ENCODING_INVALID_ENCODED_DATA'
      return this.#fail(
        name,
        undefined,
        isEncoding ? 'the file is not UTF-8' : `the file cannot be read (${code})`,
      )
    }
    this.#hash.update(`${name}\0${text}\0`)
    return this.#parse(name, text, schema)
  }

  #parse<S extends TSchema>(name: string, text: string, schema: S): Static<S> | undefined {
    const lines = new LineCounter()
    const document = parseDocument(text, { lineCounter: lines })
    this.#documents.set(name, { document, lines })
    // A warning is a tag of nothing: a text that begins with "!" would lose its first word.
    const broken = document.errors[0] ?? document.warnings[0]
    if (broken) {
      const [message = ''] = broken.message.split(/ at line \d+, column \d+/)
      return this.#fail(name, lines.linePos(broken.pos[0]).line, message)
    }
    const loose = looseAlias(document)
    if (loose) {
      const line = loose.range ? lines.linePos(loose.range[0]).line : undefined
      const message = `"*${loose.source}" names nothing; a text that begins with "*" needs quotes`
      return this.#fail(name, line, message)
    }
    let value: unknown
    try {
      value = document.toJS({ maxAliasCount: MAX_ALIASES })
    } catch {
      return this.#fail(name, undefined, `the file has more than ${MAX_ALIASES} aliases`)
    }
    for (const error of Value.Errors(schema, value)) {
      const path = error.path
        .split('/')
        .slice(1)
        .map((step) => (/^\d+$/.test(step) ? Number(step) : step))
      this.#fail(
        name,
        this.locate(name, path),
        `${path.join('.') || 'file'}: ${wordingOf(error)}${unquoted(error)}`,
      )
      if (this.problems.length >= MAX_PROBLEMS) break
    }
    return this.problems.some((problem) => problem.file === name) ? undefined : (value as Static<S>)
  }

  readonly locate: Locate = (file, path) => {
    const read = this.#documents.get(file)
    for (let depth = path.length; read && depth >= 0; depth--) {
      const node: unknown = read.document.getIn(path.slice(0, depth), true)
      if (
        typeof node === 'object' &&
        node !== null &&
        'range' in node &&
        Array.isArray(node.range)
      ) {
        return read.lines.linePos(Number(node.range[0])).line
      }
    }
    return undefined
  }

  #fail(file: string, line: number | undefined, message: string): undefined {
    this.problems.push({ file, message, ...(line === undefined ? {} : { line }) })
    return undefined
  }
}

/** YAML reads 1.0 as a number and true as a truth: what is meant as text needs quotes. */
const unquoted = ({ schema, value }: ValueError): string =>
  schema.type === 'string' && (typeof value === 'number' || typeof value === 'boolean')
    ? `, and YAML reads this as a ${typeof value}; put the value in quotes`
    : ''

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error ? String(error.code) : 'unknown'

/** An alias whose anchor there is not before it. */
function looseAlias(document: Document): Alias | undefined {
  let loose: Alias | undefined
  visit(document, {
    Alias(_, alias) {
      if (alias.resolve(document)) return undefined
      loose = alias
      return visit.BREAK
    },
  })
  return loose
}
