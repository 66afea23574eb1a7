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

export function createLoggers(options: {
  readonly level: string
  /** Absent: standard error, so that standard output stays for people and pipes. */
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
    options.destination ?? pino.destination({ dest: 2, sync: true }),
  )
  return Object.fromEntries(
    LOGGER_NAMES.map((name) => [name, root.child({ name })]),
  ) as unknown as Loggers
}
