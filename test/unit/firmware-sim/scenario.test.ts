import {
  durationMs,
  loadScenario,
  parseScenario,
  ScenarioError,
  scenarioNames,
} from '@kefu-edge/firmware-sim/scenario'
import { describe, expect, test } from 'vitest'

const scenario = (steps: string) =>
  `name: t\ndevices:\n  - { id: kiosk-1, kind: kiosk }\nsteps:\n${steps}`

test.each(scenarioNames())('the scenario %s can be read', (name) => {
  const { devices, steps } = loadScenario(name)
  expect(devices.length).toBeGreaterThan(0)
  expect(steps.length).toBeGreaterThan(3)
})

test('there are at least five scenarios', () => {
  expect(scenarioNames().length).toBeGreaterThanOrEqual(5)
})

describe('a scenario that is wrong', () => {
  test('is refused with the step that is none', () => {
    expect(() => parseScenario(scenario('  - { at: kiosk-1, shout: 你好 }'), 'a.yaml')).toThrow(
      /a\.yaml: step 1 is not a step: .*shout/,
    )
  })

  test('is refused with the device that it does not have', () => {
    expect(() => parseScenario(scenario('  - { at: kiosk-9, say: 你好 }'), 'a.yaml')).toThrow(
      /step 1 names the unknown device "kiosk-9"/,
    )
  })

  test('is refused when its name is not known, with the names there are', () => {
    expect(() => loadScenario('nothing')).toThrow(ScenarioError)
    expect(() => loadScenario('nothing')).toThrow(/lobby-morning/)
  })
})

test('durations are read with their unit', () => {
  expect([durationMs('800ms'), durationMs('2s'), durationMs('1m')]).toEqual([800, 2_000, 60_000])
})
