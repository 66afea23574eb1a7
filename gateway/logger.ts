/** Every named logger; masking of secrets and personal data in one place. */
import pino, { type DestinationStream, type Logger as PinoLogger } from 'pino'

export type Logger = Pick<PinoLogger, 'trace' | 'debug' | 'info' | 'warn' | 'error'>

export const LOGGER_NAMES = [
  'gateway',
  'mqtt',
  'http',
  'websocket',
  'devices',
  'knowledge',
  'ledger',
  'cloud',
  'voice',
  'schedule',
  'bridge',
  'site',
] as const
export type LoggerName = (typeof LOGGER_NAMES)[number]
export type Loggers = Readonly<Record<LoggerName, Logger>>

/** Fields that never reach a log line whatever object they travel in. */
const SECRET_FIELDS = [
  'token',
  'password',
  'authorization',
  'claim',
  'enrolToken',
  'text',
  'personal',
]
const paths = SECRET_FIELDS.flatMap((field) => [field, `*.${field}`, `*.*.${field}`])

/** What waits for a log that cannot be written; what comes beyond it is in memory only (recent-log). */
const MAX_WAITING_BYTES = 1024 * 1024

/**
 * Standard error, so that standard output stays for people and pipes; or a file. A disk that is full under the
 * log is no reason to leave patients without answers: lines wait, then are dropped, and go on where they can be
 * written again.
 */
export function openLog(dest: number | string = 2): DestinationStream {
  const log = pino.destination({ dest, sync: true, maxLength: MAX_WAITING_BYTES })
  log.on('error', () => {})
  return log
}

export function createLoggers(options: {
  readonly level: string
  /** Absent: `openLog()`. */
  readonly destination?: DestinationStream
}): Loggers {
  const root = pino(
    {
      level: options.level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths, censor: '[masked]' },
      serializers: { error: pino.stdSerializers.err },
    },
    options.destination ?? openLog(),
  )
  return Object.fromEntries(
    LOGGER_NAMES.map((name) => [name, root.child({ name })]),
  ) as unknown as Loggers
}
