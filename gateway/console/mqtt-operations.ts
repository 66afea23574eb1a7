/** Operations on the clients of the MQTT broker: who is there, what each did, and why the others went. */
import { Type } from '@sinclair/typebox'
import type { MqttBroker } from '../channels/mqtt/broker.ts'
import type { ConnectionInfo } from '../channels/mqtt/sessions/connection-info.ts'
import { GatewayError } from '../errors.ts'
import { operation } from './operation.ts'

/** Only in a running gateway. */
export interface LiveMqtt {
  readonly mqtt: Pick<MqttBroker, 'connections' | 'recentEnds' | 'totals' | 'counters'>
}

export interface MqttOperationParts {
  readonly live: () => LiveMqtt | undefined
}

/** Clients told of at once; more is a matter for the metrics. */
const MAX_CLIENTS = 1000

function brokerOf({ live }: MqttOperationParts): LiveMqtt['mqtt'] {
  const running = live()
  if (!running) throw new GatewayError('gateway.not-running')
  return running.mqtt
}

const isoTime = (ms: number): string => new Date(ms).toISOString()

function describe(info: ConnectionInfo) {
  const { connectedAtMs, disconnectedAtMs, ...rest } = info
  return {
    ...rest,
    ...(connectedAtMs > 0 ? { connectedAt: isoTime(connectedAtMs) } : {}),
    ...(disconnectedAtMs > 0 ? { disconnectedAt: isoTime(disconnectedAtMs) } : {}),
  }
}

export const MQTT_OPERATIONS = {
  /** Sessions by client id, connected or kept, with their counters. */
  'mqtt.clients': operation(
    Type.Object({ prefix: Type.Optional(Type.String({ maxLength: 256 })) }),
    ({ prefix = '' }, parts: MqttOperationParts) => {
      const found = brokerOf(parts)
        .connections()
        .filter(({ clientId }) => clientId.startsWith(prefix))
      return { total: found.length, clients: found.slice(0, MAX_CLIENTS).map(describe) }
    },
  ),
  /** The last connections that ended badly or were refused, newest first, with the reason in words. */
  'mqtt.ends': operation(Type.Object({}), (_, parts: MqttOperationParts) =>
    brokerOf(parts)
      .recentEnds()
      .map(({ atMs, ...end }) => ({ at: isoTime(atMs), ...end })),
  ),
  'mqtt.totals': operation(Type.Object({}), (_, parts: MqttOperationParts) => {
    const broker = brokerOf(parts)
    return { ...broker.totals(), ...broker.counters }
  }),
} as const
