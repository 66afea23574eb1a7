/** Writes `contract/`: the machine-readable contract, from the schemas that make the types. */
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { asyncApi } from './asyncapi.ts'
import { schemaFiles } from './contract-schemas.ts'
import { openApi } from './openapi.ts'

/** Version of the wire contract: additions raise the second number. */
export const CONTRACT_VERSION = '1.0.0'

/** Every file of `contract/` by its path there. */
export function contractFiles(): ReadonlyMap<string, string> {
  const files: [string, object][] = [
    ['asyncapi.json', asyncApi(CONTRACT_VERSION)],
    ['openapi.json', openApi(CONTRACT_VERSION)],
    ...schemaFiles(),
  ]
  return new Map(files.map(([path, value]) => [path, `${JSON.stringify(value, null, 2)}\n`]))
}

/** Writes the files and removes schemas that are no more. */
export function writeContract(folder: string): number {
  const files = contractFiles()
  mkdirSync(join(folder, 'schemas'), { recursive: true })
  for (const name of readdirSync(join(folder, 'schemas')))
    if (!files.has(`schemas/${name}`)) rmSync(join(folder, 'schemas', name))
  for (const [path, text] of files) writeFileSync(join(folder, path), text)
  return files.size
}

const self = fileURLToPath(import.meta.url)
if (process.argv[1] === self) {
  const tools = dirname(self)
  const root = basename(dirname(tools)) === 'dist' ? join(tools, '../..') : join(tools, '..')
  console.log(`wrote ${writeContract(join(root, 'contract'))} files`)
}
