/** `npm run cloud`: the reference cloud core as a process of its own. */
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { CLOUD_ERRORS, CloudError } from '../errors.ts'
import type { Logger } from '../ports.ts'
import { operate } from './cli/operate.ts'
import { processTerminal } from './cli/terminal.ts'
import { startCloudCore } from './server.ts'
import { kafkaSink } from './sinks/kafka-sink.ts'
import { natsSink } from './sinks/nats-sink.ts'

/** A century: more is a slip of the hand. */
const MAX_RETAIN_DAYS = 36_500

const USAGE = `kefu-edge cloud core
  --data DIR        data folder (default .kefu/cloud)
  --port P          port, 0 for any free one (default 9443)
  --host ADDRESS    address to listen on (default 127.0.0.1)
  --name NAME       further name or address in the certificate; may be repeated
  --nats SERVERS    hand entries on to NATS JetStream, such as nats://127.0.0.1:4222
  --kafka BROKERS   hand entries on to Kafka, such as 10.0.0.1:9092,10.0.0.2:9092
  --retain-days N   remove entries that are older (default: keep all)
  --insecure-http   plain http on loopback, for tests
publish, releases, rollout, halt, block, unblock, release and accept are commands to a core that runs: npm run cloud -- publish --help
`

/** Undefined: asked for help. Throws what names the option that is wrong. */
function readArguments() {
  const { values } = parseArgs({
    options: {
      data: { type: 'string', default: join('.kefu', 'cloud') },
      port: { type: 'string', default: '9443' },
      host: { type: 'string', default: '127.0.0.1' },
      name: { type: 'string', multiple: true, default: [] },
      nats: { type: 'string' },
      'retain-days': { type: 'string' },
      kafka: { type: 'string' },
      'insecure-http': { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return undefined
  const days = values['retain-days']
  return {
    ...values,
    port: whole('--port', values.port, 0, 65_535),
    retainDays: days === undefined ? undefined : whole('--retain-days', days, 1, MAX_RETAIN_DAYS),
  }
}

function whole(option: string, text: string, min: number, max: number): number {
  const value = text.trim() === '' ? Number.NaN : Number(text)
  if (Number.isInteger(value) && value >= min && value <= max) return value
  throw new RangeError(`${option} ${text}: not a whole number from ${min} to ${max}`)
}

function lineLogger(): Logger {
  const line = (level: string) => (fields: object, message: string) => {
    const plain = JSON.stringify(fields, (_key, value: unknown) =>
      value instanceof Error ? { name: value.name, message: value.message } : value,
    )
    process.stderr.write(`${new Date().toISOString()} ${level} ${message} ${plain}\n`)
  }
  return { debug: () => {}, info: line('info'), warn: line('warn'), error: line('error') }
}

async function main(): Promise<void> {
  const argv = process.argv.slice(2)
  if (argv[0] !== undefined && !argv[0].startsWith('-')) {
    process.exitCode = await operate(argv, processTerminal)
    return
  }
  let given: ReturnType<typeof readArguments>
  try {
    given = readArguments()
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : error}\n${USAGE}`)
    process.exitCode = 2
    return
  }
  if (given) await serve(given)
  else process.stdout.write(USAGE)
}

async function serve(given: NonNullable<ReturnType<typeof readArguments>>): Promise<void> {
  // Whoever copies the printed paths into a gateway's configuration starts that from another folder.
  const data = resolve(given.data)
  const sink = await sinkOf(given.nats, given.kafka)
  const core = await startCloudCore({
    dataDir: data,
    port: given.port,
    host: given.host,
    names: given.name,
    isInsecureHttp: given['insecure-http'],
    logger: lineLogger(),
    ...(sink ? { sink } : {}),
    ...(given.retainDays === undefined ? {} : { retainDays: given.retainDays }),
  })
  const { url, caFile, enrolToken, cosignerKey } = core
  process.stdout.write(`${JSON.stringify({ url, caFile, enrolToken, cosignerKey })}\n`)
  process.stderr.write(
    `The cloud core listens at ${url}
  gateway:  cloud.url ${url}, cloud.caFile ${caFile}, cloud.enrolToken ${enrolToken}
  browser:  ${url}/  user operator, password in ${join(data, 'operator.token')}
  cosigner: verifier key ${cosignerKey}
`,
  )
  const stop = (): void => {
    core.close().then(
      () => process.exit(0),
      () => process.exit(1),
    )
  }
  process.once('SIGINT', stop)
  process.once('SIGTERM', stop)
}

/** Whether the engine is there now does not matter; whether its client is installed does. */
async function sinkOf(nats: string | undefined, kafka: string | undefined) {
  try {
    if (nats) return await natsSink({ servers: nats })
    return kafka ? await kafkaSink({ brokers: kafka.split(',') }) : undefined
  } catch (error) {
    throw new CloudError('sink.not-installed', { detail: String(error), cause: error })
  }
}

main().catch((error: unknown) => {
  const detail =
    error instanceof CloudError
      ? `${error.message}\n  ${CLOUD_ERRORS[error.code].next}`
      : String(error)
  process.stderr.write(`The cloud core did not start. ${detail}\n`)
  process.exitCode = 1
})
