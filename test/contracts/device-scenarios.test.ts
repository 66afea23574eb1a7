import { join } from 'node:path'
import { newId } from '@kefu-edge/device-sdk/protocol/ids'
import type { Speech } from '@kefu-edge/device-sdk/protocol/schemas'
import { topicOf } from '@kefu-edge/device-sdk/protocol/topics'
import { type Announcement, runScenario } from '@kefu-edge/firmware-sim/run-scenario'
import { loadScenario, scenarioNames } from '@kefu-edge/firmware-sim/scenario'
import { transcriptPrinter } from '@kefu-edge/firmware-sim/transcript'
import { expect, test } from 'vitest'
import { startGateway, type TestGateway } from '../support/gateway.ts'

const HOSPITAL = join(import.meta.dirname, '../../gateway/packs/hospital')
const printer = transcriptPrinter()

const announceOn = (gateway: TestGateway) => (deviceId: string, what: Announcement) => {
  const speech: Speech = {
    id: newId(),
    text: what.text,
    ssml: `<speak version="1.1" xmlns="http://www.w3.org/2001/10/synthesis" xml:lang="zh-CN">${what.text}</speak>`,
    lang: 'zh-CN',
    priority: what.priority,
    bargeIn: false,
    expiresAt: new Date(Date.now() + 60_000).toISOString(),
    ...(what.untilAcknowledged
      ? { repeat: { times: 3, everySeconds: 60, untilAcknowledged: true } }
      : {}),
  }
  const topic = topicOf(deviceId, 'speech')
  return gateway.broker.publish({ topic, payload: JSON.stringify(speech), qos: 1 })
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
