/**
 * Configuration: `kefu-edge.yaml`, then the environment, checked against one schema and frozen.
 *
 * The only reader of `process.env`. Each option says what it does and who needs it; an option that
 * nobody needs is a constant in the room that uses it.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Static, type TSchema, Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { parse as parseYaml } from 'yaml'
import { BridgeOptions, bridgeProblems } from './bridge/bridge-schema.ts'
import { GatewayError } from './errors.ts'
import { HOURS_PATTERN } from './schedule/hours.ts'

const closed = { additionalProperties: false } as const
const Port = (description: string, fallback: number) =>
  Type.Integer({ minimum: 0, maximum: 65_535, default: fallback, description })

const Tls = Type.Object(
  {
    host: Type.String({
      default: '0.0.0.0',
      description: 'Address of the TLS ports: they are open to the site network (IT)',
    }),
    certFile: Type.String({ description: 'PEM certificate chain (IT)' }),
    keyFile: Type.String({ description: 'PEM private key (IT)' }),
    caFile: Type.Optional(
      Type.String({ description: 'PEM of the CA that signs device certificates, for mTLS (IT)' }),
    ),
    requireClientCertificate: Type.Boolean({
      default: false,
      description: 'Refuse devices without a certificate of caFile (device makers)',
    }),
  },
  closed,
)

const Retention = (what: string, minDays: number, maxDays: number) =>
  Type.Object(
    {
      minDays: Type.Integer({
        minimum: 0,
        maximum: 36_500,
        default: minDays,
        description: `${what}: days that nothing removes it, however short the disk (auditors)`,
      }),
      maxDays: Type.Integer({
        minimum: 1,
        maximum: 36_500,
        default: maxDays,
        description: `${what}: days after which it is removed or made unreadable (auditors)`,
      }),
    },
    { ...closed, default: {} },
  )

const PermissionRule = Type.Object(
  {
    kind: Type.Optional(
      Type.String({ description: 'Device kind the rule is for; absent: every kind' }),
    ),
    group: Type.Optional(
      Type.String({ description: 'Group the rule is for; absent: every group' }),
    ),
    publish: Type.Optional(
      Type.Array(Type.String(), { description: 'Topic filters; %d is the device id' }),
    ),
    subscribe: Type.Optional(
      Type.Array(Type.String(), { description: 'Topic filters; %d is the device id' }),
    ),
    denySubscribe: Type.Optional(
      Type.Array(Type.String(), {
        description: 'Filters refused although another rule allows them',
      }),
    ),
  },
  closed,
)

export const ConfigSchema = Type.Object(
  {
    http: Type.Object(
      {
        host: Type.String({
          default: '127.0.0.1',
          description:
            'Address of the plain HTTP and WebSocket port (IT: 0.0.0.0 opens it to the site network)',
        }),
        port: Port('HTTP and WebSocket; 0 takes any free port (IT)', 8080),
        tlsPort: Port('HTTPS and secure WebSocket, used when tls is set (IT)', 8443),
        adapter: Type.Union([Type.Literal('auto'), Type.Literal('uws'), Type.Literal('node')], {
          default: 'auto',
          description:
            'uWebSockets.js where its binary loads, node:http and ws elsewhere (IT, to compare)',
        }),
      },
      { ...closed, default: {} },
    ),
    mqtt: Type.Object(
      {
        host: Type.String({
          default: '127.0.0.1',
          description: 'Address of the plain MQTT port (IT)',
        }),
        port: Port('MQTT over TCP; 0 takes any free port (IT)', 1883),
        tlsPort: Port('MQTT over TLS, used when tls is set (IT)', 8883),
        allowAnonymous: Type.Boolean({
          default: false,
          description:
            'Clients without credentials may connect; for conformance suites only (device makers)',
        }),
        serverKeepAliveSeconds: Type.Integer({
          minimum: 0,
          maximum: 65_535,
          default: 0,
          description:
            'Longest keep alive a client may ask for; 0 leaves the choice to the client (device makers)',
        }),
        receiveMaximum: Type.Integer({
          minimum: 1,
          maximum: 65_535,
          default: 100,
          description: 'QoS 1 and 2 messages a client may have unacknowledged (device makers)',
        }),
        topicAliasMaximum: Type.Integer({
          minimum: 0,
          maximum: 1000,
          default: 20,
          description: 'Topic aliases a client may set (device makers)',
        }),
        maxPacketBytes: Type.Integer({
          minimum: 1024,
          maximum: 268_435_455,
          default: 2_097_152,
          description: 'Largest packet read from a device (device makers)',
        }),
        connectsPerSecond: Type.Integer({
          minimum: 0,
          default: 500,
          description: 'New connections per second; 0 sets no limit (IT)',
        }),
        messagesPerSecond: Type.Integer({
          minimum: 0,
          default: 0,
          description:
            'Messages per second and device before its socket is paused; 0 sets no limit (IT)',
        }),
        bytesPerSecond: Type.Integer({
          minimum: 0,
          default: 4_194_304,
          description:
            'Bytes per second and device before its socket is paused; 0 sets no limit (IT, on a thin network)',
        }),
        maxConnections: Type.Integer({
          minimum: 1,
          maximum: 1_000_000,
          default: 20_000,
          description: 'Clients connected at once; the next is told that the box is busy (IT)',
        }),
        maxSubscriptions: Type.Integer({
          minimum: 1,
          maximum: 100_000,
          default: 1000,
          description: 'Subscriptions of one client (IT, for dashboards that watch many devices)',
        }),
        maxQueuedMessages: Type.Integer({
          minimum: 1,
          maximum: 10_000_000,
          default: 10_000,
          description: 'QoS 1 and 2 messages kept for one client that is away (IT)',
        }),
        maxQueuedBytes: Type.Integer({
          minimum: 65_536,
          default: 33_554_432,
          description: 'Bytes of messages kept for one client that is away (IT, on a small disk)',
        }),
        maxQueuedHours: Type.Integer({
          minimum: 0,
          maximum: 87_600,
          default: 168,
          description:
            'Age at which a message that waits for its client is dropped; 0: never (nurses)',
        }),
        queueOverflow: Type.Union(
          [Type.Literal('drop-oldest'), Type.Literal('drop-newest'), Type.Literal('refuse')],
          {
            default: 'drop-oldest',
            description:
              'What gives way when the queue of a client is full: its oldest message, the new one, or the publisher, who is told 0x97 (IT)',
          },
        ),
        maxSessionHours: Type.Integer({
          minimum: 1,
          maximum: 87_600,
          default: 168,
          description: 'How long a session is kept for a client that is away (IT)',
        }),
        maxRetained: Type.Integer({
          minimum: 1,
          maximum: 10_000_000,
          default: 50_000,
          description: 'Retained messages in all; a twin takes up to three a device (IT)',
        }),
      },
      { ...closed, default: {} },
    ),
    tls: Type.Optional(Tls),
    permissions: Type.Array(PermissionRule, {
      default: [],
      description: 'What devices may do beyond their own topics (IT)',
    }),
    site: Type.Optional(
      Type.Object(
        {
          redis: Type.String({
            pattern: '^rediss?://',
            default: 'redis://127.0.0.1:6379',
            description: 'Redis that the boxes of the site share; rediss:// for TLS (IT)',
          }),
          name: Type.String({
            pattern: '^[A-Za-z0-9._-]{1,64}$',
            default: 'site',
            description: 'Boxes with the same name are one site (IT)',
          }),
          keyFile: Type.Optional(
            Type.String({
              description:
                'Key that seals what the boxes share, the same file on each; absent: keys/site.key in the data folder, made by the first box (IT)',
            }),
          ),
        },
        { ...closed, description: 'Several boxes on one site; absent: this box is alone (IT)' },
      ),
    ),
    bridges: Type.Array(BridgeOptions, {
      default: [],
      maxItems: 16,
      description: 'Other MQTT brokers that messages are exchanged with (IT)',
    }),
    cloud: Type.Object(
      {
        url: Type.Optional(
          Type.String({
            pattern: '^https?://',
            description: 'Cloud core, such as https://core.example:9443 (IT)',
          }),
        ),
        caFile: Type.Optional(
          Type.String({ description: 'PEM of the CA of the cloud core, pinned (IT)' }),
        ),
        enrolToken: Type.Optional(
          Type.String({ description: 'Enrolment secret of the cloud core, used once (IT)' }),
        ),
        backlogHours: Type.Array(Type.String({ pattern: HOURS_PATTERN }), {
          default: [],
          description:
            'Hours in which a backlog goes up, such as 22:00-06:00; what is critical or new always goes; empty: all day (IT)',
        }),
        escalate: Type.Boolean({
          default: true,
          description: 'Pass asks the box does not know to the cloud (IT)',
        }),
        escalateDeadlineMs: Type.Integer({
          minimum: 100,
          maximum: 30_000,
          default: 1500,
          description: 'How long an ask waits for the cloud (IT)',
        }),
      },
      { ...closed, default: {} },
    ),
    answers: Type.Object(
      {
        voice: Type.Union([Type.Literal('standard'), Type.Literal('elderly')], {
          default: 'standard',
          description: 'Voice profile of devices whose kind names none (nurses)',
        }),
        voiceByKind: Type.Record(
          Type.String(),
          Type.Union([Type.Literal('standard'), Type.Literal('elderly')]),
          {
            default: { bedside: 'elderly' },
            description: 'Voice profile by device kind (nurses)',
          },
        ),
        quietHours: Type.Optional(
          Type.Object(
            {
              from: Type.String({
                pattern: '^([01]\\d|2[0-3]):[0-5]\\d$',
                description: 'Start, such as 21:30, local time (nurses)',
              }),
              until: Type.String({
                pattern: '^([01]\\d|2[0-3]):[0-5]\\d$',
                description: 'End, such as 06:30 (nurses)',
              }),
            },
            { ...closed, description: 'Hours in which only urgent and critical speech is played' },
          ),
        ),
        packsByKind: Type.Record(Type.String(), Type.Array(Type.String()), {
          default: {},
          description: 'Packs a kind of device is answered from; absent: all installed (nurses)',
        }),
      },
      { ...closed, default: {} },
    ),
    limits: Type.Object(
      {
        asksPerSecond: Type.Number({
          minimum: 0,
          default: 0,
          description:
            'Asks per second and device, with a burst of ten times that; 0 sets no limit (IT)',
        }),
        sessionIdleMinutes: Type.Integer({
          minimum: 1,
          maximum: 10_080,
          default: 30,
          description: 'A session ends after this long without a turn (nurses)',
        }),
        ledgerMaxPending: Type.Integer({
          minimum: 1000,
          default: 5_000_000,
          description: 'Entries that may wait for the cloud in each lane (IT)',
        }),
      },
      { ...closed, default: {} },
    ),
    log: Type.Object(
      {
        level: Type.Union(
          ['trace', 'debug', 'info', 'warn', 'error', 'silent'].map((level) => Type.Literal(level)),
          { default: 'info', description: 'Least severe level that is written (IT)' },
        ),
      },
      { ...closed, default: {} },
    ),
    backup: Type.Object(
      {
        dir: Type.Optional(
          Type.String({
            description:
              'Folder for the daily backup, best on another disk; absent: no daily backup (IT)',
          }),
        ),
        cron: Type.String({
          default: '30 3 * * *',
          description: 'When the daily backup is made, as a cron expression in local time (IT)',
        }),
        keep: Type.Integer({
          minimum: 1,
          maximum: 1000,
          default: 7,
          description: 'Backups kept; what was erased from the box lives on in them so long (IT)',
        }),
      },
      { ...closed, default: {} },
    ),
    retention: Type.Object(
      {
        C1: Retention('Codes, counts and the frame of every record', 180, 1095),
        C2: Retention('What a person said and was answered', 180, 365),
      },
      { ...closed, default: {} },
    ),
    storage: Type.Object(
      {
        synchronous: Type.Union([Type.Literal('FULL'), Type.Literal('NORMAL')], {
          default: 'FULL',
          description: 'FULL stands a power cut; NORMAL only a crash of the process (IT)',
        }),
      },
      { ...closed, default: {} },
    ),
  },
  closed,
)
type ConfigFile = Static<typeof ConfigSchema>
export type PermissionRule = Static<typeof PermissionRule>

type DeepReadonly<T> = T extends (infer U)[]
  ? readonly DeepReadonly<U>[]
  : T extends object
    ? { readonly [K in keyof T]: DeepReadonly<T[K]> }
    : T
export type Config = DeepReadonly<ConfigFile> & {
  readonly dataDir: string
  /** As `--config` named it; absent: kefu-edge.yaml in the data folder, if there is one. */
  readonly configFile?: string
}

export interface ConfigSources {
  /** `--data`; the environment's KEFU_DATA and then ./.kefu follow. */
  readonly dataDir?: string
  /** `--config`; absent: kefu-edge.yaml in the data folder, if there is one. */
  readonly configFile?: string
  readonly env?: Readonly<Record<string, string | undefined>>
  /** Laid over everything else; for tests and the demo. */
  readonly overrides?: Record<string, unknown>
}

/** The environment's overrides, by option. */
const ENVIRONMENT: readonly (readonly [string, readonly string[], 'text' | 'port'])[] = [
  ['KEFU_HTTP_PORT', ['http', 'port'], 'port'],
  ['KEFU_MQTT_PORT', ['mqtt', 'port'], 'port'],
  ['KEFU_CLOUD_URL', ['cloud', 'url'], 'text'],
  ['KEFU_LOG_LEVEL', ['log', 'level'], 'text'],
]

/** Reads, lays over, checks and freezes; throws `config.*` naming the option that is wrong. */
export function loadConfig(sources: ConfigSources = {}): Config {
  const env = sources.env ?? process.env
  const dataDir = sources.dataDir ?? env.KEFU_DATA ?? '.kefu'
  const raw = readFile(sources.configFile, dataDir)
  for (const [name, path, kind] of ENVIRONMENT) {
    const value = env[name]
    if (value === undefined || value === '') continue
    setIn(raw, path, kind === 'port' ? portOf(name, value) : value)
  }
  if (sources.overrides) mergeInto(raw, sources.overrides)
  // A copy: what is given as an override stays the caller's own.
  const filled = Value.Default(ConfigSchema, structuredClone(raw))
  const wrong = Value.Errors(ConfigSchema, filled).First()
  if (wrong) {
    throw new GatewayError('config.invalid', {
      detail: `${wrong.path.slice(1).replaceAll('/', '.') || 'the file'}: ${wrong.message}`,
    })
  }
  const [problem] = bridgeProblems((filled as ConfigFile).bridges)
  if (problem !== undefined) throw new GatewayError('config.invalid', { detail: problem })
  const from = sources.configFile === undefined ? {} : { configFile: sources.configFile }
  return deepFreeze({ ...(filled as ConfigFile), dataDir, ...from }) as Config
}

function readFile(configFile: string | undefined, dataDir: string): Record<string, unknown> {
  const path = configFile ?? join(dataDir, 'kefu-edge.yaml')
  if (configFile === undefined && !existsSync(path)) return {}
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (cause) {
    throw new GatewayError('config.unreadable', { detail: path, cause })
  }
  try {
    const value: unknown = parseYaml(text) ?? {}
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      return value as Record<string, unknown>
    }
  } catch (cause) {
    throw new GatewayError('config.invalid', { detail: `${path}: ${String(cause)}`, cause })
  }
  throw new GatewayError('config.invalid', { detail: `${path}: not a map of options` })
}

function portOf(name: string, value: string): number {
  if (!/^\d{1,5}$/.test(value) || Number(value) > 65_535) {
    throw new GatewayError('config.invalid', {
      detail: `${name}: a port from 0 to 65535 is expected`,
    })
  }
  return Number(value)
}

function setIn(target: Record<string, unknown>, path: readonly string[], value: unknown): void {
  mergeInto(
    target,
    path.reduceRight<unknown>((inner, key) => ({ [key]: inner }), value) as Record<string, unknown>,
  )
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function mergeInto(target: Record<string, unknown>, over: Record<string, unknown>): void {
  for (const [key, value] of Object.entries(over)) {
    const under = target[key]
    if (isMap(value) && isMap(under)) mergeInto(under, value)
    else target[key] = value
  }
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value)
    for (const inner of Object.values(value)) deepFreeze(inner)
  }
  return value
}

export interface OptionDoc {
  readonly name: string
  readonly type: string
  readonly default: unknown
  readonly description: string
}

/** Every option with type, default and description: the help text and the README table come from it. */
export function describeOptions(schema: TSchema = ConfigSchema, prefix = ''): OptionDoc[] {
  if (schema.type === 'object' && schema.properties) {
    return Object.entries(schema.properties as Record<string, TSchema>).flatMap(([key, inner]) =>
      describeOptions(inner, prefix ? `${prefix}.${key}` : key),
    )
  }
  const choices = (schema.anyOf as { const?: unknown }[] | undefined)?.map((one) =>
    String(one.const),
  )
  return [
    {
      name: prefix,
      type: choices ? choices.join(' | ') : String(schema.type ?? 'any'),
      default: schema.default,
      description: String(schema.description ?? ''),
    },
  ]
}
