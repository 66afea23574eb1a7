import { renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { watchTlsFiles } from '../../../gateway/channels/tls-files.ts'
import { tempFolder } from '../../support/temp-folder.ts'

beforeEach(() => void vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] }))
afterEach(() => void vi.useRealTimers())

it('certificates that the box may not look at any more are a change that is told, as is their return', () => {
  const folder = tempFolder()
  const file = (name: string) => join(folder, name)
  for (const name of ['box.crt', 'box.key']) writeFileSync(file(name), name)
  let changes = 0
  const watch = watchTlsFiles(
    { certFile: file('box.crt'), keyFile: file('box.key'), requireClientCertificate: false },
    () => {
      changes += 1
    },
  )
  const minutes = (count: number) => vi.advanceTimersByTime(count * 60_000)
  minutes(2)
  expect(changes).toBe(0)
  // Refused by the system as a folder without rights is, for root too: a link that leads to itself.
  renameSync(file('box.key'), file('put-aside'))
  symlinkSync(file('box.key'), file('box.key'))
  minutes(2)
  expect(changes).toBe(1)
  rmSync(file('box.key'))
  renameSync(file('put-aside'), file('box.key'))
  minutes(2)
  expect(changes).toBe(2)
  watch.close()
})
