/** Scenarios: what people do in front of devices, as YAML that reads like a script. */
import { readdirSync, readFileSync } from 'node:fs'
import { Subject } from '@kefu-edge/device-sdk/protocol/schemas'
import { type Static, Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { parse } from 'yaml'
import { BUTTONS, KINDS } from './machines/machine.ts'
import { packagePath } from './paths.ts'

const closed = { additionalProperties: false } as const
const DeviceName = Type.String({
  minLength: 1,
  maxLength: 48,
  pattern: '^[A-Za-z0-9][A-Za-z0-9._-]*$',
})
/** `800ms`, `2s`, `1m`. */
const Duration = Type.String({ pattern: '^\\d+(ms|s|m)$' })
const oneOf = <const V extends readonly string[]>(values: V) =>
  Type.Union(values.map((value) => Type.Literal(value))) as ReturnType<
    typeof Type.Unsafe<V[number]>
  >

/** What must be true of the last answer; text is a regular expression. */
const Expectation = Type.Object(
  {
    text: Type.Optional(Type.String()),
    spoken: Type.Optional(Type.String()),
    status: Type.Optional(
      oneOf(['answered', 'need-input', 'clarify', 'forwarded', 'handed-off', 'not-known']),
    ),
    intent: Type.Optional(Type.String()),
    /** The question did not get an answer, for this reason: a code of the contract or `client.…`. */
    failed: Type.Optional(Type.String()),
    /** Answered within this time, measured on the device. */
    within: Type.Optional(Duration),
    /** The same session as the answer before. */
    sameSession: Type.Optional(Type.Boolean()),
  },
  closed,
)
export type Expectation = Static<typeof Expectation>

const Fault = oneOf(['none', 'slow', 'lose-answers', 'cut-after-ask', 'duplicate-asks'])
export type Fault = Static<typeof Fault>

const at = { at: DeviceName }
const expect = { expect: Type.Optional(Expectation) }

const StepSchema = Type.Union([
  Type.Object(
    {
      ...at,
      say: Type.String({ minLength: 1, maxLength: 1000 }),
      /** Spoken so that the recogniser does not have it first. */
      unclear: Type.Optional(Type.Boolean()),
      ...expect,
    },
    closed,
  ),
  Type.Object({ ...at, choose: Type.Integer({ minimum: 1, maximum: 10 }), ...expect }, closed),
  Type.Object({ ...at, press: oneOf(BUTTONS) }, closed),
  /** Waits until the device has played speech that the gateway sent by itself. */
  Type.Object({ ...at, hear: Type.String(), within: Type.Optional(Duration) }, closed),
  /** Staff broadcast to a device; needs a run that can reach the gateway's announcer. */
  Type.Object(
    {
      announce: Type.String({ minLength: 1 }),
      ...at,
      priority: Type.Optional(oneOf(['critical', 'urgent', 'normal', 'background'])),
      untilAcknowledged: Type.Optional(Type.Boolean()),
    },
    closed,
  ),
  Type.Object({ wait: Duration }, closed),
  Type.Object({ offline: DeviceName }, closed),
  Type.Object({ online: DeviceName }, closed),
  Type.Object({ kill: DeviceName }, closed),
  Type.Object({ boot: DeviceName }, closed),
  Type.Object({ ...at, fault: Fault }, closed),
  /** Everything the device queued has reached the gateway. */
  Type.Object({ delivered: DeviceName, within: Type.Optional(Duration) }, closed),
])
export type ScenarioStep = Static<typeof StepSchema>

export const Scenario = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 80 }),
    about: Type.Optional(Type.String()),
    seed: Type.Optional(Type.Integer({ minimum: 0 })),
    devices: Type.Array(
      Type.Object(
        {
          id: DeviceName,
          kind: oneOf(KINDS),
          place: Type.Optional(Type.String({ maxLength: 40 })),
          lang: Type.Optional(Type.String()),
          subject: Type.Optional(Type.Object(Subject.properties, closed)),
        },
        closed,
      ),
      { minItems: 1, maxItems: 50 },
    ),
    steps: Type.Array(StepSchema, { minItems: 1, maxItems: 1000 }),
  },
  closed,
)
export type Scenario = Static<typeof Scenario>
export type ScenarioDevice = Scenario['devices'][number]

/** A scenario that cannot be run; the message names the file and the place. */
export class ScenarioError extends Error {
  override readonly name = 'ScenarioError'
}

/** Reads and checks a scenario. Throws ScenarioError. */
export function parseScenario(text: string, source: string): Scenario {
  const value: unknown = parse(text)
  if (!Value.Check(Scenario, value)) throw new ScenarioError(`${source}: ${firstError(value)}`)
  const known = new Set(value.devices.map((device) => device.id))
  value.steps.forEach((step, index) => {
    const device = deviceOf(step)
    if (device !== undefined && !known.has(device))
      throw new ScenarioError(`${source}: step ${index + 1} names the unknown device "${device}"`)
  })
  return value
}

/** The first place that does not fit; of a step, the nearest of its forms is meant. */
function firstError(value: unknown): string {
  const steps = (value as { steps?: unknown } | null)?.steps
  if (Array.isArray(steps)) {
    const wrong = steps.findIndex((step) => !Value.Check(StepSchema, step))
    if (wrong >= 0) return `step ${wrong + 1} is not a step: ${JSON.stringify(steps[wrong])}`
  }
  const first = Value.Errors(Scenario, value).First()
  return `${first?.path || '/'}: ${first?.message ?? 'does not fit'}`
}

/** The device a step is about; undefined for a pause. */
export function deviceOf(step: ScenarioStep): string | undefined {
  if ('at' in step) return step.at
  if ('offline' in step) return step.offline
  if ('online' in step) return step.online
  if ('kill' in step) return step.kill
  if ('boot' in step) return step.boot
  if ('delivered' in step) return step.delivered
  return undefined
}

export function durationMs(text: string): number {
  const [, count = '0', unit = 'ms'] = /^(\d+)(ms|s|m)$/.exec(text) ?? []
  return Number(count) * { ms: 1, s: 1_000, m: 60_000 }[unit as 'ms' | 's' | 'm']
}

export const scenarioNames = (): string[] =>
  readdirSync(packagePath('scenarios'))
    .filter((file) => file.endsWith('.yaml'))
    .map((file) => file.slice(0, -'.yaml'.length))
    .sort()

/** A scenario of this package by name, or any by the path of its file. Throws ScenarioError. */
export function loadScenario(nameOrPath: string): Scenario {
  const path = nameOrPath.endsWith('.yaml')
    ? nameOrPath
    : packagePath(`scenarios/${nameOrPath}.yaml`)
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch {
    throw new ScenarioError(`no scenario "${nameOrPath}"; there are: ${scenarioNames().join(', ')}`)
  }
  return parseScenario(text, path)
}
