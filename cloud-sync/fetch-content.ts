/** Fetches the content of a release, as a delta where the core finds one smaller, and checks its digest. */
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import type { Link } from './ports.ts'
import { applyDelta } from './protocol/delta.ts'
import { parseMsgpack } from './protocol/parse.ts'
import {
  MAX_RELEASE_BYTES,
  ReleaseContent,
  type ReleaseManifest,
  sha256Hex,
} from './protocol/release.ts'

const inflate = promisify(gunzip)

export type Fetched =
  | { readonly kind: 'content'; readonly bytes: Uint8Array }
  /** What came is not what the manifest names. */
  | { readonly kind: 'wrong'; readonly detail: string }
  /** The core answered, and did not give it. */
  | { readonly kind: 'not-given'; readonly detail: string }
  | { readonly kind: 'no-answer'; readonly detail: string }

export async function fetchContent(
  link: Link,
  gatewayId: string,
  manifest: ReleaseManifest,
  options: {
    readonly base?: number
    readonly baseContent?: Uint8Array | undefined
    readonly signal: AbortSignal
  },
): Promise<Fetched> {
  const { kind, name, serial } = manifest
  const query = options.baseContent ? `?base=${options.base}` : ''
  const result = await link.request({
    method: 'GET',
    path: `/v1/gateways/${gatewayId}/releases/${kind}/${name}/${serial}${query}`,
    signal: options.signal,
  })
  if (result.kind === 'failure') return { kind: 'no-answer', detail: `link.${result.failure}` }
  if (result.status !== 200) return { kind: 'not-given', detail: `status ${result.status}` }
  const content = parseMsgpack(ReleaseContent, result.body)
  if (!content.ok) return { kind: 'wrong', detail: content.detail }
  const bytes = await unpack(content.value, options.baseContent)
  const isNamed = bytes?.length === manifest.bytes && sha256Hex(bytes) === manifest.sha256
  if (bytes && isNamed) return { kind: 'content', bytes }
  // A base that rotted on this disk must not stop updates: all of it is fetched instead.
  if (options.baseContent)
    return fetchContent(link, gatewayId, manifest, { signal: options.signal })
  return { kind: 'wrong', detail: 'the content is not the one that the manifest names' }
}

async function unpack(
  content: ReleaseContent,
  baseContent: Uint8Array | undefined,
): Promise<Uint8Array | undefined> {
  try {
    const bytes = await inflate(content.gzip, { maxOutputLength: MAX_RELEASE_BYTES * 2 })
    if (content.form === 'full') return bytes
    return baseContent ? applyDelta(baseContent, bytes, MAX_RELEASE_BYTES) : undefined
  } catch {
    return undefined
  }
}
