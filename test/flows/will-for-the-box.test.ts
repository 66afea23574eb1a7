import { expect, it } from 'vitest'
import { startGateway } from '../support/gateway.ts'

const alarm = { id: 'lost-1', kind: 'alarm', name: 'bedside terminal lost' }
const will = {
  topic: 'kefu/v1/bed-1/event',
  payload: Buffer.from(JSON.stringify(alarm)),
  qos: 1 as const,
  retain: false,
}

it('an alarm that a device leaves as its will is in the ledger once the device is lost', async () => {
  const gateway = await startGateway({ packs: [] })
  const token = await gateway.addDevice('bed-1', 'bedside')
  const bed = await gateway.connectMqtt('bed-1', token, { will })
  bed.stream.destroy()
  await expect
    .poll(() => gateway.box.ledger.seen('bed-1', 'event/lost-1'))
    .toMatchObject({ body: { id: 'lost-1' } })
})
