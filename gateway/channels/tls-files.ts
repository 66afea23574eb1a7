/** Certificate, key and CA of devices as files of the operator: read, checked, and watched for new ones. */
import { readFileSync, statSync } from 'node:fs'
import { createSecureContext } from 'node:tls'
import { readCertificates } from '@kefu-edge/cloud-sync/judge-certificate'
import { GatewayError } from '../errors.ts'

export interface TlsFiles {
  readonly certFile: string
  readonly keyFile: string
  /** The CA of device certificates; absent: devices are not asked for one. */
  readonly caFile?: string
  /** Refuse devices that show none of that CA. */
  readonly requireClientCertificate: boolean
}

/** What stands in them. */
export interface TlsSecrets {
  readonly cert: Buffer
  readonly key: Buffer
  readonly ca?: Buffer
}

/** Certificates are renewed weeks ahead of their end: a minute later is soon enough. */
const WATCH_INTERVAL_MS = 60_000

/** Throws `config.unreadable` where a file is missing, is no certificate, key or CA, or key and certificate are no pair. */
export function readTlsFiles({ certFile, keyFile, caFile }: TlsFiles): TlsSecrets {
  try {
    const read = {
      cert: readFileSync(certFile),
      key: readFileSync(keyFile),
      ...(caFile === undefined ? {} : { ca: readFileSync(caFile) }),
    }
    createSecureContext(read)
    if (read.ca && readCertificates(read.ca).length === 0)
      throw new Error(`${caFile}: no certificate`)
    return read
  } catch (cause) {
    const detail = cause instanceof Error ? cause.message : String(cause)
    throw new GatewayError('config.unreadable', { detail, cause })
  }
}

/** Calls `onChange` once after each change of the files; what it throws is its own to tell. */
export function watchTlsFiles(files: TlsFiles, onChange: () => void): { close(): void } {
  let stamp = stampOf(files)
  const timer = setInterval(() => {
    const now = stampOf(files)
    if (now === stamp) return
    // Half-written files are read again once they have changed again.
    stamp = now
    onChange()
  }, WATCH_INTERVAL_MS).unref()
  return { close: () => clearInterval(timer) }
}

const stampOf = ({ certFile, keyFile, caFile }: TlsFiles): string =>
  [certFile, keyFile, ...(caFile === undefined ? [] : [caFile])].map(changeOf).join(' ')

/** A file that cannot be looked at any more is a change like another: whoever reads it says why. */
function changeOf(file: string): number | string {
  try {
    return statSync(file).mtimeMs
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error)
  }
}
