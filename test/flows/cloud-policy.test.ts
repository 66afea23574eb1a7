/** What the policy of the box lets the cloud core see and say: words, cosignatures, the time. */
import { cpSync, existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { decodeView } from '@kefu-edge/cloud-sync/protocol/entry'
import { describe, expect, it } from 'vitest'
import { runOperation } from '../../gateway/console/operations.ts'
import { EARLIEST_MS } from '../../gateway/ledger/time-floor.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { tempFolder } from '../support/temp-folder.ts'
import { cloudOf, readCore, startCore, type TestCore } from './cloud-support.ts'

const WANG = { id: 'P-20261122', kind: 'patient' } as const

const delivered = (gateway: TestGateway) =>
  expect
    .poll(() => gateway.box.ledger.balance().reduce((sum, lane) => sum + lane.pending, 0), {
      timeout: 15_000,
    })
    .toBe(0)

async function shownTurns(core: TestCore, gateway: TestGateway) {
  const path = `/v1/gateways/${gateway.box.ledger.gatewayId}/entries?lane=session`
  const { entries } = (await readCore(core, path)) as { entries: { disclosed: string | null }[] }
  return entries.map(({ disclosed }) =>
    disclosed === null ? undefined : JSON.stringify(decodeView(Buffer.from(disclosed, 'base64'))),
  )
}

async function boxThatDiscloses(core: TestCore, disclose: string) {
  const gateway = await startGateway({ config: { cloud: { ...cloudOf(core), disclose } } })
  const token = await gateway.addDevice('k1')
  const text = '我的手机是13912345678，停车场在哪'
  await gateway.ask(token, { id: 'a', text, subject: WANG })
  await delivered(gateway)
  return gateway
}

describe('what the core may read', () => {
  it.each([
    ['none', undefined, undefined],
    ['masked', '停车场在哪', '13912345678'],
    ['full', '13912345678', undefined],
  ])('of words said, by the policy "%s"', async (policy, isShown, isHidden) => {
    const core = await startCore()
    const gateway = await boxThatDiscloses(core, policy)
    const [turn] = await shownTurns(core, gateway)
    if (isShown === undefined) expect(turn).toBeUndefined()
    else expect(turn).toContain(isShown)
    if (isHidden !== undefined) expect(turn).not.toContain(isHidden)
    if (policy === 'masked') expect(turn).not.toContain(WANG.id)
  })

  it('of a person who was erased: nothing any more', async () => {
    const core = await startCore()
    const gateway = await boxThatDiscloses(core, 'full')
    expect((await shownTurns(core, gateway))[0]).toContain('13912345678')
    const args = { ...WANG, reason: 'asked for it' }
    await runOperation('subject.erase', args, gateway.box.operations)
    await delivered(gateway)
    expect(await shownTurns(core, gateway)).toEqual([undefined])
  })

  it('of a person who was erased: nothing, after the core was put back from an older copy too', async () => {
    let core = await startCore()
    const { dataDir, port } = core
    const gateway = await boxThatDiscloses(core, 'full')
    const copy = tempFolder()
    await core.stop()
    cpSync(dataDir, copy, { recursive: true })
    core = await startCore(dataDir, port)
    const args = { ...WANG, reason: 'asked for it' }
    await runOperation('subject.erase', args, gateway.box.operations)
    await delivered(gateway)

    await core.stop()
    rmSync(dataDir, { recursive: true })
    cpSync(copy, dataDir, { recursive: true })
    core = await startCore(dataDir, port)
    expect((await shownTurns(core, gateway))[0]).toContain('13912345678')
    await gateway.addDevice('k2')
    await expect.poll(() => shownTurns(core, gateway), { timeout: 15_000 }).toEqual([undefined])
    const erasures = gateway.box.ledger
      .entriesFrom(0, 1000)
      .filter(({ kind }) => kind === 'subject.erased')
    const { keys, persons } = erasures[0]?.body ?? {}
    expect(erasures.slice(1).map(({ body }) => [body.keys, body.persons])).toEqual([
      [[], persons],
      [keys, undefined],
    ])
  })
})

describe('who cosigns', () => {
  const WITNESS = 'witness.example/w1+4ddb6dbd+BEQNrVJdCO6ebFQVqY/2vYHe0T8RUBgO5NtOyIZbkkbz'

  it('is the core once enrolled: its key is kept where verify looks, and its lines are checked', async () => {
    const core = await startCore()
    const gateway = await startGateway({ config: { cloud: cloudOf(core) } })
    const file = join(gateway.dataDir, 'keys/cosigners.vkey')
    await expect.poll(() => existsSync(file), { timeout: 10_000 }).toBe(true)
    const name = readFileSync(file, 'utf8').split('+')[0]
    const { size } = await gateway.box.ledger.checkpoint()
    const id = Buffer.from(readFileSync(file, 'utf8').split('+')[1] ?? '', 'hex')
    const signed = Buffer.concat([id, Buffer.alloc(72, 1)]).toString('base64')
    await expect(
      gateway.box.ledger.addCosignatures(size, `— ${name} ${signed}\n`),
    ).rejects.toMatchObject({ code: 'ledger.cosignature-refused' })
  })

  it('is known again after a power cut between the pin and the list of cosigners', async () => {
    const core = await startCore()
    const config = { cloud: cloudOf(core) }
    const first = await startGateway({ config })
    const { dataDir } = first
    const file = join(dataDir, 'keys/cosigners.vkey')
    await expect.poll(() => existsSync(file), { timeout: 10_000 }).toBe(true)
    await first.close()
    const before = readFileSync(file, 'utf8')
    rmSync(file)
    await startGateway({ dataDir, config })
    expect(readFileSync(file, 'utf8')).toBe(before)
  })

  it('a key that is none is refused with the configuration', async () => {
    const cosigners = [WITNESS.replace('4ddb6dbd', '00000000')]
    await expect(startGateway({ config: { cloud: { cosigners } } })).rejects.toMatchObject({
      code: 'config.invalid',
    })
  })
})

describe('the time', () => {
  it('comes with the first echo to a box that woke in 1970, and what was written is dated', async () => {
    const core = await startCore()
    const bootedAt = performance.now()
    const clock = { now: () => performance.now() - bootedAt, monotonic: () => performance.now() }
    const gateway = await startGateway({
      config: { cloud: cloudOf(core) },
      overrides: { clock },
    })
    await expect.poll(() => gateway.box.time.doubt(), { timeout: 15_000 }).toBeUndefined()
    expect(Math.abs(gateway.box.time.now() - Date.now())).toBeLessThan(60_000)
    expect(gateway.box.time.now()).toBeGreaterThan(EARLIEST_MS)
  })
})
