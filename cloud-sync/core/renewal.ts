/**
 * A core that runs for a year renews its own certificate meanwhile, and one whose clock is set makes it anew:
 * gateways would turn away from one that is over or has not begun.
 */
import type https from 'node:https'
import type { Clock, Logger } from '../ports.ts'
import type { ServerCertificate } from './certificates.ts'

const LOOK_EVERY_MS = 3_600_000

export const MIN_TLS = 'TLSv1.2'

export interface Renewal {
  /** Takes a new certificate where one is due; sockets that are open stay. */
  look(): Promise<void>
  close(): void
}

/** Looks once an hour. `load` gives the present certificate, or a new one where that does not do. */
export function renewCertificate(
  server: Pick<https.Server, 'setSecureContext'>,
  first: ServerCertificate,
  load: () => Promise<ServerCertificate>,
  logger: Logger,
  clock: Pick<Clock, 'now'>,
): Renewal {
  let present = first.certPem
  sayOfAuthority(first)

  /** The gateways have pinned it, so it is not made anew. */
  function sayOfAuthority({ caTerm: { fromMs, untilMs } }: ServerCertificate): void {
    if (clock.now() >= fromMs && clock.now() < untilMs) return
    logger.error(
      { from: new Date(fromMs).toISOString(), until: new Date(untilMs).toISOString() },
      'the authority of the core (tls/ca.pem) does not count at this time, and every gateway turns away: set the clock of this machine. Where that is right, stop the core and remove its tls folder; each gateway needs the new ca.pem in cloud.caFile then',
    )
  }

  async function look(): Promise<void> {
    try {
      const loaded = await load()
      const { certPem, keyPem } = loaded
      sayOfAuthority(loaded)
      if (certPem === present) return
      server.setSecureContext({ cert: certPem, key: keyPem, minVersion: MIN_TLS })
      present = certPem
      logger.info(
        {},
        'the certificate of the core was near its end, or had not begun: a new one is in use',
      )
    } catch (error) {
      logger.error(
        { error },
        'the certificate of the core cannot be renewed; tried again in an hour',
      )
    }
  }

  const timer = setInterval(() => void look(), LOOK_EVERY_MS)
  timer.unref()
  return { look, close: () => clearInterval(timer) }
}
