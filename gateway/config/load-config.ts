/** `kefu-edge.yaml`, then the environment, checked against one schema and frozen. */
import { Value } from '@sinclair/typebox/value'
import { bridgeProblems } from '../bridge/bridge-schema.ts'
import { GatewayError } from '../errors.ts'
import { isCron } from '../schedule/schedule.ts'
import { wordingOf } from '../schema-wording.ts'
import { readConfigFile } from './config-file.ts'
import { dataDirOf, type Environment, optionsOf, processEnvironment } from './environment.ts'
import { mergeInto, type OptionMap, setIn } from './option-map.ts'
import { readReleased } from './released-options.ts'
import { type Config, type ConfigFile, ConfigSchema } from './schema.ts'

export const DEFAULT_DATA_DIR = '.kefu'

export interface ConfigSources {
  /** `--data`; the environment's KEFU_DATA and then ./.kefu follow. */
  readonly dataDir?: string
  /** `--config`; absent: kefu-edge.yaml in the data folder, if there is one. */
  readonly configFile?: string
  readonly env?: Environment
  /** In place of what the cloud core released; to try a release. */
  readonly released?: OptionMap
  /** Laid over everything else; for tests and the demo. */
  readonly overrides?: OptionMap
}

/** Reads, lays over, checks and freezes; throws `config.*` naming the option that is wrong. */
export function loadConfig(sources: ConfigSources = {}): Config {
  const environment = sources.env ?? processEnvironment()
  const dataDir = sources.dataDir ?? dataDirOf(environment) ?? DEFAULT_DATA_DIR
  const options = structuredClone(sources.released ?? readReleased(dataDir))
  mergeInto(options, readConfigFile(sources.configFile, dataDir))
  for (const { path, value } of optionsOf(environment)) setIn(options, path, value)
  if (sources.overrides) mergeInto(options, sources.overrides)
  const from = sources.configFile === undefined ? {} : { configFile: sources.configFile }
  return deepFreeze({ ...check(options), dataDir, ...from }) as Config
}

function check(options: OptionMap): ConfigFile {
  // A copy: what is given as an override stays the caller's own.
  const filled = Value.Default(ConfigSchema, structuredClone(options))
  const wrong = Value.Errors(ConfigSchema, filled).First()
  if (wrong) {
    throw new GatewayError('config.invalid', {
      detail: `${wrong.path.slice(1).replaceAll('/', '.') || 'the file'}: ${wordingOf(wrong)}`,
    })
  }
  const config = filled as ConfigFile
  const [problem] = [
    ...tlsProblems(config),
    ...urlProblems(config),
    ...recordProblems(config),
    ...bridgeProblems(config.bridges),
  ]
  if (problem !== undefined) throw new GatewayError('config.invalid', { detail: problem })
  return config
}

/** Demanding certificates without saying whose would let everybody in. */
const tlsProblems = ({ tls }: ConfigFile): readonly string[] =>
  tls?.requireClientCertificate && tls.caFile === undefined
    ? ['tls.requireClientCertificate: tls.caFile must name the CA that signs device certificates']
    : []

/** What no pattern finds: a port that is none, brackets that do not close. */
const urlProblems = ({ cloud, site, bridges }: ConfigFile): readonly string[] =>
  Object.entries({
    'cloud.url': cloud.url,
    'site.redis': site?.redis,
    ...Object.fromEntries(bridges.map(({ name, url }) => [`bridges ${name}`, url])),
  }).flatMap(([option, url]) =>
    url === undefined || URL.canParse(url) ? [] : [`${option}: no address that can be read`],
  )

const recordProblems = ({ backup, retention }: ConfigFile): readonly string[] => [
  ...(isCron(backup.cron)
    ? []
    : [
        `backup.cron: "${backup.cron}": a cron expression of five fields is expected, such as 30 3 * * *`,
      ]),
  ...Object.entries(retention)
    .filter(([, { minDays, maxDays }]) => minDays > maxDays)
    .map(
      ([name, { minDays, maxDays }]) =>
        `retention.${name}: minDays ${minDays} is more than maxDays ${maxDays}`,
    ),
]

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value)
    for (const inner of Object.values(value)) deepFreeze(inner)
  }
  return value
}
