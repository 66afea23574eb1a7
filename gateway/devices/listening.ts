/**
 * By which channel each device is sent what it is to say: its WebSocket, else MQTT while it is subscribed to
 * its speech. That it is connected some other way besides says nothing of its ears.
 */

export type SpeechChannel = 'websocket' | 'mqtt'

export interface ListeningParts {
  /** Speech goes to another connection from here on: what the one before was sent may be lost. */
  readonly onListening: (deviceId: string) => void
  /** No channel of it listens any more. */
  readonly onDeaf: (deviceId: string) => void
}

export interface Listening {
  /** A WebSocket that is open, each one anew; an MQTT connection that is subscribed to the device's speech. */
  begins(deviceId: string, channel: SpeechChannel): void
  ends(deviceId: string, channel: SpeechChannel): void
}

export function createListening(parts: ListeningParts): Listening {
  const open = new Map<string, Set<SpeechChannel>>()
  return {
    begins(deviceId, channel) {
      const channels = open.get(deviceId) ?? new Set()
      const isTaken = channel === 'mqtt' && channels.size > 0
      open.set(deviceId, channels.add(channel))
      if (!isTaken) parts.onListening(deviceId)
    },
    ends(deviceId, channel) {
      const channels = open.get(deviceId)
      if (!channels?.delete(channel)) return
      if (channels.size === 0) {
        open.delete(deviceId)
        parts.onDeaf(deviceId)
      } else if (channel === 'websocket') parts.onListening(deviceId)
    },
  }
}
