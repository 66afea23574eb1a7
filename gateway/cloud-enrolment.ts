/** Enrolment at the cloud core: once, with its keys pinned; a core with other keys is not believed. */
import type { KeyObject } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { enrol } from '@kefu-edge/cloud-sync/enrol'
import { type Identity, importPublicKey } from '@kefu-edge/cloud-sync/identity'
import type { Link } from '@kefu-edge/cloud-sync/ports'
import type { Box } from './compose.ts'
import type { Config } from './config/schema.ts'
import { addCosigners } from './ledger/cosigners.ts'
import type { Logger } from './logger.ts'

interface Pinned {
  readonly publisherKey: string
  readonly cosignerKey: string
}

export interface Enrolment {
  /** For the pusher, when the core does not know this gateway. */
  readonly enrol: () => Promise<boolean>
  /** Calls back once the publisher's key is pinned: at once, or after enrolment. */
  whenPinned(use: (publisherKey: KeyObject) => void): void
}

export function createEnrolment(parts: {
  readonly config: Config
  readonly box: Box
  readonly link: Link
  readonly identity: Identity
  readonly logger: Logger
}): Enrolment {
  const { config, box, link, identity, logger } = parts
  const { url, enrolToken } = config.cloud
  const pinFile = box.folder.file('keys/core.json')
  const waiting: ((publisherKey: KeyObject) => void)[] = []
  let pinned = readPin(pinFile)

  function pin(answer: Pinned): boolean {
    if (pinned && pinned.publisherKey !== answer.publisherKey) {
      logger.error(
        { url, pinFile },
        'this core has other keys than the one enrolled at; remove the pin file if the core was set up anew',
      )
      return false
    }
    if (!pinned) {
      pinned = { publisherKey: answer.publisherKey, cosignerKey: answer.cosignerKey }
      writeFileSync(pinFile, `${JSON.stringify(pinned)}\n`, { mode: 0o600, flush: true })
      addCosigners(box.folder.file('keys'), [answer.cosignerKey])
    }
    const key = keyOf(pinned)
    if (key) for (const use of waiting.splice(0)) use(key)
    return true
  }

  return {
    async enrol() {
      if (enrolToken === undefined) {
        logger.warn(
          { url },
          'the cloud core does not know this gateway and cloud.enrolToken is not set',
        )
        return false
      }
      const enrolled = await enrol(link, identity, enrolToken, {
        ledgerKey: box.ledger.verifierKey,
      })
      if (enrolled.kind !== 'enrolled') {
        logger.warn({ url, ...enrolled }, 'not enrolled at the cloud core')
        return false
      }
      logger.info({ url }, 'enrolled at the cloud core')
      return pin(enrolled.answer)
    },
    whenPinned(use) {
      const key = pinned && keyOf(pinned)
      if (key) use(key)
      else waiting.push(use)
    },
  }
}

const keyOf = ({ publisherKey }: Pinned): KeyObject | undefined =>
  importPublicKey(Buffer.from(publisherKey, 'base64'))

function readPin(file: string): Pinned | undefined {
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Pinned) : undefined
}
