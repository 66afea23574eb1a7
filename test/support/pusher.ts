import type { Identity } from '@kefu-edge/cloud-sync/identity'
import { createLink } from '@kefu-edge/cloud-sync/link'
import {
  type LedgerSource,
  type Link,
  silentLogger,
  systemClock,
} from '@kefu-edge/cloud-sync/ports'
import {
  createLedgerPusher,
  type LedgerPusher,
  type PusherLimits,
} from '@kefu-edge/cloud-sync/push-ledger'
import { LANES } from '../../gateway/ledger/port.ts'

export interface OpenPusher {
  readonly link: Link
  readonly pusher: LedgerPusher
  close(): Promise<void>
}

/** The way of a ledger to a core, not yet started: a link of its own and what pushes over it. */
export function openPusher(parts: {
  readonly source: LedgerSource
  readonly identity: Identity
  readonly core: { readonly url: string; readonly caPem?: string | undefined }
  readonly limits?: PusherLimits
}): OpenPusher {
  const { source, identity, core, limits = {} } = parts
  const trusted = core.caPem === undefined ? {} : { caPem: core.caPem }
  const link = createLink({ url: core.url, identity, clock: systemClock, ...trusted })
  const pusher = createLedgerPusher({
    source,
    lanes: LANES,
    link,
    clock: systemClock,
    random: Math.random,
    logger: silentLogger,
    limits,
  })
  return {
    link,
    pusher,
    close: async () => {
      await pusher.close()
      link.close()
    },
  }
}
