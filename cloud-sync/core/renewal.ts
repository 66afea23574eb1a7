/** A core that runs for a year renews its own certificate meanwhile: gateways would turn away from one that is over. */
import type https from 'node:https'
import type { Logger } from '../ports.ts'
import type { ServerCertificate } from './certificates.ts'

const LOOK_EVERY_MS = 24 * 3_600_000

export const MIN_TLS = 'TLSv1.2'

export interface Renewal {
  /** Takes a new certificate where one is due; sockets that are open stay. */
  look(): Promise<void>
  close(): void
}

/** Looks once a day. `load` gives the present certificate, or a new one near its end. */
export function renewCertificate(
  server: Pick<https.Server, 'setSecureContext'>,
  first: ServerCertificate,
  load: () => Promise<ServerCertificate>,
  logger: Logger,
): Renewal {
  let present = first.certPem

  async function look(): Promise<void> {
    try {
      const { certPem, keyPem } = await load()
      if (certPem === present) return
      server.setSecureContext({ cert: certPem, key: keyPem, minVersion: MIN_TLS })
      present = certPem
      logger.info({}, 'the certificate of the core was near its end: a new one is in use')
    } catch (error) {
      logger.error({ error }, 'the certificate of the core cannot be renewed; tried again in a day')
    }
  }

  const timer = setInterval(() => void look(), LOOK_EVERY_MS)
  timer.unref()
  return { look, close: () => clearInterval(timer) }
}
