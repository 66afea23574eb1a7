import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import mqtt from 'mqtt'
import { afterEach, expect, test } from 'vitest'

const SERVER = fileURLToPath(new URL('./kill-server.ts', import.meta.url))
const children: ChildProcess[] = []
const folders: string[] = []

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
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
    const folder = mkdtempSync(join(tmpdir(), 'kefu-kill-'))
    folders.push(folder)
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
