/** Contents of releases as they travel: whole, or as a delta where that is smaller. */
import { gzipSync } from 'node:zlib'
import { CloudError } from '../errors.ts'
import { makeDelta } from '../protocol/delta.ts'
import { packr } from '../protocol/parse.ts'
import type { ReleaseContent } from '../protocol/release.ts'
import type { CoreStore } from './storage.ts'

/** Packed contents that are kept in memory: in a rollout thousands of gateways ask for the same. */
const MAX_PACKED = 32

/** MessagePack; `base` is the serial that the asker has. Throws `request.not-found`. */
export type Contents = (
  kind: string,
  name: string,
  serial: number,
  base: number | undefined,
) => Buffer

export function createContents(store: CoreStore): Contents {
  const packed = new Map<string, Buffer>()
  const find = store.prepare<{ content: Uint8Array }>(
    'SELECT content FROM release WHERE kind = ? AND name = ? AND serial = ?',
  )
  return (kind, name, serial, base) => {
    const key = `${kind}/${name}/${serial}/${base ?? ''}`
    const known = packed.get(key)
    if (known) return known
    const target = find.get(kind, name, serial)?.content
    if (!target) throw new CloudError('request.not-found')
    const old = base === undefined ? undefined : find.get(kind, name, base)?.content
    const made = packr.encode(smallest(target, base, old))
    const oldest = packed.size >= MAX_PACKED ? packed.keys().next().value : undefined
    if (oldest !== undefined) packed.delete(oldest)
    packed.set(key, made)
    return made
  }
}

function smallest(
  target: Uint8Array,
  base: number | undefined,
  old: Uint8Array | undefined,
): ReleaseContent {
  const full = gzipSync(target)
  if (base === undefined || !old) return { form: 'full', gzip: full }
  const delta = gzipSync(makeDelta(old, target))
  return delta.length < full.length
    ? { form: 'delta', base, gzip: delta }
    : { form: 'full', gzip: full }
}
