import { generateKeyPairSync, randomFillSync } from 'node:crypto'
import { createKeyRing } from '../../gateway/ledger/key-ring.ts'
import { createSubjectKeys, type SubjectKeys } from '../../gateway/ledger/subject-keys.ts'
import type { Store } from '../../gateway/storage/store.ts'

const random = (bytes: Uint8Array): void => void randomFillSync(bytes)

/** Real data keys in `store`, under one master key for every test, so that a restart reads them again. */
export function subjectKeysIn(store: Store): SubjectKeys {
  const masterKey = new Uint8Array(32).fill(7)
  const signingKey = generateKeyPairSync('ed25519').privateKey
  return createSubjectKeys({
    store,
    random,
    keys: createKeyRing({ masterKey, signingKey, random }),
  })
}
