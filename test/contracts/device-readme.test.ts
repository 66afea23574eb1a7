import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import type { DeviceClient } from '@kefu-edge/device-sdk/client/api'
import { createDeviceClient } from '@kefu-edge/device-sdk/client/node'
import { afterEach, expect, test } from 'vitest'
import { startGateway } from '../support/gateway.ts'

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
