import type { ReleaseManifest } from '@kefu-edge/cloud-sync/protocol/release'
import { expect, it } from 'vitest'
import { GatewayError } from '../../../gateway/errors.ts'
import { createOnceTarget } from '../../../gateway/releases/once-target.ts'
import { Announcement } from '../../../gateway/voice/announcement.ts'

const manifest = { name: 'water', serial: 1 } as ReleaseManifest
const bytes = (content: unknown) => Buffer.from(JSON.stringify(content))

function open(run: (said: Announcement) => Promise<unknown>) {
  const check = ({ group }: Announcement) => {
    if (group === 'ward-9') throw new GatewayError('device.unknown')
  }
  return createOnceTarget({ schema: Announcement, check, run })
}

it.each([
  ['no JSON', Buffer.from('{'), { code: 'message.not-json' }],
  ['another form', bytes({ text: 7 }), { code: 'message.invalid', details: { field: '/text' } }],
  ['what this box cannot do', bytes({ text: '停水', group: 'ward-9' }), { code: 'device.unknown' }],
])('content that is %s is refused with its reason', async (_what, content, why) => {
  const target = open(async () => {})
  await expect(target.stage(manifest, content)).rejects.toMatchObject(why)
})

it('is done once however often it is called, and again only where it was not done', async () => {
  let isBroken = true
  const done: string[] = []
  const target = open(async ({ text }) => {
    if (isBroken) throw new Error('the disk is full')
    done.push(text)
  })
  await target.stage(manifest, bytes({ text: '停水' }))
  await expect(target.activate(manifest)).rejects.toThrow('the disk is full')
  isBroken = false
  await target.activate(manifest)
  await target.activate(manifest)
  expect(done).toEqual(['停水'])
})
