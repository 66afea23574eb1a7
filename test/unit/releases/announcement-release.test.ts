import { type ReleaseManifest, sha256Hex } from '@kefu-edge/cloud-sync/protocol/release'
import { expect, it } from 'vitest'
import { runOperation } from '../../../gateway/console/operations.ts'
import { createAnnouncementTarget } from '../../../gateway/releases/announcement-release.ts'
import type { Told } from '../../../gateway/voice/house-voice.ts'
import { startGateway } from '../../support/gateway.ts'

/** A box with a device, and a core that has it say things; gives back what waits there. */
async function boxWithATablet() {
  const gateway = await startGateway()
  await gateway.addDevice('tablet-1')
  const { operations, store } = gateway.box
  const target = () =>
    createAnnouncementTarget(
      async (said) => (await runOperation('announce', said, operations)) as readonly Told[],
    )
  const take = async (name: string, serial: number, text: string, device = 'tablet-1') => {
    const content = Buffer.from(JSON.stringify({ text, devices: [device] }))
    const manifest = { name, serial, sha256: sha256Hex(content) } as ReleaseManifest
    const one = target()
    await one.stage(manifest, content)
    await one.activate(manifest)
  }
  const waiting = () =>
    store
      .prepare<{ payload: string }>('SELECT payload FROM speech')
      .all()
      .map(({ payload }) => (JSON.parse(payload) as { text: string }).text)
  return { gateway, take, waiting }
}

it('what a core that was put back publishes under a used name and number is said', async () => {
  const { take, waiting } = await boxWithATablet()
  await take('alarm', 1, '火警演习')
  await take('alarm', 1, '真的火警，请立即撤离')
  const long = 'a'.repeat(64)
  await take(long, 1, '一')
  await take(long, 2, '一')
  expect(waiting().sort()).toEqual(['一', '一', '火警演习', '真的火警，请立即撤离'].sort())
})

it('after a power cut the same release is said once, and counts as in use', async () => {
  const { take, waiting } = await boxWithATablet()
  await take('water', 1, '三楼停水')
  await take('water', 1, '三楼停水')
  expect(waiting()).toEqual(['三楼停水'])
})

it('one that no device takes is refused, and one for a device that is switched off concerns nothing here', async () => {
  const { gateway, take } = await boxWithATablet()
  await runOperation('device.disable', { id: 'tablet-1' }, gateway.box.operations)
  await expect(take('water', 1, '三楼停水')).rejects.toMatchObject({ code: 'device.unknown' })
})
