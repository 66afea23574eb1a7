import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { databaseEvidence } from '../../../gateway/ledger/evidence.ts'
import { writeExport } from '../../../gateway/ledger/export.ts'
import { hasPeer } from '../../support/peers.ts'
import { type Fixture, openFixture, turn } from './fixture.ts'

const program = join(import.meta.dirname, 'peer/verify-export.py')
const hasPeers = ['python3', 'openssl'].every(hasPeer)

let box: Fixture
let dir: string
beforeEach(async () => {
  box = openFixture()
  for (const count of [300, 421, 2000]) {
    await box.store.commit(() => {
      for (let i = 0; i < count; i++) box.ledger.append(turn())
    })
    await box.ledger.checkpoint()
  }
  dir = join(box.dir, 'export')
  writeExport(databaseEvidence(box.store), box.ledger.verifierKey, dir)
})
afterEach(() => box.close())

const check = () =>
  spawnSync('python3', [program, dir, box.ledger.verifierKey], { encoding: 'utf8' })

describe.skipIf(!hasPeers)(
  'an export checked by a program that shares nothing with the gateway',
  () => {
    test('is found whole: entries, tiles of every level, roots and signatures', () => {
      expect(check()).toMatchObject({ status: 0, stdout: 'ok 2722 3\n' })
    })

    test.each(['tile/entries/003', 'tile/0/010.p/162', 'tile/1/000.p/10', 'checkpoints/301'])(
      'a changed byte in %s is found',
      (file) => {
        const bytes = readFileSync(join(dir, file))
        const at = Math.floor(bytes.length / 3)
        bytes[at] = (bytes[at] ?? 0) ^ 1
        writeFileSync(join(dir, file), bytes)
        expect(check().status).toBe(1)
      },
    )
  },
)
