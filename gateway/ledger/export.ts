/**
 * The record as files that anybody can check with the public key alone: C2SP tlog-tiles (hash tiles,
 * entry bundles, checkpoint), all checkpoints, and a manifest. Ends at the newest checkpoint.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { makeFolder } from '@kefu-edge/cloud-sync/make-folder'
import { GatewayError } from '../errors.ts'
import type { Evidence, Segment } from './evidence.ts'
import type { Epoch } from './settings.ts'
import { HASH_BYTES, leafHash, rootOf, sameHash } from './tlog/merkle.ts'
import { decodeBundle, encodeBundle, TILE_WIDTH, tilePath } from './tlog/tiles.ts'

export const EXPORT_FORMAT = 'kefu-edge ledger export v1'

interface Manifest {
  readonly format: typeof EXPORT_FORMAT
  readonly gatewayId: string
  readonly size: number
  readonly epochs: readonly Epoch[]
  readonly verifierKey: string
}

/**
 * Writes the export into `dir`, which must be empty or new. Returns how many leaves it holds. Throws
 * `ledger.export-not-empty`, `ledger.no-checkpoint`, `ledger.export-not-written`.
 */
export function writeExport(evidence: Evidence, verifierKey: string, dir: string): number {
  if (existsSync(dir) && readdirSync(dir).length > 0) {
    throw new GatewayError('ledger.export-not-empty', { detail: dir })
  }
  const notes = [...evidence.checkpoints()].filter((one) => one.size <= evidence.size)
  const newest = notes.at(-1)
  if (!newest) throw new GatewayError('ledger.no-checkpoint')
  const write = (path: string, content: string | Uint8Array): void => {
    const file = join(dir, path)
    try {
      makeFolder(dirname(file))
      writeFileSync(file, content)
    } catch (cause) {
      const detail = cause instanceof Error ? cause.message : file
      throw new GatewayError('ledger.export-not-written', { cause, detail })
    }
  }
  const upper: Uint8Array[] = []
  for (const segment of evidence.segments()) {
    const width = Math.min(TILE_WIDTH, newest.size - segment.index * TILE_WIDTH)
    if (width <= 0) break
    const hashes = hashesOf(segment, width)
    write(tilePath(0, segment.index, width), hashes)
    if (width === TILE_WIDTH) upper.push(rootOf(hashes))
    const entries = segment.entries.slice(0, width).flatMap((entry) => (entry ? [entry.bytes] : []))
    if (entries.length === width) {
      write(tilePath('entries', segment.index, width), encodeBundle(entries))
    }
  }
  writeUpperTiles(upper, write)
  for (const { size, note } of notes) write(`checkpoints/${size}`, note)
  write('checkpoint', newest.note)
  const manifest: Manifest = {
    format: EXPORT_FORMAT,
    gatewayId: evidence.gatewayId ?? '',
    size: newest.size,
    epochs: evidence.epochs.filter((epoch) => epoch.firstIndex < newest.size),
    verifierKey,
  }
  write('manifest.json', `${JSON.stringify(manifest, null, 2)}\n`)
  return newest.size
}

function hashesOf(segment: Segment, width: number): Uint8Array {
  const hashes = Buffer.alloc(width * HASH_BYTES)
  for (let i = 0; i < width; i++) {
    const entry = segment.entries[i]
    const kept = segment.hashes?.subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES)
    hashes.set(entry ? leafHash(entry.bytes) : (kept ?? []), i * HASH_BYTES)
  }
  return hashes
}

function writeUpperTiles(
  roots: readonly Uint8Array[],
  write: (path: string, content: Uint8Array) => void,
): void {
  let row = roots
  for (let level = 1; row.length > 0; level++) {
    const above: Uint8Array[] = []
    for (let first = 0; first < row.length; first += TILE_WIDTH) {
      const hashes = Buffer.concat(row.slice(first, first + TILE_WIDTH))
      const width = hashes.length / HASH_BYTES
      write(tilePath(level, first / TILE_WIDTH, width), hashes)
      if (width === TILE_WIDTH) above.push(rootOf(hashes))
    }
    row = above
  }
}

/** An export as evidence. Throws `ledger.export-unreadable` when the folder is not one, or holds no record. */
export function exportEvidence(dir: string): Evidence & { readonly verifierKey: string } {
  const manifest = readManifest(dir)
  const readIf = (path: string): Uint8Array | undefined => {
    const file = join(dir, path)
    return existsSync(file) ? readFileSync(file) : undefined
  }
  function* segments(): Generator<Segment> {
    for (let index = 0; index * TILE_WIDTH < manifest.size; index++) {
      const width = Math.min(TILE_WIDTH, manifest.size - index * TILE_WIDTH)
      const hashes = readIf(tilePath(0, index, width))
      const bundle = readIf(tilePath('entries', index, width))
      const entries = bundle ? bundleEntries(bundle, width) : []
      yield {
        index,
        entries: Array.from({ length: width }, (_, i) => {
          const bytes = entries[i]
          return bytes && { bytes }
        }),
        ...(hashes?.length === width * HASH_BYTES ? { hashes } : {}),
      }
    }
  }
  return {
    gatewayId: manifest.gatewayId,
    size: manifest.size,
    epochs: manifest.epochs,
    verifierKey: manifest.verifierKey,
    segments,
    tileRoot: tileRootIn(readIf, manifest.size),
    flaws: flawsOf(readIf, manifest.size),
    checkpoints: () =>
      checkpointsIn(dir).map((size) => ({
        size,
        note: readFileSync(join(dir, 'checkpoints', `${size}`), 'utf8'),
      })),
  }
}

/** Sizes, smallest first. Who looks into the folder leaves a file of his own there (.DS_Store, Thumbs.db). */
function checkpointsIn(dir: string): readonly number[] {
  const folder = join(dir, 'checkpoints')
  const names = existsSync(folder) ? readdirSync(folder) : []
  return names
    .filter((name) => /^(?:0|[1-9][0-9]{0,15})$/.test(name))
    .map(Number)
    .sort((a, b) => a - b)
}

/** The root of a full tile stands in the tile above it, which is asked for 256 times in a row. */
function tileRootIn(
  readIf: (path: string) => Uint8Array | undefined,
  size: number,
): Evidence['tileRoot'] {
  const last = new Map<number, { readonly path: string; readonly tile: Uint8Array | undefined }>()
  return (level, index) => {
    const above = Math.floor(index / TILE_WIDTH)
    const count = Math.floor(size / TILE_WIDTH ** (level + 1)) - above * TILE_WIDTH
    const path = tilePath(level + 1, above, Math.min(TILE_WIDTH, count))
    const known = last.get(level)
    const tile = known?.path === path ? known.tile : readIf(path)
    last.set(level, { path, tile })
    const offset = (index % TILE_WIDTH) * HASH_BYTES
    return tile?.length === Math.min(TILE_WIDTH, count) * HASH_BYTES
      ? tile.subarray(offset, offset + HASH_BYTES)
      : undefined
  }
}

/** `checkpoint` is what clients of a log ask for first; it must be the newest of `checkpoints/`. */
function flawsOf(readIf: (path: string) => Uint8Array | undefined, size: number): string[] {
  const [first, newest] = [readIf('checkpoint'), readIf(`checkpoints/${size}`)]
  const isSame = first !== undefined && newest !== undefined && sameHash(first, newest)
  return isSame ? [] : [`checkpoint is not checkpoints/${size}`]
}

/** A bundle of another length or with bytes behind its end yields none; the missing entries are findings. */
function bundleEntries(bundle: Uint8Array, width: number): readonly Uint8Array[] {
  try {
    const entries = decodeBundle(bundle)
    return entries.length === width ? entries : []
  } catch {
    return []
  }
}

function isEpoch(value: unknown): value is Epoch {
  const { id, firstIndex } = (value ?? {}) as Partial<Epoch>
  return typeof id === 'string' && Number.isSafeInteger(firstIndex)
}

function readManifest(dir: string): Manifest {
  try {
    const value = JSON.parse(readFileSync(join(dir, 'manifest.json'), 'utf8')) as Partial<Manifest>
    const { format, gatewayId, size, epochs, verifierKey } = value
    if (
      format === EXPORT_FORMAT &&
      typeof gatewayId === 'string' &&
      typeof verifierKey === 'string' &&
      // An export ends at a signed checkpoint, and the first entry of a record opens an epoch.
      typeof size === 'number' &&
      Number.isSafeInteger(size) &&
      size > 0 &&
      Array.isArray(epochs) &&
      epochs.length > 0 &&
      epochs.every(isEpoch)
    ) {
      return value as Manifest
    }
  } catch (cause) {
    throw new GatewayError('ledger.export-unreadable', { cause, detail: dir })
  }
  throw new GatewayError('ledger.export-unreadable', { detail: dir })
}
