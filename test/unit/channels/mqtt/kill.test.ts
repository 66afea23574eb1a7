import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import mqtt from 'mqtt'
import { afterEach, expect, test } from 'vitest'
import { tempFolder } from '../../../support/temp-folder.ts'
import { RawClient, startBroker, type TestBroker } from './broker-support.ts'

const SERVER = fileURLToPath(new URL('./kill-server.ts', import.meta.url))
const children: ChildProcess[] = []
const brokers: TestBroker[] = []
const raws: RawClient[] = []

afterEach(async () => {
  for (const raw of raws.splice(0)) raw.destroy()
  for (const broker of brokers.splice(0)) await broker.close()
  for (const child of children.splice(0)) child.kill('SIGKILL')
})

async function start(folder: string): Promise<{ url: string; kill(): Promise<void> }> {
  const child = spawn(process.execPath, ['--import', 'tsx', '-C', 'kefu-source', SERVER, folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  children.push(child)
  const port = await new Promise<string>((resolve, reject) => {
    child.stdout?.once('data', (line) => resolve(String(line).trim().split(' ')[1] ?? ''))
    child.once('exit', () => reject(new Error('the broker did not start')))
  })
  return {
    url: `mqtt://127.0.0.1:${port}`,
    kill: () =>
      new Promise((resolve) => {
        child.once('exit', () => resolve())
        child.kill('SIGKILL')
      }),
  }
}

test.each([1, 2] as const)(
  'SIGKILL in the middle of publishing loses no acknowledged message of QoS %i',
  async (qos) => {
    const folder = tempFolder()
    const first = await start(folder)
    const reader = { clientId: 'reader', clean: false, reconnectPeriod: 0 }
    const away = await mqtt.connectAsync(first.url, reader)
    await away.subscribeAsync('log', { qos })
    await away.endAsync()

    const writer = await mqtt.connectAsync(first.url, { reconnectPeriod: 0 })
    writer.on('error', () => undefined)
    const acknowledged = new Set<string>()
    const enough = new Promise<void>((resolve) => {
      for (let n = 0; n < 3000; n++) {
        writer.publish('log', `${n}`, { qos }, (error) => {
          if (error) return
          acknowledged.add(`${n}`)
          if (acknowledged.size === 500) resolve()
        })
      }
    })
    await enough
    await first.kill()
    writer.end(true)

    const second = await start(folder)
    const back = mqtt.connect(second.url, reader)
    const got: string[] = []
    const missing = new Set(acknowledged)
    await new Promise<void>((resolve) => {
      back.on('message', (_topic, payload) => {
        got.push(payload.toString())
        missing.delete(payload.toString())
        if (missing.size === 0) resolve()
      })
    })
    back.end(true)
    expect(got).toEqual([...got].sort((a, b) => Number(a) - Number(b)))
    expect(new Set(got).size).toBe(got.length)
  },
  30_000,
)

/** CONNECT of 3.1.1, kept session, client id `a`. */
const CONNECT_KEPT = '100d 0004 4d515454 04 00 003c 0001 61'
/** Message `n` under packet id `n`: first byte, topic `x`, payload the figure. */
const message = (head: string, n: number) => `${head}06000178000${n}3${n}`

test.each([
  ['', ''],
  [
    ', in a file with a gap as an older program left it',
    `UPDATE mqtt_queue SET packet_id = NULL WHERE payload = x'31'`,
  ],
])(
  'a power cut while QoS 1 and QoS 2 leave one session together: the QoS 2 handshake goes on where it was%s',
  async (_where, change) => {
    const before = await startBroker()
    brokers.push(before)
    const open = async (broker: TestBroker, answer: string): Promise<RawClient> => {
      const client = await RawClient.open(broker.port)
      raws.push(client)
      client.send(CONNECT_KEPT)
      expect(await client.next()).toBe(answer)
      return client
    }
    const away = await open(before, '20020000')
    away.send('8206 0001 0001 78 02')
    expect(await away.next()).toBe('9003000102')
    away.send('e000')
    await away.closed()
    const { broker } = before
    await broker.publish({ topic: 'x', payload: '1', qos: 1 })
    await broker.publish({ topic: 'x', payload: '2', qos: 2 })

    // Both leave at once: the QoS 2 one has its packet id on disk, that of the other could wait.
    const reader = await open(before, '20020100')
    expect(await reader.next()).toBe(message('32', 1))
    expect(await reader.next()).toBe(message('34', 2))
    if (change !== '') await before.store.commit(() => before.store.prepare(change).run())
    const after = await before.afterPowerCut()
    brokers.push(after)

    const back = await open(after, '20020100')
    expect([await back.next(), await back.next()]).toContain(message('3c', 2))
    back.send('5002 0002')
    expect(await back.next()).toBe('62020002')
    back.send('7002 0002')
    back.send('c000')
    expect(await back.next()).toBe('d000')
    // Nothing is owed any more but the QoS 1 message.
    expect(after.broker.totals()).toMatchObject({ queuedMessages: 1, inflight: 1 })
  },
)
