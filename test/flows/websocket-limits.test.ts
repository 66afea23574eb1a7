/** One device on a WebSocket that sends too much, or too many that come at once: told so, and kept from the others. */
import { once } from 'node:events'
import { afterEach, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { handClock } from '../support/clock.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'

type Frame = Record<string, unknown>

const open = new Set<WebSocket>()
afterEach(() => {
  for (const socket of open) socket.terminate()
  open.clear()
})

/** The clock stands still, so that what is saved up is exact. */
const startWith = (clock: ReturnType<typeof handClock>, mqtt: object) =>
  startGateway({ packs: [], overrides: { clock }, config: { mqtt: { port: 0, ...mqtt } } })

/** A device that has said hello, and what it was told. */
async function greet(gateway: TestGateway, deviceId: string) {
  const token = await gateway.addDevice(deviceId)
  const socket = new WebSocket(`${gateway.httpUrl.replace('http', 'ws')}/v1/ws`, 'kefu.v1.json')
  open.add(socket)
  const told: Frame[] = []
  socket.on('message', (data) => told.push(JSON.parse(String(data)) as Frame))
  const closed = once(socket, 'close').then(([code]) => code as number)
  await once(socket, 'open')
  const say = (frame: Frame) => socket.send(JSON.stringify(frame))
  say({ type: 'hello', deviceId, token })
  await expect.poll(() => told.length).toBe(1)
  return { told, say, closed }
}

const reading = (id: string): Frame => ({
  type: 'event',
  id,
  kind: 'sensor',
  name: 'temperature',
  at: '2026-05-01T10:00:00+08:00',
})
const ids = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, at) => `e${from + at}`)

it('a device that sends faster than it may is told so by message, and goes on at its rate', async () => {
  const clock = handClock()
  const gateway = await startWith(clock, { messagesPerSecond: 10 })
  const { told, say } = await greet(gateway, 'bed-1')
  // Two seconds of the rate are saved up.
  for (const id of ids(0, 25)) say(reading(id))
  await expect.poll(() => told.length).toBe(26)
  const answers = (type: string) => told.filter((one) => one.type === type)
  expect(new Set(answers('ack').map((one) => one.inReplyTo))).toEqual(new Set(ids(0, 20)))
  expect(answers('problem').map((one) => one.inReplyTo)).toEqual(ids(20, 25))
  expect(answers('problem')[0]).toMatchObject({ code: 'limit.rate', status: 429 })
  clock.advance(1000)
  say(reading('later'))
  await expect.poll(() => told.at(-1)).toMatchObject({ type: 'ack', inReplyTo: 'later' })
})

it('a device that goes on all the same is cut', async () => {
  const gateway = await startWith(handClock(), { messagesPerSecond: 10 })
  const { told, say, closed } = await greet(gateway, 'bed-1')
  for (const id of ids(0, 60)) say(reading(id))
  expect(await closed).toBe(1013)
  expect(told.filter(({ type }) => type === 'problem').length).toBeLessThanOrEqual(11)
})

it('more devices at once than may connect are told to come again', async () => {
  const gateway = await startWith(handClock(), { connectsPerSecond: 1 })
  expect((await greet(gateway, 'bed-1')).told).toMatchObject([{ type: 'welcome' }])
  const { told, closed } = await greet(gateway, 'bed-2')
  expect(told).toMatchObject([{ type: 'problem', code: 'limit.overloaded', status: 503 }])
  expect(await closed).toBe(4401)
})
