/**
 * TLS for MQTT: certificates that devices show, and new certificates of the box without a restart.
 *
 * Devices that reach the box by address send no server name, so that the certificate of the whole
 * server has to be changed, not that of a name.
 */
import { readFileSync, statSync } from 'node:fs'
import { createServer, type SecureContextOptions, type TLSSocket } from 'node:tls'
import { GatewayError } from '../errors.ts'

export interface TlsFiles {
  readonly certFile: string
  readonly keyFile: string
  /** The CA of device certificates; absent: devices are not asked for one. */
  readonly caFile?: string
  /** Refuse who shows none of that CA, before a byte of MQTT. */
  readonly requireClientCertificate: boolean
}

export interface TlsPortParts {
  readonly files: TlsFiles
  readonly host: string
  readonly port: number
  readonly accept: (socket: TLSSocket) => void
  /** The files have changed: taken, or kept the old ones for this reason. */
  readonly onReload: (error?: unknown) => void
  readonly onError: (error: Error) => void
}

export interface TlsPort {
  readonly port: number
  /** Reads the files anew; connections that stand keep theirs. Throws `config.unreadable`. */
  reload(): void
  /** Takes no more connections; those that stand are ended by whoever took them. */
  close(): void
}

/** Certificates are renewed weeks ahead of their end: a minute later is soon enough. */
const WATCH_INTERVAL_MS = 60_000
/** Connections the kernel may hold before we accept them: a whole site after a power cut. */
const BACKLOG = 4096
/** A client that has not finished its handshake by then holds a scarce socket. */
const HANDSHAKE_TIMEOUT_MS = 10_000

/** Throws `config.unreadable` where a file is missing or no certificate, key or CA. */
function secretsOf({ certFile, keyFile, caFile }: TlsFiles): SecureContextOptions {
  try {
    return {
      cert: readFileSync(certFile),
      key: readFileSync(keyFile),
      ...(caFile === undefined ? {} : { ca: readFileSync(caFile) }),
    }
  } catch (cause) {
    const detail = cause instanceof Error ? cause.message : String(cause)
    throw new GatewayError('config.unreadable', { detail, cause })
  }
}

const stampOf = ({ certFile, keyFile, caFile }: TlsFiles): string =>
  [certFile, keyFile, ...(caFile === undefined ? [] : [caFile])]
    .map((file) => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0)
    .join(' ')

/** Listens. Rejects when the port cannot be had; throws `config.unreadable`. */
export async function listenTls(parts: TlsPortParts): Promise<TlsPort> {
  const { files } = parts
  let stamp = stampOf(files)
  const server = createServer(
    {
      ...secretsOf(files),
      requestCert: files.caFile !== undefined,
      rejectUnauthorized: files.requireClientCertificate,
      handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
      noDelay: true,
    },
    parts.accept,
  )
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host: parts.host, port: parts.port, backlog: BACKLOG }, () => {
      server.removeListener('error', reject)
      server.on('error', parts.onError)
      resolve()
    })
  })

  function reload(): void {
    stamp = stampOf(files)
    try {
      server.setSecureContext(secretsOf(files))
      parts.onReload()
    } catch (error) {
      parts.onReload(error)
      throw error
    }
  }

  const timer = setInterval(() => {
    if (stampOf(files) === stamp) return
    try {
      reload()
    } catch {
      // Said by onReload: half-written files are read again once they have changed again.
    }
  }, WATCH_INTERVAL_MS).unref()
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    reload,
    close: () => {
      clearInterval(timer)
      server.close()
    },
  }
}
