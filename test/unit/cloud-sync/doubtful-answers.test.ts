/** Answers of a core, or of what stands before it, that do not say what they seem to. */
import { join } from 'node:path'
import { type Link, silentLogger, systemClock } from '@kefu-edge/cloud-sync/ports'
import { createLedgerPusher } from '@kefu-edge/cloud-sync/push-ledger'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { openRig, QUICK, type Rig, range, readAsOperator } from './support/rig.ts'
import { LANES, openSource } from './support/sqlite-source.ts'

let rig: Rig
beforeEach(async () => {
  rig = await openRig({ isInsecureHttp: true })
})
afterEach(() => rig.close())

it('one that acknowledges less than was sent settles nothing, and all of it goes again, once', async () => {
  const real = rig.linkTo(rig.core.url)
  let isShort = true
  const link: Link = {
    close: () => real.close(),
    async request(request) {
      const result = await real.request(request)
      if (!isShort || !request.path.endsWith('/entries') || result.kind !== 'answer') return result
      const said = JSON.parse(result.body.toString()) as { acknowledged: number }
      const body = Buffer.from(JSON.stringify({ ...said, acknowledged: said.acknowledged - 1 }))
      return { ...result, body }
    },
  }
  rig.source.append('audit', 10)
  const pusher = rig.pusher(link)
  expect(await pusher.pushOnce()).toBe(false)
  expect(rig.source.count('audit')).toMatchObject({ delivered: 0, pending: 10, quarantined: 0 })
  isShort = false
  await expect.poll(() => pusher.pushOnce(), { timeout: 5000 }).toBe(true)
  expect(rig.source.count('audit')).toMatchObject({ delivered: 10, pending: 0, quarantined: 0 })
  expect(await rig.stored('audit')).toEqual(range(1, 10))
})

it('one that tells of a fork in the middle of a batch: from the fork on every entry goes up, in an epoch of its own', async () => {
  const { gatewayId } = rig.source
  rig.source.append('audit', 10)
  expect(await rig.pusher(rig.linkTo(rig.core.url)).pushOnce()).toBe(true)

  // The folder as it was after five entries: it has gone on with others.
  const putBack = openSource(join(rig.folder, 'put-back.db'), { gatewayId })
  putBack.append('audit', 5)
  putBack.append('audit', 5, (n) => ({ body: { n, other: true } }))
  const pusher = createLedgerPusher({
    source: putBack,
    lanes: LANES,
    link: rig.linkTo(rig.core.url),
    clock: systemClock,
    random: Math.random,
    logger: silentLogger,
    limits: QUICK,
  })
  await expect.poll(() => pusher.pushOnce(), { timeout: 5000 }).toBe(true)
  await pusher.close()
  expect(putBack.count('audit')).toMatchObject({ delivered: 10, pending: 0, quarantined: 0 })
  const path = `/v1/gateways/${gatewayId}/entries?lane=audit`
  const { entries } = (await readAsOperator(rig.core, path)) as {
    entries: { epoch: string; sequence: number }[]
  }
  const ofEpoch = (name: string) =>
    entries.filter(({ epoch }) => epoch === name).map(({ sequence }) => sequence)
  expect(ofEpoch('epoch-1')).toEqual(range(1, 10))
  expect(ofEpoch('epoch-1-and-on')).toEqual(range(6, 10))
  putBack.close()
})
