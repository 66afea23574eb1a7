import { join } from 'node:path'
import { type Announcement, runScenario } from '@kefu-edge/firmware-sim/run-scenario'
import { loadScenario, scenarioNames } from '@kefu-edge/firmware-sim/scenario'
import { transcriptPrinter } from '@kefu-edge/firmware-sim/transcript'
import { expect, test } from 'vitest'
import { runOperation } from '../../gateway/console/operations.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'

const HOSPITAL = join(import.meta.dirname, '../../gateway/packs/hospital')
const printer = transcriptPrinter()

const announceOn =
  (gateway: TestGateway) =>
  async (deviceId: string, what: Announcement): Promise<void> => {
    const args = { devices: [deviceId], ...what }
    const announced = await runOperation('announce', args, gateway.box.operations)
    expect(announced).toMatchObject([{ deviceId, outcome: 'queued' }])
  }

test('every scenario goes as written on a gateway with the hospital pack', async () => {
  const gateway = await startGateway({ packs: [HOSPITAL] })
  for (const name of scenarioNames()) {
    const result = await runScenario({
      scenario: loadScenario(name),
      gateway: gateway.mqttUrl,
      credentials: async ({ id, kind }) => ({
        deviceId: id,
        token: await gateway.addDevice(id, kind),
        kind,
      }),
      announce: announceOn(gateway),
      speechSpeed: 500,
      askTimeoutMs: 4_000,
    })
    const transcript = result.entries.map((entry) => printer.line(entry)).join('\n')
    expect(result.failures, `${name}\n${transcript}`).toEqual([])
  }
}, 120_000)
