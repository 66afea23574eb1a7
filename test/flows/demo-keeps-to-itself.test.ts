import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { afterEach, expect, it } from 'vitest'
import { loadConfig } from '../../gateway/config/load-config.ts'
import { runDemo } from '../../gateway/demo.ts'
import { listen } from '../support/command.ts'
import { tempFolder } from '../support/temp-folder.ts'

const server = createServer()
afterEach(() => void server.close())

it('the demo of a box in use talks to nobody beyond itself: the broker of the house would take it for the box', async () => {
  let visitors = 0
  server.on('connection', (socket) => {
    visitors++
    socket.destroy()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const there = `127.0.0.1:${(server.address() as AddressInfo).port}`
  const config = loadConfig({
    dataDir: tempFolder(),
    env: {},
    overrides: {
      bridges: [
        {
          name: 'his',
          url: `mqtt://${there}`,
          clientId: 'kefu-ward',
          in: [{ filter: 'his/#' }],
          out: [{ filter: 'kefu/v1/+/event' }],
        },
      ],
      site: { redis: `redis://${there}`, name: 'ward-3' },
      cloud: { url: `https://${there}`, enrolToken: 'of-the-fleet' },
    },
  })
  const { io, said } = listen()
  expect(await runDemo(config, io)).toBe(0)
  expect(said.out.at(-1)).toContain('ledger → cloud')
  expect(visitors).toBe(0)
}, 240_000)
