/**
 * Bits of stored ledger content and of data keys, flipped one after the other in a folder at rest: `ledger verify`, run by
 * the same code as the command, must find each.
 */
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { openStore } from '../../../gateway/storage/store.ts'
import { kefu } from '../../support/command.ts'
import type { Random } from '../seeded-random.ts'

export interface FlipReport {
  readonly bitFlips: number
  readonly bitFlipsFound: number
  readonly details: readonly string[]
}

const DATABASE = 'kefu.db'
/** Content this long lies nowhere else in the file. */
const PIECE_BYTES = 64

/** The gateway must have ended in good order, so that its log is folded into the file. */
export async function flipBits(
  gatewayDir: string,
  flips: number,
  random: Random,
): Promise<FlipReport> {
  const path = join(gatewayDir, DATABASE)
  const contents = await readContents(path)
  const file = readFileSync(path)
  const details: string[] = []
  let done = 0
  let found = 0
  for (let n = 0; n < flips; n++) {
    const at = placeOfByte(contents, file, random)
    if (at === undefined) continue
    const bit = 1 << Math.floor(random() * 8)
    writeByte(path, at, (file[at] ?? 0) ^ bit)
    const isFound = (await verifyExit(gatewayDir)) === 1
    const isContent = isFound || !isSame(contents, await readContents(path))
    writeByte(path, at, file[at] ?? 0)
    // The same bytes may lie in a page that is not used any more: nobody reads those.
    if (!isContent) continue
    done += 1
    if (isFound) found += 1
    else details.push(`bit flip at ${at} of ${DATABASE} was not found`)
  }
  return { bitFlips: done, bitFlipsFound: found, details }
}

/** Offset in the file of a random byte of a random entry or key; undefined where its piece crosses a page. */
function placeOfByte(
  contents: readonly Buffer[],
  file: Buffer,
  random: Random,
): number | undefined {
  const entry = contents[Math.floor(random() * contents.length)] ?? Buffer.alloc(0)
  const byte = Math.floor(random() * entry.length)
  const from = Math.max(0, Math.min(byte, entry.length - PIECE_BYTES))
  const start = file.indexOf(entry.subarray(from, from + PIECE_BYTES))
  return start < 0 ? undefined : start + byte - from
}

async function readContents(path: string): Promise<readonly Buffer[]> {
  const store = openStore({ path, readonly: true })
  try {
    return store
      .prepare<{ bytes: Uint8Array }>(
        `SELECT * FROM (SELECT bytes FROM ledger_entry ORDER BY idx)
         UNION ALL SELECT wrapped FROM subject_key WHERE wrapped <> zeroblob(60)`,
      )
      .all()
      .map(({ bytes }) => Buffer.from(bytes))
  } finally {
    await store.close()
  }
}

const isSame = (some: readonly Buffer[], others: readonly Buffer[]): boolean =>
  some.length === others.length && some.every((one, n) => others[n]?.equals(one))

/** A file that does not open any more was found as well: the command says so and exits 1. */
const verifyExit = async (dataDir: string): Promise<number> =>
  (await kefu('ledger', 'verify', '--json', '--data', dataDir)).code

function writeByte(path: string, at: number, value: number): void {
  const file = openSync(path, 'r+')
  writeSync(file, Uint8Array.of(value), 0, 1, at)
  closeSync(file)
}
