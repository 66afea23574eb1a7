import { once } from 'node:events'
import { connect as connectTcp } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { expect, it } from 'vitest'
import { runOperation } from '../../gateway/console/operations.ts'
import { createIssuer } from '../support/certificates.ts'
import { startGateway } from '../support/gateway.ts'
import { tempFolder } from '../support/temp-folder.ts'
import * as packet from '../support/wire/packets.ts'

const ROUNDS = 3
/** More than the box reads at once. */
const FLOOD = Buffer.concat(
  Array.from({ length: 200 }, () => packet.publish(5, 'kefu/v1/bed-1/note', 'x'.repeat(1000))),
)

/** A gateway that serves MQTT over TCP and TLS. */
async function openSite() {
  const ca = await createIssuer(tempFolder(), 'site-ca')
  const { certFile, keyFile } = await ca.issue('box', 'box', ['localhost'])
  return startGateway({
    packs: [],
    config: {
      mqtt: { port: 0, tlsPort: 0 },
      tls: { host: '127.0.0.1', certFile, keyFile },
    },
  })
}

it.each(['mqtt', 'mqttTls'] as const)(
  'devices whose network is gone in the middle of a flood are told as such, and the others served (%s)',
  async (door) => {
    const gateway = await openSite()
    const token = await gateway.addDevice('bed-1', 'bedside')
    const credentials = { username: 'bed-1', password: token }
    const login = packet.connect({ version: 5, clientId: 'bed-1', ...credentials })
    const ends = async () =>
      (await runOperation('mqtt.ends', {}, gateway.box.operations)) as { reason: unknown }[]
    for (let round = 1; round <= ROUNDS; round++) {
      const below = connectTcp(Number(gateway.ports[door]), '127.0.0.1').on('error', () => {})
      const socket =
        door === 'mqtt' ? below : connectTls({ socket: below, rejectUnauthorized: false })
      socket.on('error', () => {})
      socket.write(login)
      await once(socket, 'data')
      socket.write(FLOOD)
      // Answered once the flood is on its way.
      socket.write(packet.pingreq())
      await once(socket, 'data')
      socket.write(FLOOD)
      below.resetAndDestroy()
      await expect.poll(async () => (await ends()).length).toBe(round)
    }
    const told = new Set((await ends()).map(({ reason }) => reason))
    expect([...told]).toEqual(['the client closed the connection'])
    const after = await gateway.connectMqtt('bed-1', token)
    await after.publishAsync('kefu/v1/bed-1/event', '{"id":"e1","kind":"button"}', { qos: 1 })
  },
)
