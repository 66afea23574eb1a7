/** Contents of releases as they travel: whole, or as a delta where that is smaller. */
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { CloudError } from '../errors.ts'
import { makeDelta } from '../protocol/delta.ts'
import { packr } from '../protocol/parse.ts'
import type { ReleaseContent } from '../protocol/release.ts'
import type { CoreStore } from './storage.ts'

/** Packed contents that are kept in memory: in a rollout thousands of gateways ask for the same. */
const MAX_PACKED = 32

const compress = promisify(gzip)

/** One that the asker has. */
export interface Base {
  readonly no: number
  readonly serial: number
}

/** MessagePack of a release by its number in the tables. Rejects with `request.not-found`. */
export type Contents = (no: number, base: Base | undefined) => Promise<Buffer>

export function createContents(store: CoreStore): Contents {
  const packed = new Map<string, Promise<Buffer>>()
  const select = store.prepare<{ content: Uint8Array | null }>(
    'SELECT content FROM release_content WHERE release_no = ?',
  )
  const find = (no: number): Uint8Array | undefined => select.get(no)?.content ?? undefined

  async function pack(no: number, base: Base | undefined): Promise<Buffer> {
    const target = find(no)
    if (!target) throw new CloudError('request.not-found')
    return packr.encode(await smallest(target, base, base && find(base.no)))
  }

  return (no, base) => {
    const key = `${no}/${base?.no ?? ''}`
    const known = packed.get(key)
    if (known) return known
    const made = pack(no, base)
    made.catch(() => packed.delete(key))
    const oldest = packed.size >= MAX_PACKED ? packed.keys().next().value : undefined
    if (oldest !== undefined) packed.delete(oldest)
    packed.set(key, made)
    return made
  }
}

async function smallest(
  target: Uint8Array,
  base: Base | undefined,
  old: Uint8Array | undefined,
): Promise<ReleaseContent> {
  const full = await compress(target)
  if (!base || !old) return { form: 'full', gzip: full }
  const delta = await compress(makeDelta(old, target))
  return delta.length < full.length
    ? { form: 'delta', base: base.serial, gzip: delta }
    : { form: 'full', gzip: full }
}
