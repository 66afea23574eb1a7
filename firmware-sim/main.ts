#!/usr/bin/env node
/** `npm run sim -- --scenario NAME`: plays a scenario against a running gateway and prints it. */
import { parseArgs } from 'node:util'
import { DeviceClientError } from '@kefu-edge/device-sdk/client/errors'
import { CredentialsError, credentialsFromCommandLine, credentialsFromFile } from './credentials.ts'
import { FLEET_MAX, runFleet } from './fleet.ts'
import { announcerOf, DEFAULT_DATA_FOLDER, readPorts } from './local-gateway.ts'
import { type RunOptions, runScenario } from './run-scenario.ts'
import { loadScenario, ScenarioError, scenarioNames } from './scenario.ts'
import { transcriptPrinter } from './transcript.ts'

const USAGE = `Usage: npm run sim -- --scenario NAME [options]

Plays people in front of simulated devices against a running gateway (npm start).

  --scenario NAME   one of: ${scenarioNames().join(', ')}; or the path of a YAML file
  --gateway URL     such as mqtt://127.0.0.1:1883 or ws://127.0.0.1:8080/v1/ws (default: MQTT of the
                    gateway that runs on the data folder)
  --seed N          repeats a run: what is misheard, how long devices wait (default: the scenario's)
  --tokens FILE     tokens as "kefu-edge device add … --json" printed them; without it
                    devices sim-… are added with that command (--data names the gateway's folder)
  --data DIR        the gateway's data folder (default: .kefu)
  --fleet N         N copies at once, prints figures instead of the conversation (at most ${FLEET_MAX})
  --pause MS        pause before each step, to read along
  --json            one JSON line at the end

Exit code: 0 as expected, 1 an expectation failed, 2 used wrong.`

const OPTIONS = {
  scenario: { type: 'string' },
  gateway: { type: 'string' },
  seed: { type: 'string' },
  tokens: { type: 'string' },
  data: { type: 'string', default: DEFAULT_DATA_FOLDER },
  fleet: { type: 'string' },
  pause: { type: 'string' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const

class UsageError extends Error {}

function readOptions() {
  try {
    return parseArgs({ options: OPTIONS }).values
  } catch (error) {
    throw new UsageError(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`)
  }
}

function wholeNumber(name: string, text: string, max: number): number {
  const number = Number(text)
  if (Number.isInteger(number) && number >= 0 && number <= max) return number
  throw new UsageError(`--${name} takes a whole number up to ${max}, not "${text}"`)
}

async function main(): Promise<number> {
  const values = readOptions()
  if (values.help || values.scenario === undefined) {
    console.log(USAGE)
    return values.help ? 0 : 2
  }
  const printer = transcriptPrinter({ colour: process.stdout.isTTY })
  const ports = readPorts(values.data) ?? { http: 8080, mqtt: 1883 }
  const announce = announcerOf(values.data, ports.http)
  const options: RunOptions = {
    scenario: loadScenario(values.scenario),
    gateway: values.gateway ?? `mqtt://127.0.0.1:${ports.mqtt}`,
    ...(announce === undefined ? {} : { announce }),
    credentials:
      values.tokens === undefined
        ? credentialsFromCommandLine(values.data)
        : credentialsFromFile(values.tokens),
    ...(values.seed === undefined
      ? {}
      : { seed: wholeNumber('seed', values.seed, Number.MAX_SAFE_INTEGER) }),
    ...(values.pause === undefined ? {} : { pauseMs: wholeNumber('pause', values.pause, 60_000) }),
  }
  if (values.fleet !== undefined) {
    const figures = await runFleet(options, wholeNumber('fleet', values.fleet, FLEET_MAX))
    for (const failure of figures.failures.slice(0, 20)) console.log(`✗ ${failure}`)
    console.log(values.json ? JSON.stringify(figures) : fleetLine(figures))
    return figures.ok ? 0 : 1
  }
  console.log(`${options.scenario.name}\n`)
  const onEntry: RunOptions['onEntry'] = (entry) => console.log(printer.line(entry))
  const { entries, latenciesMs, ...result } = await runScenario({ ...options, onEntry })
  console.log(
    `\n${result.answered}/${result.asks}${result.ok ? ' ✓' : ` ✗ ${result.failures.length}`}`,
  )
  if (values.json) console.log(JSON.stringify({ ...result, lines: entries.length, latenciesMs }))
  return result.ok ? 0 : 1
}

const isUsedWrong = (error: unknown): error is Error =>
  error instanceof ScenarioError ||
  error instanceof UsageError ||
  error instanceof CredentialsError ||
  (error instanceof DeviceClientError && error.code === 'client.bad-url')

const fleetLine = (f: Awaited<ReturnType<typeof runFleet>>): string =>
  `${f.copies} copies, ${f.answered}/${f.asks} answered, p50 ${f.p50Ms.toFixed(1)} ms, ` +
  `p99 ${f.p99Ms.toFixed(1)} ms, ${f.failures.length} failures`

try {
  process.exitCode = await main()
} catch (error) {
  if (!isUsedWrong(error)) throw error
  console.error(error.message)
  process.exitCode = 2
}
