/** Staff, or a program of theirs, have devices say something by the command line. */
import type { Speech } from '@kefu-edge/device-sdk/protocol/schemas'
import { expect, it } from 'vitest'
import { announce, kefu } from '../support/command.ts'
import { startGateway } from '../support/gateway.ts'

it('what is announced to a ward is said at each bed, and the command tells what came of it at each', async () => {
  const gateway = await startGateway()
  announce(gateway)
  const say = (...words: string[]) => kefu('announce', ...words, '--data', gateway.dataDir)
  const bed = await gateway.connectMqtt(
    'bed-1',
    await gateway.addDevice('bed-1', 'bedside', ['ward-3']),
  )
  await gateway.addDevice('bed-2', 'bedside', ['ward-3'])
  const heard = new Promise<Speech>((resolve) => {
    bed.on('message', (_topic, payload) => resolve(JSON.parse(String(payload)) as Speech))
  })
  await bed.subscribeAsync('kefu/v1/bed-1/speech', { qos: 1 })
  const reminder = ['请吃药。', '--group', 'ward-3', '--until-acknowledged', '--id', 'pills-8']
  expect(await say(...reminder, '--priority', 'urgent')).toMatchObject({
    code: 0,
    out: expect.stringMatching(/^bed-1 {2}已排队.*\nbed-2 {2}已排队.*\n$/),
  })
  expect(await heard).toMatchObject({
    id: 'pills-8',
    text: '请吃药。',
    priority: 'urgent',
    repeat: { untilAcknowledged: true },
  })
  const again = await say(...reminder, '--device', 'bed-33', '--json')
  expect({ ...again, out: JSON.parse(again.out) }).toMatchObject({
    code: 1,
    out: [
      { deviceId: 'bed-1', outcome: 'duplicate' },
      { deviceId: 'bed-2', outcome: 'duplicate' },
      { deviceId: 'bed-33', outcome: 'unknown' },
    ],
  })
})

it('an announcement that names nobody, or in a way that no device takes, is refused with what to do', async () => {
  const gateway = await startGateway()
  announce(gateway)
  await gateway.addDevice('bed-1', 'bedside')
  const say = (...words: string[]) => kefu('announce', ...words, '--data', gateway.dataDir)
  expect(await say('请吃药。')).toMatchObject({
    code: 2,
    err: expect.stringContaining('--device ID'),
  })
  const refused = await say('请12号取药', '--device', 'bed-1', '--id', '叫号 12')
  expect(refused).toMatchObject({ code: 1, err: expect.stringContaining('(message.invalid)') })
  expect(await say('请吃药。', '--device', 'bed-9')).toMatchObject({
    code: 1,
    err: expect.stringContaining('(device.unknown)'),
  })
})

it('every ward that is named hears it, and the command says which name stands for nobody and which device is switched off', async () => {
  const gateway = await startGateway()
  announce(gateway)
  for (const [bed, ward] of [
    ['bed-1', 'ward-1'],
    ['bed-2', 'ward-2'],
    ['bed-3', 'ward-2'],
  ] as const) {
    await gateway.addDevice(bed, 'bedside', [ward])
  }
  await kefu('device', 'disable', 'bed-3', '--data', gateway.dataDir)
  const said = await kefu(
    ...['announce', '请收看电视。', '--group', 'ward-1', '--group', 'ward-2', '--group', 'ward-9'],
    ...['--device', 'bed-33', '--json', '--data', gateway.dataDir],
  )
  expect({ ...said, out: JSON.parse(said.out) }).toMatchObject({
    code: 1,
    out: [
      { deviceId: 'bed-1', outcome: 'queued' },
      { deviceId: 'bed-2', outcome: 'queued' },
      { deviceId: 'bed-3', outcome: 'disabled' },
      { deviceId: 'bed-33', outcome: 'unknown' },
      { group: 'ward-9', outcome: 'empty' },
    ],
  })
  const off = await kefu('announce', '请吃药。', '--device', 'bed-3', '--data', gateway.dataDir)
  expect(off).toMatchObject({ code: 1, out: expect.stringMatching(/^bed-3 {2}已停用/) })
  const rows = gateway.box.store.prepare('SELECT device_id AS bed FROM speech ORDER BY 1').all()
  expect(rows).toEqual([{ bed: 'bed-1' }, { bed: 'bed-2' }])
})
