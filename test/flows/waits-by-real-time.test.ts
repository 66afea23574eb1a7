import { expect, it } from 'vitest'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { tempFolder } from '../support/temp-folder.ts'
import { connectTo, numbers, open, until } from './bridge-support.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

/** A gateway whose clock is ahead of the real one by so much, as it is switched on. */
const switchOn = (dataDir: string, aheadMs = 0): Promise<TestGateway> =>
  startGateway({
    dataDir,
    config: open,
    overrides: {
      clock: { now: () => Date.now() + aheadMs, monotonic: () => performance.now() },
    },
    packs: [],
  })

/** The client bed, which keeps its session for two hours, and what it gets. */
async function connectBed({ mqttUrl }: TestGateway) {
  const got: string[] = []
  const kept = { clean: false, properties: { sessionExpiryInterval: 7200 } }
  const client = await connectTo(mqttUrl, 'bed', kept, (_topic, payload) =>
    got.push(String(payload)),
  )
  return { client, got }
}

/** Bed goes away, five messages come for it, one of them for an hour only, and the box is switched off. */
async function leaveFive(dataDir: string): Promise<string[]> {
  const gateway = await switchOn(dataDir)
  const { client } = await connectBed(gateway)
  await client.subscribeAsync('calls/#', { qos: 1 })
  await client.endAsync()
  const nurse = await connectTo(gateway.mqttUrl, 'nurse')
  const sent = numbers(4)
  for (const text of sent) await nurse.publishAsync('calls/bed', text, { qos: 1 })
  const forAnHour = { qos: 1, properties: { messageExpiryInterval: 3600 } } as const
  await nurse.publishAsync('calls/bed', 'for an hour', forAnHour)
  await gateway.close()
  return sent
}

it('a start with a clock that is far ahead takes no session and no message that waits', async () => {
  const dataDir = tempFolder()
  const sent = await leaveFive(dataDir)
  const ahead = await switchOn(dataDir, 300 * DAY_MS)
  expect(ahead.box.store.prepare('SELECT count(*) AS n FROM mqtt_queue').get()).toEqual({ n: 5 })
  await ahead.close()
  const right = await switchOn(dataDir, 1000)
  const { got } = await connectBed(right)
  await until(() => got.length >= 5, 'what waited')
  expect(got).toEqual([...sent, 'for an hour'])
})

it('what expired while the box was off is not delivered when it is back', async () => {
  const dataDir = tempFolder()
  const sent = await leaveFive(dataDir)
  const later = await switchOn(dataDir, 1.5 * HOUR_MS)
  const { client, got } = await connectBed(later)
  await client.publishAsync('calls/bed', 'the last', { qos: 1 })
  await until(() => got.includes('the last'), 'what waited')
  expect(got).toEqual([...sent, 'the last'])
  await later.close()
})

it('a session that was over while the box was off is not there when it is back', async () => {
  const dataDir = tempFolder()
  await leaveFive(dataDir)
  const later = await switchOn(dataDir, 3 * HOUR_MS)
  const sessions = () => later.box.store.prepare('SELECT client_id FROM mqtt_session').all()
  await until(() => sessions().length === 0, 'the session to go')
})
