import { join } from 'node:path'
import { expect, it } from 'vitest'
import { VERSION } from '../../../gateway/version.ts'
import { kefu } from '../../support/command.ts'
import { tempFolder } from '../../support/temp-folder.ts'

it.each([
  ['toString', 'there is no command "toString"'],
  ['status', '--data needs a path behind it', '--data='],
  ['ledger', '--config needs a path behind it', '--config', ''],
  ['subject', "Unknown option '--nonsense'", '--nonsense'],
  ['pack', "Option '--data <value>' argument missing", 'list', '--data'],
  ['status', 'kefu-edge status takes no --force', '--force'],
  ['device', 'kefu-edge device list takes no --kind', 'list', '--kind', 'kiosk'],
  [
    'device',
    'kefu-edge device add: "k2" is one word too many',
    'add',
    'k1',
    'k2',
    '--kind',
    'kiosk',
  ],
  ['pack', 'kefu-edge pack install: "b" is one word too many', 'install', 'a', 'b'],
  ['ledger', 'kefu-edge ledger verify [--from EXPORT]', 'verify', 'export-of-june'],
  ['start', 'kefu-edge start: "here" is one word too many', 'here'],
])('%s is used wrong: %s', async (name, problem, ...args) => {
  const said = await kefu(name, ...args)
  expect(said).toMatchObject({ code: 2, out: '' })
  expect(said.err).toContain(problem)
  expect(said.err).toContain(`kefu-edge${name === 'subject' ? ' subject export' : ''}`)
})

it.each([
  ['status', 'kefu-edge: the edge gateway'],
  ['language', 'kefu-edge language: train and judge'],
  ['ledger', 'kefu-edge ledger verify'],
  ['subject', 'kefu-edge subject export'],
])('%s --help says its own use', async (name, use) => {
  for (const ask of ['--help', '-h']) {
    const said = await kefu(name, ask)
    expect(said).toMatchObject({ code: 0, err: '' })
    expect(said.out.startsWith(use)).toBe(true)
  }
})

it.each(['version', '--version', '-v'])('%s says which program this is', async (word) => {
  expect(await kefu(word)).toEqual({ code: 0, out: `kefu-edge ${VERSION}\n`, err: '' })
  expect(JSON.parse((await kefu(word, '--json')).out)).toEqual({ version: VERSION })
})

it('a program that uses a command wrong reads so in JSON', async () => {
  for (const words of [
    ['foo'],
    ['device'],
    ['config', '--bogus'],
    ['status', 'now'],
    ['subject'],
  ]) {
    const said = await kefu(...words, '--json')
    expect(said.code).toBe(2)
    expect(JSON.parse(said.out)).toMatchObject({ error: { code: 'usage' } })
  }
})

it('several devices are switched off, on and removed at once, each with its report', async () => {
  const at = ['--data', join(tempFolder(), 'box')]
  for (const id of ['k1', 'k2']) await kefu('device', 'add', id, '--kind', 'kiosk', ...at)
  const disabled = async () =>
    (JSON.parse((await kefu('device', 'list', ...at)).out) as { id: string; isDisabled: boolean }[])
      .filter((one) => one.isDisabled)
      .map(({ id }) => id)
  const off = await kefu('device', 'disable', 'k1', 'nobody', 'k2', ...at)
  expect(off).toMatchObject({ code: 1, err: expect.stringContaining('nobody') })
  expect(off.out.trim().split('\n')).toHaveLength(2)
  expect(await disabled()).toEqual(['k1', 'k2'])
  expect(await kefu('device', 'enable', 'k1', 'k2', ...at)).toMatchObject({ code: 0, err: '' })
  expect(await disabled()).toEqual([])
  expect(await kefu('device', 'remove', 'k1', 'k2', ...at)).toMatchObject({ code: 0 })
  expect(JSON.parse((await kefu('device', 'list', ...at)).out)).toEqual([])
})
