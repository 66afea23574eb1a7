import type { Speech } from '@kefu-edge/device-sdk/protocol/schemas'
import { expect, it } from 'vitest'
import { type Clock, systemClock } from '../../gateway/clock.ts'
import { runOperation } from '../../gateway/console/operations.ts'
import { localMinuteOfDay } from '../../gateway/voice/quiet-hours.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'

const HOUR_MS = 3_600_000

/** A box in whose quiet hours the test begins; they end within the hour that follows. */
async function boxAtNight() {
  let aheadMs = 0
  const clock: Clock = { ...systemClock, now: () => systemClock.now() + aheadMs }
  const nowMs = systemClock.now()
  const quietHours = { from: wallClock(nowMs - HOUR_MS), until: wallClock(nowMs + HOUR_MS) }
  const gateway = await startGateway({
    overrides: { clock },
    config: { answers: { quietHours } },
  })
  const ahead = (ms: number) => {
    aheadMs += ms
  }
  return { gateway, ahead, nowMs }
}

function wallClock(ms: number): string {
  const minute = localMinuteOfDay(ms)
  return [Math.floor(minute / 60), minute % 60].map((n) => String(n).padStart(2, '0')).join(':')
}

async function listening(gateway: TestGateway, id: string, kind: string) {
  const client = await gateway.connectMqtt(id, await gateway.addDevice(id, kind))
  const heard: Speech[] = []
  const first = new Promise<Speech>((resolve) => {
    client.on('message', (_topic, payload) => {
      heard.push(JSON.parse(String(payload)) as Speech)
      resolve(heard[0] as Speech)
    })
  })
  await client.subscribeAsync(`kefu/v1/${id}/speech`, { qos: 1 })
  return { heard, first }
}

it('what staff announce in quiet hours is said at their end, and nobody is woken because it was not', async () => {
  const { gateway, ahead, nowMs } = await boxAtNight()
  const nurse = await listening(gateway, 'station-1', 'nurse')
  const bed = await listening(gateway, 'bed-1', 'bedside')
  const announce = (args: object) => runOperation('announce', args, gateway.box.operations)
  const said = { devices: ['bed-1'], text: '请按时吃药' }
  const expiresAt = new Date(nowMs + HOUR_MS / 2).toISOString()
  expect(await announce({ ...said, untilAcknowledged: true })).toMatchObject([
    { outcome: 'queued' },
  ])
  expect(await announce({ ...said, expiresAt })).toMatchObject([{ outcome: 'quiet' }])
  ahead(HOUR_MS / 2)
  const untilLater = new Date(nowMs + 3 * HOUR_MS).toISOString()
  await announce({ ...said, text: '火警', priority: 'critical', expiresAt: untilLater })
  expect((await bed.first).text).toBe('火警')
  ahead(HOUR_MS / 2)
  await expect.poll(() => bed.heard[1]?.text, { timeout: 5000 }).toBe(said.text)
  expect(bed.heard).toHaveLength(2)
  expect(nurse.heard).toEqual([])
})

it('an announcement carries from when until when it may be said', async () => {
  const gateway = await startGateway()
  const bed = await listening(gateway, 'bed-1', 'bedside')
  const announce = (args: object) =>
    runOperation('announce', { devices: ['bed-1'], ...args }, gateway.box.operations)
  const at = (ms: number) => new Date(systemClock.now() + ms).toISOString()
  expect(await announce({ text: '昨天', expiresAt: at(-1000) })).toMatchObject([
    { outcome: 'expired' },
  ])
  await expect(announce({ text: '没有这个月', expiresAt: '2026-13-01T00:00Z' })).rejects.toThrow()
  const expiresAt = at(HOUR_MS)
  await announce({ text: '等一下', notBefore: at(1500), expiresAt })
  await announce({ text: '现在' })
  expect((await bed.first).text).toBe('现在')
  await expect
    .poll(() => bed.heard[1], { timeout: 5000 })
    .toMatchObject({ text: '等一下', expiresAt })
})
