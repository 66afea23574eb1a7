/** To whom a call for the nurse goes, as devices are moved, watched and fall silent while they are connected. */
import { createDeviceClient } from '@kefu-edge/device-sdk'
import { expect, it } from 'vitest'
import { runOperation } from '../../gateway/console/operations.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'

/** A device of staff that listens to its speech. */
async function listener(gateway: TestGateway, id: string, groups: string[]) {
  const token = await gateway.addDevice(id, 'nurse', groups)
  const client = await gateway.connectMqtt(id, token)
  await client.subscribeAsync(`kefu/v1/${id}/speech`, { qos: 1 })
  return client
}

/** Devices that were given something to say to staff. */
const told = ({ box }: TestGateway) =>
  Array.from({ length: box.ledger.size() }, (_, index) => box.ledger.entryAt(index))
    .filter((entry) => entry?.kind === 'speech.announced')
    .map((entry) => entry?.deviceId)

it('a bed that is moved to another ward calls the nurse there at once, whatever it is connected by', async () => {
  const gateway = await startGateway()
  await listener(gateway, 'nurse-a', ['ward-a'])
  await listener(gateway, 'nurse-b', ['ward-b'])
  for (const [id, url] of [
    ['bed-m', gateway.mqttUrl],
    ['bed-w', `${gateway.httpUrl.replace('http', 'ws')}/v1/ws`],
  ] as const) {
    const token = await gateway.addDevice(id, 'bedside', ['ward-a'])
    const bed = createDeviceClient({ deviceId: id, token, url })
    await bed.ask('你好')
    await runOperation('device.update', { id, groups: ['ward-b'] }, gateway.box.operations)
    await bed.sendEvent({ kind: 'button', name: 'call-nurse' })
    await bed.flush()
    await bed.close()
  }
  expect(told(gateway)).toEqual(['nurse-b', 'nurse-b'])
})
