/** `kefu-edge ledger` as an auditor types it, at the box and away from it. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { ledgerMemory } from '../../../gateway/ledger/key-files.ts'
import { encodeVerifierKey, noteSigner } from '../../../gateway/ledger/tlog/note.ts'
import type { VerifyReport } from '../../../gateway/ledger/verify.ts'
import { kefu } from '../../support/command.ts'
import { type Fixture, fillWithTurns, newSigningKey, openFixture } from '../ledger/fixture.ts'

let box: Fixture
beforeEach(async () => {
  box = openFixture()
  await fillWithTurns(box, 600)
})
afterEach(() => box.close())

const change = (sql: string): void => {
  box.store.prepare(sql).run()
}

async function run(...args: string[]) {
  const { code, out, err } = await kefu('ledger', ...args, '--data', box.dir)
  return { code, stdout: out, stderr: err }
}

test('verifies the running box, exports, and verifies the export away from it', async () => {
  await box.ledger.checkpoint()
  const key = box.ledger.verifierKey
  const here = await run('verify', '--key', key, '--json')
  expect([here.code, JSON.parse(here.stdout)]).toMatchObject([0, { isWhole: true, entries: 601 }])
  const dir = join(box.dir, 'out')
  expect((await run('export', dir)).code).toBe(0)
  const away = await run('verify', '--from', dir, '--key', key)
  expect([away.code, away.stderr]).toEqual([0, ''])
  expect(away.stdout).toContain('WHOLE: ledger of box-1, 601 entries')
  change(`UPDATE ledger_entry SET bytes = x'00' WHERE idx = 5`)
  const spoilt = await run('verify', '--key', key, '--json')
  expect([spoilt.code, JSON.parse(spoilt.stdout).findings[0]]).toMatchObject([
    1,
    { code: 'entry-changed', index: 5 },
  ])
})

test('finds its own key in the data folder, whatever the box is called by now', async () => {
  await box.ledger.checkpoint()
  mkdirSync(join(box.dir, 'keys'))
  const renamed = noteSigner('kefu-edge/new-name', box.keys.signingKey, 'log')
  writeFileSync(join(box.dir, 'keys/ledger.vkey'), encodeVerifierKey(renamed))
  const master = Buffer.alloc(32, 7).toString('base64')
  expect((await run('verify')).stdout).toContain('1 data keys (not opened')
  writeFileSync(join(box.dir, 'keys/master.key'), `${master}\n`)
  const opened = await run('verify')
  expect([opened.code, opened.stdout]).toEqual([0, expect.stringContaining('1 data keys (opened)')])
  const dir = join(box.dir, 'out')
  expect(JSON.parse((await run('export', dir, '--json')).stdout).verifierKey).toBe(
    box.ledger.verifierKey,
  )
  const stranger = noteSigner('kefu-edge/box-1', newSigningKey(), 'log')
  writeFileSync(join(box.dir, 'keys/ledger.vkey'), encodeVerifierKey(stranger))
  expect((await run('verify')).code).toBe(1)
})

test('an end cut off together with its checkpoints is found by a head from elsewhere', async () => {
  const key = box.ledger.verifierKey
  const kept = join(box.dir, 'kept-by-the-core')
  writeFileSync(kept, (await box.ledger.checkpoint()).note)
  expect((await run('verify', '--key', key, '--against', kept)).code).toBe(0)
  mkdirSync(join(box.dir, 'keys'))
  const { size, root } = await box.ledger.checkpoint()
  const head = { epoch: box.ledger.epoch(), size, root: Buffer.from(root).toString('base64') }
  writeFileSync(join(box.dir, 'keys/ledger.head'), JSON.stringify(head))
  expect((await run('verify', '--key', key)).code).toBe(0)
  change('DELETE FROM ledger_entry WHERE idx >= 590')
  change('DELETE FROM ledger_checkpoint')
  const byHead = await run('verify', '--key', key)
  expect([byHead.code, byHead.stdout]).toEqual([1, expect.stringContaining('head-differs')])
  rmSync(join(box.dir, 'keys/ledger.head'))
  expect((await run('verify', '--key', key)).code).toBe(0)
  const byCore = await run('verify', '--key', key, '--against', kept)
  expect([byCore.code, byCore.stdout]).toEqual([1, expect.stringContaining('head-differs')])
  expect((await run('verify', '--key', key, '--against', join(box.dir, 'none'))).code).toBe(2)
})

test('only an epoch of the record answers for an end that is not there, and no sequence comes again', async () => {
  const key = box.ledger.verifierKey
  mkdirSync(join(box.dir, 'keys'))
  const memory = ledgerMemory(join(box.dir, 'keys'))
  await box.reopen({ memory })
  const { size, root } = await box.ledger.checkpoint()
  const first = box.ledger.epoch()
  change('DELETE FROM ledger_entry WHERE idx >= 590')
  change('DELETE FROM ledger_checkpoint')
  const head = `${first} ${size} ${Buffer.from(root).toString('base64')}`
  change(
    `INSERT INTO ledger_setting VALUES ('older-than-head', CAST('${head}' AS BLOB))
     ON CONFLICT DO UPDATE SET value = excluded.value`,
  )
  const cut = await run('verify', '--key', key)
  expect([cut.code, cut.stdout]).toEqual([1, expect.stringContaining('head-differs')])
  await box.reopen({ memory })
  await box.append()
  expect(box.ledger.epoch()).not.toBe(first)
  const found = JSON.parse((await run('verify', '--json', '--key', key)).stdout) as VerifyReport
  expect(found.findings.map(({ code }) => code)).toEqual(['end-missing'])
})

test('proves one entry to somebody who has the file and the key', async () => {
  const key = box.ledger.verifierKey
  expect((await run('prove', '300')).code).toBe(1)
  await box.ledger.checkpoint()
  const { code, stdout } = await run('prove', '300')
  expect([code, stdout.split('\n')[0]]).toEqual([0, 'c2sp.org/tlog-proof@v1'])
  const file = join(box.dir, 'entry.tlog-proof')
  const check = async (text: string) => {
    writeFileSync(file, text)
    return run('check-proof', file, '--key', key, '--json')
  }
  const good = await check(stdout)
  expect([good.code, JSON.parse(good.stdout)]).toMatchObject([
    0,
    { isProved: true, entry: { index: 300, kind: 'turn', dev: 'kiosk-01' } },
  ])
  expect((await check(stdout.replace('index 300', 'index 301'))).code).toBe(1)
  expect((await check(stdout.replace(/extra ./, 'extra A'))).code).toBe(1)
  expect((await check(stdout.replace('c2sp', 'c3sp'))).code).toBe(2)
  expect((await run('prove', '9999')).code).toBe(1)
})

test('status shows the books of every lane', async () => {
  const { code, stdout } = await run('status', '--json')
  expect(code).toBe(0)
  expect(JSON.parse(stdout)).toMatchObject({
    size: 601,
    isBalanced: true,
    lanes: [
      { lane: 'critical', accepted: 0 },
      { lane: 'session', accepted: 514, pending: 514 },
      { lane: 'audit', accepted: 87 },
      { lane: 'telemetry', accepted: 0 },
    ],
  })
})

test.each([[['verify', '--nonsense']], [['export']], [['prove']], [[]]])(
  'used wrong: %j',
  async (args) => {
    const { code, stderr } = await run(...args)
    expect(code).toBe(2)
    expect(stderr).toContain('kefu-edge ledger verify')
  },
)
