/** The configuration file as it was written. */
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { GatewayError } from '../errors.ts'
import { isMap, type OptionMap } from './option-map.ts'

/** Loaded where there is a file: a box on its defaults has none. */
const loadYaml = (): typeof import('yaml') => createRequire(import.meta.url)('yaml')

/**
 * The named file, else kefu-edge.yaml of the data folder, else nothing.
 * Throws `config.unreadable` and `config.invalid` naming the file.
 */
export function readConfigFile(configFile: string | undefined, dataDir: string): OptionMap {
  const path = configFile ?? join(dataDir, 'kefu-edge.yaml')
  if (configFile === undefined && !existsSync(path)) return {}
  const options = parse(path, read(path))
  if (isMap(options)) return options
  throw new GatewayError('config.invalid', { detail: `${path}: not a map of options` })
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    throw new GatewayError('config.unreadable', { detail: path, cause })
  }
}

function parse(path: string, text: string): unknown {
  try {
    return loadYaml().parse(text) ?? {}
  } catch (cause) {
    throw new GatewayError('config.invalid', { detail: `${path}: ${String(cause)}`, cause })
  }
}
