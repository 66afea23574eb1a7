/**
 * The one schema of the configuration.
 *
 * Each option says what it does and who needs it; an option that nobody needs is a constant in the
 * room that uses it.
 */
import { type Static, Type } from '@sinclair/typebox'
import { BridgeOptions } from '../bridge/bridge-schema.ts'
import { AnswerOptions, LimitOptions } from './answer-options.ts'
import { HttpOptions, PermissionRule, TlsOptions } from './channel-options.ts'
import { MqttOptions } from './mqtt-options.ts'
import { closed, type DeepReadonly } from './option-types.ts'
import { BackupOptions, LogOptions, RetentionOptions, StorageOptions } from './record-options.ts'
import { CloudOptions, SiteOptions } from './site-options.ts'

export const ConfigSchema = Type.Object(
  {
    http: HttpOptions,
    mqtt: MqttOptions,
    tls: Type.Optional(TlsOptions),
    permissions: Type.Array(PermissionRule, {
      default: [],
      description: 'What devices may do beyond their own topics (IT)',
    }),
    site: Type.Optional(SiteOptions),
    bridges: Type.Array(BridgeOptions, {
      default: [],
      maxItems: 16,
      description: 'Other MQTT brokers that messages are exchanged with (IT)',
    }),
    cloud: CloudOptions,
    answers: AnswerOptions,
    limits: LimitOptions,
    log: LogOptions,
    backup: BackupOptions,
    retention: RetentionOptions,
    storage: StorageOptions,
  },
  closed,
)
/** The file as it is once every default is filled in. */
export type ConfigFile = Static<typeof ConfigSchema>

export type Config = DeepReadonly<ConfigFile> & {
  readonly dataDir: string
  /** As `--config` named it; absent: kefu-edge.yaml in the data folder, if there is one. */
  readonly configFile?: string
}
