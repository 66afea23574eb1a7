/** What the environment says of the configuration; the only reader of `process.env`. */
import { GatewayError } from '../errors.ts'

export type Environment = Readonly<Record<string, string | undefined>>
export interface EnvironmentOption {
  readonly path: readonly string[]
  readonly value: string | number
}

/** The environment's overrides, by option. */
const OVERRIDES: readonly (readonly [string, readonly string[], 'text' | 'port'])[] = [
  ['KEFU_HTTP_PORT', ['http', 'port'], 'port'],
  ['KEFU_MQTT_PORT', ['mqtt', 'port'], 'port'],
  ['KEFU_CLOUD_URL', ['cloud', 'url'], 'text'],
  ['KEFU_LOG_LEVEL', ['log', 'level'], 'text'],
]

export const processEnvironment = (): Environment => process.env

/** The data folder that the environment names, if it names one. */
export const dataDirOf = (environment: Environment): string | undefined =>
  textOf(environment, 'KEFU_DATA')

/** What the environment lays over the file; throws `config.invalid` naming the variable. */
export function optionsOf(environment: Environment): readonly EnvironmentOption[] {
  return OVERRIDES.flatMap(([name, path, kind]) => {
    const text = textOf(environment, name)
    if (text === undefined) return []
    return [{ path, value: kind === 'port' ? portOf(name, text) : text }]
  })
}

/** A variable that is set to nothing, as unit files and Compose write it, names nothing. */
const textOf = (environment: Environment, name: string): string | undefined =>
  environment[name] || undefined

function portOf(name: string, text: string): number {
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65_535) {
    throw new GatewayError('config.invalid', {
      detail: `${name}: a port from 0 to 65535 is expected`,
    })
  }
  return Number(text)
}
