/** What an operator names, as the content of a release: a pack folder, a JSON file, or a command in words. */
import { randomBytes } from 'node:crypto'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { basename, extname, join } from 'node:path'
import { CloudError } from '../../errors.ts'
import type { ReleaseKind } from '../../protocol/release.ts'
import { usingFile } from './core-access.ts'

export interface NamedContent {
  readonly name: string
  /** The version that people see. */
  readonly label: string
  readonly content: Buffer
}

const PACK_FILES = ['pack.yaml', 'facts.yaml']
const PACK_FOLDERS = ['intents', 'lists', 'tests']
/** Names that every gateway takes, whatever its file system. */
const PORTABLE = /^[A-Za-z0-9_-]{1,64}\.ya?ml$/

/**
 * Throws `release.content` for what no gateway could use; whether a pack's knowledge is sound only
 * `kefu-edge pack validate` and the gateways judge.
 */
export function contentOf(kind: ReleaseKind, words: readonly string[], now: Date): NamedContent {
  const [what = '', ...more] = words
  switch (kind) {
    case 'pack':
      return packContent(what)
    case 'command':
      return commandContent(what, more, now)
    default:
      return fileContent(what, now)
  }
}

function packContent(dir: string): NamedContent {
  const paths = [
    ...PACK_FILES.filter((file) => statSync(join(dir, file), { throwIfNoEntry: false })),
    ...PACK_FOLDERS.flatMap((folder) => yamlFilesOf(dir, folder)),
  ]
  const files = Object.fromEntries(paths.map((path) => [path, textOfFile(join(dir, path))]))
  const manifest = files['pack.yaml'] ?? textOfFile(join(dir, 'pack.yaml'))
  const name = fieldOf(manifest, 'pack')
  const label = fieldOf(manifest, 'version')
  if (name === undefined || label === undefined) {
    throw refused(`${join(dir, 'pack.yaml')}: no line "pack: NAME" or none "version: 1.2.3"`)
  }
  return { name, label, content: Buffer.from(JSON.stringify(files)) }
}

function yamlFilesOf(dir: string, folder: string): string[] {
  if (!statSync(join(dir, folder), { throwIfNoEntry: false })) return []
  const names = usingFile('release.content', join(dir, folder), () =>
    readdirSync(join(dir, folder)),
  )
  const files = names.filter((name) => /\.ya?ml$/.test(name)).sort()
  const odd = files.find((name) => !PORTABLE.test(name))
  if (odd !== undefined) {
    throw refused(`${join(dir, folder, odd)}: the name needs to be of a–z, 0–9, "-" and "_"`)
  }
  return files.map((name) => `${folder}/${name}`)
}

/** A plain line of the manifest: the core reads no more of a pack than its name. */
const fieldOf = (manifest: string, field: string): string | undefined =>
  new RegExp(`^${field}:\\s*["']?([\\w.-]+)["']?\\s*(?:#.*)?$`, 'm').exec(manifest)?.[1]

function fileContent(file: string, now: Date): NamedContent {
  const text = textOfFile(file)
  try {
    JSON.parse(text)
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : cause
    throw refused(`${file}: not JSON: ${why}`)
  }
  const name = basename(file, extname(file)).toLowerCase()
  return { name, label: now.toISOString().slice(0, 16), content: Buffer.from(text) }
}

/** A command is done once by its name, so each has one of its own, however many come in one second. */
function commandContent(operation: string, words: readonly string[], now: Date): NamedContent {
  const args = words.map((word) => {
    const [, name, value] = /^([A-Za-z]+)=(.*)$/.exec(word) ?? []
    if (name === undefined) throw refused(`"${word}" is not NAME=VALUE`)
    return [name, value]
  })
  const at = now.toISOString().slice(0, 19)
  const second = at.replace(/[:-]/g, '').toLowerCase()
  return {
    name: `${operation}-${second}-${randomBytes(4).toString('hex')}`,
    label: at,
    content: Buffer.from(JSON.stringify({ operation, args: Object.fromEntries(args) })),
  }
}

function textOfFile(file: string): string {
  const bytes = usingFile('release.content', file, () => readFileSync(file))
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw refused(`${file}: not UTF-8`)
  }
}

const refused = (detail: string): CloudError => new CloudError('release.content', { detail })
