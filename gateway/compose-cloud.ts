/** The box's way to the cloud: identity, pinned link, enrolment, pusher. The third part of compose. */
import { readFileSync } from 'node:fs'
import { enrol } from '@kefu-edge/cloud-sync/enrol'
import { loadIdentity } from '@kefu-edge/cloud-sync/identity'
import { createLink } from '@kefu-edge/cloud-sync/link'
import { createLedgerPusher, type LedgerPusher } from '@kefu-edge/cloud-sync/push-ledger'
import type { Box } from './compose.ts'
import type { Config } from './config.ts'
import type { LiveStatus } from './console/status.ts'
import { GatewayError } from './errors.ts'
import { LANES } from './ledger/port.ts'
import type { Logger } from './logger.ts'

export interface CloudLink {
  readonly pusher: LedgerPusher
  status(): NonNullable<LiveStatus['cloud']>
  close(): Promise<void>
}

/** Undefined where no cloud is configured. Throws `config.unreadable` when the CA file is not there. */
export function composeCloud(config: Config, box: Box, logger: Logger): CloudLink | undefined {
  const { url, caFile, enrolToken } = config.cloud
  if (url === undefined) return undefined
  const { ledger, clock } = box
  const identity = loadIdentity(ledger.gatewayId, box.folder.file('keys/cloud.pem'))
  const link = createLink({
    url,
    identity,
    clock,
    ...(caFile === undefined ? {} : { caPem: readCa(caFile) }),
  })
  const pusher = createLedgerPusher({
    source: ledger,
    lanes: LANES,
    link,
    clock,
    random: Math.random,
    logger,
    enrol: async () => {
      if (enrolToken === undefined) {
        logger.warn(
          { url },
          'the cloud core does not know this gateway and cloud.enrolToken is not set',
        )
        return false
      }
      const enrolled = await enrol(link, identity, enrolToken)
      if (enrolled.kind === 'enrolled') logger.info({ url }, 'enrolled at the cloud core')
      else logger.warn({ url, ...enrolled }, 'not enrolled at the cloud core')
      return enrolled.kind === 'enrolled'
    },
  })
  pusher.start()
  return {
    pusher,
    status: () => {
      const { state, lastEchoAtMs, roundTripMs, lastError } = pusher.status()
      return {
        url,
        state,
        ...(lastEchoAtMs === undefined ? {} : { lastEchoAt: new Date(lastEchoAtMs).toISOString() }),
        ...(roundTripMs === undefined ? {} : { roundTripMs }),
        ...(lastError ? { lastError: `${lastError.code} ${lastError.detail}` } : {}),
      }
    },
    close: async () => {
      await pusher.close()
      link.close()
    },
  }
}

function readCa(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw new GatewayError('config.unreadable', { detail: `cloud.caFile ${file}`, cause })
  }
}
