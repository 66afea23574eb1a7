/** Enrolment at the cloud core: once, with its keys pinned; a core with other keys is not believed. */
import type { KeyObject } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { enrol } from '@kefu-edge/cloud-sync/enrol'
import { type Identity, importPublicKey } from '@kefu-edge/cloud-sync/identity'
import type { Link } from '@kefu-edge/cloud-sync/ports'
import { writeDurably } from '@kefu-edge/cloud-sync/write-durably'
import type { Box } from '../compose.ts'
import type { Config } from '../config/schema.ts'
import { GatewayError } from '../errors.ts'
import { addCosigners } from '../ledger/cosigners.ts'
import type { Logger } from '../logger.ts'
import { OWNER_ONLY } from '../storage/secret-file.ts'

interface Pinned {
  readonly publisherKey: string
  readonly cosignerKey: string
}

export interface Enrolment {
  /** For the pusher, when the core does not know this gateway. */
  readonly enrol: () => Promise<boolean>
  /**
   * Enrols once more where no key of the core is pinned though it knows this gateway: its answer was lost.
   * Before a cosignature is judged by that key.
   */
  pinFirst(): Promise<void>
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
  const keyDir = box.folder.file('keys')
  const pinFile = join(keyDir, 'core.json')
  const waiting: ((publisherKey: KeyObject) => void)[] = []
  let pinned = readPin(pinFile)
  // Crash story: the pin is written first; a start after a crash in between makes the rest good.
  if (pinned) addCosigners(keyDir, [pinned.cosignerKey])

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
      writeDurably(pinFile, `${JSON.stringify(pinned)}\n`, OWNER_ONLY)
      addCosigners(keyDir, [answer.cosignerKey])
    }
    const key = keyOf(pinned)
    if (key) for (const use of waiting.splice(0)) use(key)
    return true
  }

  async function enrolHere(): Promise<boolean> {
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
  }

  return {
    enrol: enrolHere,
    async pinFirst() {
      if (!pinned && enrolToken !== undefined) await enrolHere()
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

/** Throws `ledger.key-files`: a pin that cannot be read must not pass for a box that was never enrolled. */
function readPin(file: string): Pinned | undefined {
  if (!existsSync(file)) return undefined
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Pinned
  } catch (cause) {
    throw new GatewayError('ledger.key-files', { cause, detail: file })
  }
}
