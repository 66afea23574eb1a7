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

/** A core that gives other bytes than it named so often will not give the right ones; each costs a transfer. */
const MAX_WRONG_CONTENTS = 5

export type Fetched =
  | { readonly kind: 'content'; readonly bytes: Uint8Array }
  /** What came is not what the manifest names, each time. */
  | { readonly kind: 'wrong'; readonly detail: string }
  /** It was not given, by the core or by something on the way; perhaps it is the next time. */
  | { readonly kind: 'not-given'; readonly detail: string }
  | { readonly kind: 'no-answer'; readonly detail: string }

export interface Base {
  readonly serial: number
  readonly content: Uint8Array
}

export type FetchContent = (
  manifest: ReleaseManifest,
  base: Base | undefined,
  signal: AbortSignal,
) => Promise<Fetched>

/** Counts what came wrong, so that one bad answer refuses no release and a bad release is not fetched for ever. */
export function createFetcher(link: Link, gatewayId: string): FetchContent {
  const wrong = new Map<string, number>()
  return async (manifest, base, signal) => {
    const { kind, name, sha256 } = manifest
    const key = `${kind}/${name}/${sha256}`
    const fetched = await fetchContent(link, gatewayId, manifest, base, signal)
    if (fetched.kind === 'content') wrong.delete(key)
    if (fetched.kind !== 'wrong') return fetched
    const times = (wrong.get(key) ?? 0) + 1
    wrong.set(key, times)
    if (times < MAX_WRONG_CONTENTS) return { kind: 'not-given', detail: fetched.detail }
    wrong.delete(key)
    return fetched
  }
}

async function fetchContent(
  link: Link,
  gatewayId: string,
  manifest: ReleaseManifest,
  base: Base | undefined,
  signal: AbortSignal,
): Promise<Fetched> {
  const { kind, name, serial } = manifest
  const query = base ? `?base=${base.serial}` : ''
  const result = await link.request({
    method: 'GET',
    path: `/v1/gateways/${gatewayId}/releases/${kind}/${name}/${serial}${query}`,
    signal,
  })
  if (result.kind === 'failure') return { kind: 'no-answer', detail: `link.${result.failure}` }
  if (result.status !== 200) return { kind: 'not-given', detail: `status ${result.status}` }
  const content = parseMsgpack(ReleaseContent, result.body)
  if (!content.ok) {
    const detail = `no release came, but something else, perhaps of a proxy: ${content.detail}`
    return { kind: 'not-given', detail }
  }
  const bytes = await unpack(content.value, base?.content)
  const isNamed = bytes?.length === manifest.bytes && sha256Hex(bytes) === manifest.sha256
  if (bytes && isNamed) return { kind: 'content', bytes }
  // A base that rotted on this disk must not stop updates: all of it is fetched instead.
  if (base) return fetchContent(link, gatewayId, manifest, undefined, signal)
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
