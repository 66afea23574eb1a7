/** A client id for a client that brought none [MQTT-3.1.3-6]. */
import { randomUUID } from 'node:crypto'

export const autoClientId = (): string => `auto-${randomUUID()}`
