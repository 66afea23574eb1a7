/** Every migration, in order. Numbers: 0xx house, 1xx devices, 2xx dialogue, 3xx mqtt, aedes, 4xx knowledge, 5xx ledger, 6xx voice, 7xx bridge. */
import { devices } from './100-devices.ts'
import { twinsAndClaims } from './110-twins-and-claims.ts'
import { presence } from './120-presence.ts'
import { logins } from './130-logins.ts'
import { deviceKinds } from './140-device-kinds.ts'
import { deviceGenerations } from './150-device-generations.ts'
import { claimsForDevices } from './160-claims-for-devices.ts'
import { sessions } from './200-sessions.ts'
import { sessionIndex } from './210-session-index.ts'
import { sealedSessions } from './220-sealed-sessions.ts'
import { mqtt } from './300-mqtt.ts'
import { aedes } from './310-aedes.ts'
import { mqttWaiting } from './320-mqtt-waiting.ts'
import { mqttClock } from './330-mqtt-clock.ts'
import { noRetainedWords } from './340-no-retained-words.ts'
import { mqttAging } from './350-mqtt-aging.ts'
import { mqttRetainedAging } from './360-mqtt-retained-aging.ts'
import { packs } from './400-packs.ts'
import { ledger } from './500-ledger.ts'
import { largeEntries } from './510-large-entries.ts'
import { handledQuarantine } from './520-handled-quarantine.ts'
import { provenTime } from './530-proven-time.ts'
import { speech } from './600-speech.ts'
import { bridge } from './700-bridge.ts'

export interface Migration {
  readonly id: number
  readonly name: string
  readonly sql: string
}

export const migrations: readonly Migration[] = [
  devices,
  twinsAndClaims,
  presence,
  logins,
  deviceKinds,
  deviceGenerations,
  claimsForDevices,
  sessions,
  sessionIndex,
  sealedSessions,
  mqtt,
  aedes,
  mqttWaiting,
  mqttClock,
  noRetainedWords,
  mqttAging,
  mqttRetainedAging,
  packs,
  ledger,
  largeEntries,
  handledQuarantine,
  provenTime,
  speech,
  bridge,
]
