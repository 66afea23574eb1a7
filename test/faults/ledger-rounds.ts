/**
 * Faults that concern the ledger alone, each a function of a seeded generator, so that a failing round
 * comes again: kill -9, power cut with torn writes, disk full, bit flips. Used by the tests and by
 * whoever wants to run a thousand of them.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  closeSync,
  copyFileSync,
  openSync,
  readFileSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { unbalanced } from '../../gateway/ledger/lanes.ts'
import { openTestLedger } from './cloud-ledger.ts'
import { appendGroup, inFolder, isWhole, judge, lostOf, type RoundResult } from './ledger-judge.ts'
import { type Random, randomFrom } from './seeded-random.ts'

const DATABASE = 'gateway.db'
const PAGE_BYTES = 4096
/** Half years after which an entry may go: three years and a bit (`DEFAULT_RETENTION`). */
const KEPT_TURNS = 6
/** What a disk writes at once; a torn write ends at such a border or, on bad disks, within. */
const SECTOR_BYTES = 512

/** kill -9 of a writing process at a random moment, several lives in one data folder. */
export async function killRound(random: Random): Promise<RoundResult> {
  return inFolder(async (dir) => {
    const acknowledged = new Map<number, string>()
    for (let life = 0; life < 2; life++) {
      const said = await runAndKill(dir, 1 + Math.floor(random() * 12), 20 + random() * 150)
      for (const [index, ask] of said) acknowledged.set(index, ask)
    }
    return judge('kill', dir, (ledger) => lostOf(acknowledged, ledger), acknowledged.size)
  })
}

/** kill -9 while retention removes: what must stay is there, and the record is whole. */
export async function retentionRound(random: Random): Promise<RoundResult> {
  return inFolder(async (dir) => {
    const said: { index: number; askId: string; turn: number }[] = []
    let removed = 0
    for (let life = 0; life < 3; life++) {
      const firstTurn = (said.at(-1)?.turn ?? 0) + 2
      const args = [dir, `${firstTurn}`]
      const program = 'ledger-retention-process.ts'
      const lines = await linesUntilKilled(program, args, random() * 100, KEPT_TURNS + 2)
      for (const [index, askId = '', turn, count] of lines) {
        said.push({ index: Number(index), askId, turn: Number(turn) })
        removed += Number(count)
      }
    }
    // The turn that was killed may have removed what it had not said yet.
    const oldest = (said.at(-1)?.turn ?? 0) + 1 - KEPT_TURNS
    const staying = new Map(
      said.filter(({ turn }) => turn > oldest).map((one) => [one.index, `d-0 ${one.askId}`]),
    )
    const result = await judge('retention', dir, (ledger) => lostOf(staying, ledger), said.length)
    return { ...result, removed }
  })
}

/**
 * A power cut: of what was written after the last fsync any part may be missing or torn. What was
 * acknowledged lies in the write-ahead log before that point; everything behind it is damaged here.
 */
export async function powerCutRound(random: Random): Promise<RoundResult> {
  return inFolder(async (dir) => {
    const { store, ledger } = openTestLedger(dir)
    const acknowledged = new Map<number, string>()
    for (let n = 0; n < 3 + random() * 20; n++) await appendGroup(store, ledger, n, acknowledged)
    await ledger.checkpoint()
    const path = join(dir, DATABASE)
    const synced = statSync(`${path}-wal`).size
    await appendGroup(store, ledger, 1000, new Map())
    const cut = join(dir, 'cut')
    for (const end of ['', '-wal']) copyFileSync(`${path}${end}`, `${cut}${end}`)
    await store.close()
    tearTail(`${cut}-wal`, synced, random)
    for (const end of ['', '-wal']) copyFileSync(`${cut}${end}`, `${path}${end}`)
    return judge('power-cut', dir, (again) => lostOf(acknowledged, again), acknowledged.size)
  })
}

/** A power cut while the log is folded into the file: pages of the file are old, new or torn. */
export async function tornCheckpointRound(random: Random): Promise<RoundResult> {
  return inFolder(async (dir) => {
    const { store, ledger } = openTestLedger(dir)
    const acknowledged = new Map<number, string>()
    for (let n = 0; n < 5; n++) await appendGroup(store, ledger, n, acknowledged)
    store.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get()
    for (let n = 5; n < 15; n++) await appendGroup(store, ledger, n, acknowledged)
    const path = join(dir, DATABASE)
    const before = readFileSync(path)
    const wal = readFileSync(`${path}-wal`)
    store.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get()
    const after = readFileSync(path)
    await store.close()
    const torn = Buffer.alloc(after.length)
    before.copy(torn)
    for (let at = 0; at < after.length; at += SECTOR_BYTES) {
      if (random() < 0.5) after.copy(torn, at, at, at + SECTOR_BYTES)
    }
    // The file grows page by page; what was not reached is not there.
    const length = before.length + PAGE_BYTES * Math.floor(random() * 3)
    writeFileSync(path, torn.subarray(0, Math.min(torn.length, length)))
    writeFileSync(`${path}-wal`, wal)
    return judge('torn-checkpoint', dir, (again) => lostOf(acknowledged, again), acknowledged.size)
  })
}

/** The disk is full for a while: refusals aloud, nothing acknowledged is lost, and work goes on after. */
export async function diskFullRound(random: Random): Promise<RoundResult> {
  return inFolder(async (dir) => {
    const { store, ledger } = openTestLedger(dir)
    const acknowledged = new Map<number, string>()
    await appendGroup(store, ledger, 0, acknowledged)
    const pages = store.prepare<{ page_count: number }>('PRAGMA page_count').get()?.page_count ?? 0
    const room = pages + Math.floor(random() * 20)
    store.prepare(`PRAGMA max_page_count = ${room}`).get()
    let refused = 0
    for (let n = 1; refused < 5 && n < 500; n++) {
      refused += await appendGroup(store, ledger, n, acknowledged)
    }
    store.prepare('PRAGMA max_page_count = 1073741823').get()
    await appendGroup(store, ledger, 999, acknowledged)
    const books = unbalanced(ledger.balance()).length
    await ledger.checkpoint()
    await store.close()
    const result = await judge(
      'disk-full',
      dir,
      (again) => lostOf(acknowledged, again),
      acknowledged.size,
    )
    return { ...result, unbalanced: result.unbalanced + books + (refused === 0 ? 1 : 0) }
  })
}

/**
 * Bits of stored content flipped one after the other in a copy at rest. With `everyByte` each byte of
 * each entry once, else so many at random.
 */
export async function bitFlipRound(
  random: Random,
  flips: number | 'every-byte',
): Promise<RoundResult> {
  return inFolder(async (dir) => {
    const { store, ledger } = openTestLedger(dir)
    for (let n = 0; n < 4; n++) await appendGroup(store, ledger, n, new Map())
    await ledger.checkpoint()
    const contents = store
      .prepare<{ bytes: Uint8Array }>('SELECT bytes FROM ledger_entry')
      .all()
      .map((row) => Buffer.from(row.bytes))
    const key = ledger.verifierKey
    await store.close()
    const path = join(dir, DATABASE)
    const file = readFileSync(path)
    const offsets = contents.flatMap((bytes) => {
      const start = file.indexOf(bytes)
      if (start < 0) throw new Error('an entry does not lie in one piece')
      return Array.from(bytes, (_, i) => start + i)
    })
    const chosen =
      flips === 'every-byte'
        ? offsets
        : Array.from({ length: flips }, () => offsets[Math.floor(random() * offsets.length)] ?? 0)
    let found = 0
    for (const at of chosen) {
      const bit = 1 << Math.floor(random() * 8)
      writeByte(path, at, (file[at] ?? 0) ^ bit)
      if (!(await isWhole(path, key))) found += 1
      writeByte(path, at, file[at] ?? 0)
    }
    const result = await judge('bit-flips', dir, () => 0, 0)
    return { ...result, bitFlips: chosen.length, bitFlipsFound: found }
  })
}

/** Rounds of every kind in turn; each with a seed of its own, so that one can be run again alone. */
export async function* ledgerFaults(rounds: number, seed: number): AsyncGenerator<RoundResult> {
  const kinds = [
    killRound,
    retentionRound,
    powerCutRound,
    tornCheckpointRound,
    diskFullRound,
    (random: Random) => bitFlipRound(random, 100),
  ]
  for (let n = 0; n < rounds; n++) {
    const round = kinds[n % kinds.length]
    if (round) yield await round(randomFrom(seed + n))
  }
}

/** Runs the writer, kills it, and returns what it had said aloud until then. */
async function runAndKill(dir: string, group: number, livesMs: number) {
  const lines = await linesUntilKilled('ledger-writer-process.ts', [dir, `${group}`], livesMs)
  return lines.map(([index, askId, device]): [number, string] => [
    Number(index),
    `d-${device} ${askId}`,
  ])
}

/** What a program of this folder said, by lines and words, until kill -9: so long after so many lines. */
async function linesUntilKilled(
  program: string,
  args: readonly string[],
  livesMs: number,
  afterLines = 1,
) {
  const path = join(import.meta.dirname, program)
  const child = spawn(
    process.execPath,
    ['--conditions=kefu-source', '--import', 'tsx', path, ...args],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  let output = ''
  const hasSaid = new Promise<void>((resolve) => {
    child.stdout.on('data', (bytes: Buffer) => {
      output += bytes.toString()
      if (output.split('\n').length > afterLines) resolve()
    })
  })
  const closed = once(child.stdout, 'close')
  await Promise.race([
    hasSaid,
    once(child, 'exit').then(() => Promise.reject(new Error('the program ended by itself'))),
  ])
  await sleep(livesMs)
  const gone = once(child, 'exit')
  child.kill('SIGKILL')
  await Promise.all([gone, closed])
  return output
    .slice(0, output.lastIndexOf('\n') + 1)
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.split(' '))
}

function writeByte(path: string, at: number, value: number): void {
  const file = openSync(path, 'r+')
  writeSync(file, Uint8Array.of(value), 0, 1, at)
  closeSync(file)
}

/** Behind `from` the file is cut off, or its sectors are zero, old garbage or as they were. */
function tearTail(path: string, from: number, random: Random): void {
  const bytes = readFileSync(path)
  const end = from + Math.floor(random() * (bytes.length - from + 1))
  for (let at = from; at < end; at += SECTOR_BYTES) {
    const dice = random()
    const stop = Math.min(end, at + SECTOR_BYTES)
    if (dice < 0.3) bytes.fill(0, at, stop)
    else if (dice < 0.6) for (let i = at; i < stop; i++) bytes[i] = Math.floor(random() * 256)
  }
  writeFileSync(path, bytes.subarray(0, end))
}
