/** What the broker knows of a client's session; questions of a moment are answered by one look at all sessions. */
import type { MqttBroker } from '../channels/mqtt/broker.ts'
import type { ConnectionInfo } from '../channels/mqtt/sessions/connection-info.ts'

/** After an outage of a box thousands of devices come at once; the broker lists its sessions once for them. */
const BATCH_MS = 50

export interface SessionLookup {
  find(clientId: string): Promise<ConnectionInfo | undefined>
}

export function createSessionLookup(broker: Pick<MqttBroker, 'connections'>): SessionLookup {
  let batch: Promise<ReadonlyMap<string, ConnectionInfo>> | undefined
  const list = () =>
    new Promise<ReadonlyMap<string, ConnectionInfo>>((resolve) => {
      setTimeout(() => {
        batch = undefined
        resolve(new Map(broker.connections().map((one) => [one.clientId, one])))
      }, BATCH_MS)
    })
  return {
    async find(clientId) {
      batch ??= list()
      return (await batch).get(clientId)
    },
  }
}
