import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, expect, it } from 'vitest'
import { packagePath } from '../../../gateway/paths.ts'
import { openDataFolder, readGatewayId, readRunFile } from '../../../gateway/storage/data-folder.ts'
import { tempFolder } from '../../support/temp-folder.ts'

describe('the data folder', () => {
  it('is held by one gateway at a time and free again after it', () => {
    const dir = join(tempFolder(), 'data')
    const first = openDataFolder(dir)
    expect(() => openDataFolder(dir)).toThrow(expect.objectContaining({ code: 'storage.in-use' }))
    first.release()
    openDataFolder(dir).release()
  })

  it('is free again after its gateway was killed', () => {
    const dir = join(tempFolder(), 'data')
    const driver = pathToFileURL(
      join(import.meta.dirname, '../../../node_modules/better-sqlite3/lib/index.js'),
    )
    const script = `
      import Database from '${driver}'
      import { mkdirSync } from 'node:fs'
      mkdirSync('${dir}', { recursive: true })
      new Database('${dir}/lock').exec('BEGIN EXCLUSIVE')
      process.kill(process.pid, 'SIGKILL')`
    expect(() => execFileSync(process.execPath, ['--input-type=module', '-e', script])).toThrow()
    openDataFolder(dir).release()
  })

  it('takes no empty file for the name of a box', () => {
    const folder = openDataFolder(tempFolder())
    writeFileSync(folder.file('gateway.id'), '')
    expect(readGatewayId(folder.path)).toBeUndefined()
    folder.readOrMake('gateway.id', () => 'gw-1')
    expect(readGatewayId(folder.path)).toBe('gw-1')
    folder.release()
  })

  it.skipIf(!existsSync('/proc/self'))('is refused where no folder can be made', () => {
    expect(() => openDataFolder('/proc/kefu/box')).toThrow(
      expect.objectContaining({
        code: 'storage.open-failed',
        message: expect.stringContaining('/proc/kefu'),
      }),
    )
  })

  it('is held on a disk that takes no more, so that who asks hears of the disk', () => {
    const dir = join(tempFolder(), 'data')
    mkdirSync(dir)
    const program = packagePath('storage/data-folder.ts')
    const code = `const { openDataFolder } = await import('${pathToFileURL(program)}')
      openDataFolder('${dir}')`
    const command = `trap '' XFSZ; ulimit -f 0; exec "$0" "$@"`
    const tools = ['--conditions=kefu-source', '--import', 'tsx', '--input-type=module', '-e', code]
    execFileSync('bash', ['-c', command, process.execPath, ...tools], { stdio: 'pipe' })
  })

  it.skipIf(!existsSync('/dev/full'))('says of run.json that the disk is full', () => {
    const folder = openDataFolder(tempFolder())
    symlinkSync('/dev/full', folder.file('run.json.new'))
    const run = { pid: 1, ports: { http: 2, mqtt: 3 }, startedAt: '2026-05-01T02:00:00Z' }
    expect(() => folder.writeRunFile(run)).toThrow(
      expect.objectContaining({
        code: 'storage.write-failed',
        message: expect.stringContaining('no space left'),
      }),
    )
    expect(readRunFile(folder.path)).toBeUndefined()
    folder.release()
  })

  it('says where the gateway listens while it runs', () => {
    const dir = tempFolder()
    const folder = openDataFolder(dir)
    expect(readRunFile(dir)).toBeUndefined()
    folder.writeRunFile({ pid: 1, ports: { http: 2, mqtt: 3 }, startedAt: '2026-05-01T02:00:00Z' })
    expect(readRunFile(dir)?.ports).toEqual({ http: 2, mqtt: 3 })
    folder.release()
    expect(readRunFile(dir)).toBeUndefined()
  })
})
