import { expect, it } from 'vitest'
import { databaseEvidence } from '../../gateway/ledger/evidence.ts'
import { openStore } from '../../gateway/storage/store.ts'
import { startGateway } from '../support/gateway.ts'

it('a box that stops signs the last entries of its record', async () => {
  const gateway = await startGateway({ packs: [] })
  await gateway.addDevice('k1')
  const { ledger, folder } = gateway.box
  const size = ledger.size()
  expect(size).toBeGreaterThan(ledger.latestCheckpoint()?.size ?? 0)
  await gateway.close()

  const store = openStore({ path: folder.database, readonly: true })
  const sizes = [...databaseEvidence(store).checkpoints()].map((checkpoint) => checkpoint.size)
  await store.close()
  expect(Math.max(...sizes)).toBe(size)
})
