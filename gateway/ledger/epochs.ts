/** The epochs of the record: opened with the data folder, by a restore, and when the database turns out to be an older copy. */
import type { Clock } from '../clock.ts'
import { GatewayError } from '../errors.ts'
import type { Store } from '../storage/store.ts'
import { type LedgerHead, missingHead } from './head.ts'
import type { FillRandom, KeyRing } from './key-ring.ts'
import { OLDER_COPY } from './lost-ends.ts'
import {
  type AskSeed,
  askSeedFrom,
  type Epoch,
  insertEpoch,
  readEpochs,
  readSetting,
  writeSetting,
} from './settings.ts'

export interface Epochs {
  list(): readonly Epoch[]
  /** Why one has to be opened before the next entry; undefined when none has. */
  due(): string | undefined
  /** The tree head that lies beside the database and that it lacks: the next epoch answers for it. */
  missingHead(): LedgerHead | undefined
  /** Inside `store.commit`; the caller writes the entry that tells of it. */
  open(firstIndex: number): Epoch
  askSeed(): AskSeed
  /** After a lost transaction. */
  reload(): void
}

/** Throws `ledger.key-unreadable` when the tables were begun with another master key. */
export function createEpochs(parts: {
  readonly store: Store
  readonly clock: Pick<Clock, 'now'>
  readonly keys: KeyRing
  readonly random: FillRandom
  readonly gatewayId: string
  /** The tree head that lies beside the database. */
  readonly readHead: () => LedgerHead | undefined
}): Epochs {
  const { store, clock, keys, random, gatewayId, readHead } = parts
  let epochs: readonly Epoch[] = []
  let askSeed: AskSeed = [0, 0]
  let due: string | undefined

  function load(): void {
    epochs = readEpochs(store)
    const seed = readSetting(store, 'ask-seed')
    if (seed) askSeed = askSeedFrom(seed)
    if (epochs.length === 0) due = 'new'
    else due = missingHead(store, readHead()) ? OLDER_COPY : undefined
    const check = readSetting(store, 'master-check')
    if (check && !keys.tag('master-check').equals(check)) {
      throw new GatewayError('ledger.key-unreadable', { detail: 'the data folder has another key' })
    }
  }

  function begin(): void {
    const seed = new Uint8Array(8)
    random(seed)
    writeSetting(store, 'ask-seed', seed)
    writeSetting(store, 'gateway-id', Buffer.from(gatewayId))
    writeSetting(store, 'master-check', keys.tag('master-check'))
    askSeed = askSeedFrom(seed)
  }

  load()
  return {
    list: () => epochs,
    due: () => due,
    missingHead: () => (epochs.length === 0 ? undefined : missingHead(store, readHead())),
    askSeed: () => askSeed,
    open: (firstIndex) => {
      if (epochs.length === 0) begin()
      const epoch = insertEpoch(store, firstIndex, clock.now(), random)
      epochs = [...epochs, epoch]
      due = undefined
      return epoch
    },
    reload: () => {
      if (readEpochs(store).length !== epochs.length) load()
    },
  }
}
