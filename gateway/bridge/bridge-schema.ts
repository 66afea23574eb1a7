/** Options of a bridge to another MQTT broker, and what of them can be wrong. */
import { type Static, Type } from '@sinclair/typebox'
import { isTopicFilter } from '../channels/mqtt/codec/topics.ts'
import { closed, type DeepReadonly } from '../config/option-types.ts'
import { overlap } from '../topic-filters.ts'

const Filter = Type.String({
  minLength: 1,
  maxLength: 512,
  description: 'Topic filter, such as kefu/v1/+/event (IT)',
})
const Qos = Type.Union([Type.Literal(0), Type.Literal(1), Type.Literal(2)], {
  default: 1,
  description: 'Highest QoS used; 2 is exactly once (IT)',
})
const Prefix = (side: string) =>
  Type.Optional(
    Type.String({
      maxLength: 256,
      pattern: '^[^+#\\u0000]*$',
      description: `Put in front of the topic on the ${side} broker (IT)`,
    }),
  )

export const BridgeOptions = Type.Object(
  {
    name: Type.String({
      pattern: '^[a-z0-9][a-z0-9-]{0,31}$',
      description: 'Name in status, metrics and log (IT)',
    }),
    url: Type.String({
      pattern: '^(mqtt|mqtts|ws|wss)://',
      description: 'The other broker, such as mqtts://broker.hospital.example:8883 (IT)',
    }),
    username: Type.Optional(Type.String({ description: 'User name at the other broker (IT)' })),
    passwordFile: Type.Optional(
      Type.String({ description: 'File that holds the password and nothing else (IT)' }),
    ),
    caFile: Type.Optional(Type.String({ description: 'PEM of the CA of the other broker (IT)' })),
    clientId: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 128,
        description: 'Client id at the other broker; absent: gateway id and bridge name (IT)',
      }),
    ),
    protocolVersion: Type.Union([Type.Literal(4), Type.Literal(5)], {
      default: 5,
      description: 'MQTT 5, or 4 for brokers that know only MQTT 3.1.1 (IT)',
    }),
    keepAliveSeconds: Type.Integer({
      minimum: 5,
      maximum: 3600,
      default: 30,
      description: 'A dead link is noticed within one and a half times this (IT)',
    }),
    out: Type.Array(
      Type.Object({ filter: Filter, remotePrefix: Prefix('other'), qos: Qos }, closed),
      {
        default: [],
        maxItems: 64,
        description: 'What leaves for the other broker (IT)',
      },
    ),
    in: Type.Array(Type.Object({ filter: Filter, localPrefix: Prefix('own'), qos: Qos }, closed), {
      default: [],
      maxItems: 64,
      description: 'What is fetched from the other broker (IT)',
    }),
  },
  closed,
)
export type BridgeOptions = Static<typeof BridgeOptions>

export type BridgeConfig = DeepReadonly<BridgeOptions>

/** What no schema can say; each line names the option. Empty: nothing is wrong. */
export function bridgeProblems(bridges: readonly BridgeConfig[]): string[] {
  return bridges.flatMap((bridge, at) => {
    const where = `bridges.${at}`
    const problems = [...bridge.out, ...bridge.in]
      .filter((rule) => !isTopicFilter(rule.filter) || rule.filter.startsWith('$share'))
      .map((rule) => `${where}: "${rule.filter}" is not a topic filter`)
    if (bridges.findIndex((one) => one.name === bridge.name) < at) {
      problems.push(`${where}.name: "${bridge.name}" is taken by another bridge`)
    }
    if (bridge.out.length + bridge.in.length === 0) {
      problems.push(`${where}: nothing goes out and nothing comes in`)
    }
    return [...problems, ...loopProblems(bridge, where)]
  })
}

/** MQTT 3.1.1 carries no mark of where a message came from: there the rules themselves must not loop. */
function loopProblems(bridge: BridgeConfig, where: string): string[] {
  if (bridge.protocolVersion === 5) return []
  return bridge.out.flatMap((out) =>
    bridge.in
      .filter((rule) => overlap(`${out.remotePrefix ?? ''}${out.filter}`, rule.filter))
      .map(
        (rule) =>
          `${where}: with protocolVersion 4 what leaves by "${out.filter}" would come back by "${rule.filter}"`,
      ),
  )
}
