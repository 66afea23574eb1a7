/**
 * Options that the cloud core released, in `released.json` of the data folder: under the box's own file,
 * so that whoever stands at the box has the last word.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { GatewayError } from '../errors.ts'
import { isMap, type OptionMap } from './option-map.ts'

/** What a core may set: how the box answers and whom it lets do what; never where it connects or what it keeps. */
export const RELEASED_SECTIONS = ['answers', 'limits', 'log', 'permissions'] as const

export const releasedFileOf = (dataDir: string): string => join(dataDir, 'released.json')

/** Throws `config.invalid` naming the file. */
export function readReleased(dataDir: string): OptionMap {
  const file = releasedFileOf(dataDir)
  return existsSync(file) ? parseReleased(readFileSync(file, 'utf8'), file) : {}
}

/** Throws `config.invalid` for what is not a map of the sections that a core may set. */
export function parseReleased(text: string, where: string): OptionMap {
  let options: unknown
  try {
    options = JSON.parse(text)
  } catch (cause) {
    throw new GatewayError('config.invalid', { detail: `${where}: not JSON`, cause })
  }
  if (!isMap(options)) {
    throw new GatewayError('config.invalid', { detail: `${where}: not a map of options` })
  }
  const allowed: readonly string[] = RELEASED_SECTIONS
  const foreign = Object.keys(options).find((section) => !allowed.includes(section))
  if (foreign === undefined) return options
  throw new GatewayError('config.invalid', {
    detail: `${where}: "${foreign}" is set at the box only; released are ${allowed.join(', ')}`,
  })
}
