/** The gateway's own ledger in a folder, opened as the box would after a kill. */
import { createPrivateKey, generateKeyPairSync, randomFillSync } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import type { Clock } from '../../gateway/clock.ts'
import { createKeyRing } from '../../gateway/ledger/key-ring.ts'
import { createLedger, type FullLedger } from '../../gateway/ledger/ledger.ts'
import type { NoteKey } from '../../gateway/ledger/tlog/note.ts'
import { openStore, type Store } from '../../gateway/storage/store.ts'

export function openTestLedger(
  dataDir: string,
  clock: Pick<Clock, 'now'> = Date,
  cosigners: () => readonly NoteKey[] = () => [],
): { store: Store; ledger: FullLedger } {
  const keyFile = `${dataDir}/ledger.key`
  if (!existsSync(keyFile)) {
    const { privateKey } = generateKeyPairSync('ed25519')
    writeFileSync(keyFile, privateKey.export({ type: 'pkcs8', format: 'pem' }))
  }
  const store = openStore({ path: `${dataDir}/gateway.db`, synchronous: 'FULL' })
  const random = (bytes: Uint8Array): void => {
    randomFillSync(bytes)
  }
  const keys = createKeyRing({
    masterKey: new Uint8Array(32).fill(7),
    signingKey: createPrivateKey(readFileSync(keyFile)),
    random,
  })
  const ledger = createLedger({ store, clock, keys, random, cosigners, gatewayId: 'gw-kill' })
  return { store, ledger }
}
