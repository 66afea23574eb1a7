import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import type { DeviceClient } from '@kefu-edge/device-sdk/client/api'
import {
  createDeviceClient,
  createSpeechPlayer,
  memoryQueueStore,
} from '@kefu-edge/device-sdk/client/node'
import { afterEach, expect, test } from 'vitest'
import { startGateway } from '../support/gateway.ts'

const KIOSK = readFileSync(
  resolve(import.meta.dirname, '../../device-sdk/examples/kiosk.html'),
  'utf8',
)
const README = readFileSync(resolve(import.meta.dirname, '../../device-sdk/README.md'), 'utf8')
const PACKAGE = "import { createDeviceClient } from '@kefu-edge/device-sdk'"
const clients: DeviceClient[] = []
afterEach(async () => {
  for (const client of clients.splice(0)) await client.close()
})

/** The first program after a heading, as a reader would copy it. */
function programAfter(heading: string): string {
  const section = README.slice(README.indexOf(`## ${heading}`))
  return /```js\n([\s\S]*?)```/.exec(section)?.[1] ?? ''
}

test.each(['From nothing to an answer', '快速开始'])(
  'the program under "%s" gets an answer in ten lines, as it stands',
  async (heading) => {
    const gateway = await startGateway()
    const token = await gateway.addDevice('kiosk-1')
    const program = programAfter(heading)
    expect(program.split('\n').filter((line) => line.trim() !== '').length).toBeLessThanOrEqual(10)
    expect(program.startsWith(PACKAGE)).toBe(true)
    const printed: string[] = []
    const make: typeof createDeviceClient = (options) => {
      const client = createDeviceClient({ ...options, token, url: gateway.mqttUrl })
      clients.push(client)
      return client
    }
    const names = ['createDeviceClient', 'process', 'console']
    const body = `return (async () => {${program.replace(PACKAGE, '')}})()`
    const run = new Function(...names, body) as (...given: unknown[]) => Promise<void>
    await run(make, { env: {} }, { log: (text: string) => printed.push(text) })
    expect(printed).toHaveLength(1)
    expect(printed[0]?.length).toBeGreaterThan(3)
  },
)

test('the page of a kiosk goes on with a visitor, and begins anew with the next', async () => {
  const gateway = await startGateway()
  const token = await gateway.addDevice('kiosk-1')
  const sessions: string[] = []
  const parts = {
    createDeviceClient: (options: Parameters<typeof createDeviceClient>[0]) => {
      const client = createDeviceClient({ ...options, token, url: gateway.mqttUrl })
      clients.push(client)
      client.onAnswer(({ session }) => sessions.push(session))
      return client
    },
    createSpeechPlayer: (options: Parameters<typeof createSpeechPlayer>[0]) =>
      createSpeechPlayer({ ...options, play: async () => undefined }),
    localStorageQueueStore: memoryQueueStore,
  }
  let afterPause = () => undefined as unknown
  let submit = async (_event: object) => undefined as unknown
  const form = {
    value: '几点开门',
    reset: () => undefined,
    addEventListener: (name: string, handler: typeof submit) => {
      if (name === 'submit') submit = handler
    },
  }
  const page = {
    document: { getElementById: () => form },
    location: { hostname: '127.0.0.1' },
    setTimeout: (work: typeof afterPause) => {
      afterPause = work
    },
    clearTimeout: () => undefined,
  }
  const script = /<script type="module">([\s\S]*)<\/script>/.exec(KIOSK)?.[1] ?? ''
  const all = { ...parts, ...page }
  new Function(...Object.keys(all), script.replace(/import .*/, ''))(...Object.values(all))
  const ask = () => submit({ preventDefault: () => undefined })
  await ask()
  await ask()
  afterPause()
  await ask()
  expect(sessions).toHaveLength(3)
  expect(sessions[1]).toBe(sessions[0])
  expect(sessions[2]).not.toBe(sessions[0])
})
