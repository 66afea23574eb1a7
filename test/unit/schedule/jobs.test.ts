import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, it } from 'vitest'
import { checkBackups } from '../../../gateway/cli/checks-machine.ts'
import type { Clock } from '../../../gateway/clock.ts'
import { type Box, composeBox } from '../../../gateway/compose.ts'
import { loadConfig } from '../../../gateway/config/load-config.ts'
import { boxJobs, LOW_DISK_BYTES } from '../../../gateway/schedule/jobs.ts'
import { isCron } from '../../../gateway/schedule/schedule.ts'
import { handClock } from '../../support/clock.ts'
import { tempFolder } from '../../support/temp-folder.ts'

const MINUTE_MS = 60_000
const DAY_MS = 86_400_000
const START_MS = Date.UTC(2026, 10, 22, 2, 0)
const boxes: Box[] = []
afterEach(() => Promise.all(boxes.splice(0).map((box) => box.close())))

async function openBox(options: { startMs?: number; freeBytes?: number; clock?: Clock } = {}) {
  const clock = handClock(options.startMs ?? START_MS)
  const config = loadConfig({
    dataDir: join(tempFolder(), 'box'),
    env: {},
    overrides: { storage: { synchronous: 'NORMAL' } },
  })
  const box = await composeBox(config, { clock: options.clock ?? clock })
  boxes.push(box)
  const jobs = boxJobs({
    ...box,
    makeBackup: box.operations.makeBackup,
    freeBytes: () => options.freeBytes ?? 2 * LOW_DISK_BYTES,
  })
  const run = async (name: string) => {
    const job = jobs.find((one) => one.name === name)
    if (!job) throw new Error(`no job ${name}`)
    return job.run(new AbortController().signal)
  }
  return { box, clock, jobs, run }
}

/** Entries as turns leave them; enough for whole segments. */
async function fill(box: Box, entries: number): Promise<void> {
  await box.store.commit(() => {
    for (let n = 0; n < entries; n++) {
      box.ledger.append({
        lane: 'telemetry',
        kind: 'test.entry',
        atMs: box.clock.now(),
        body: { n },
        personal: { text: 'what somebody said' },
      })
    }
  })
}

async function settleAll({ ledger }: Box): Promise<void> {
  for (const { lane, accepted } of ledger.balance()) await ledger.acknowledge(lane, accepted)
}

it('each has a name of its own, a reason and an expression that can be read', async () => {
  const { jobs } = await openBox()
  expect(new Set(jobs.map((job) => job.name)).size).toBe(jobs.length)
  for (const { cron, why } of jobs) {
    expect(isCron(cron)).toBe(true)
    expect(why.length).toBeGreaterThan(20)
  }
})

it('ledger-checkpoint signs once for what was added', async () => {
  const { box, run } = await openBox()
  expect(await run('ledger-checkpoint')).toBe('nothing new')
  await fill(box, 3)
  const size = box.ledger.size()
  expect(await run('ledger-checkpoint')).toBe(`${size} entries signed`)
  expect(box.ledger.latestCheckpoint()?.size).toBe(size)
  expect(await run('ledger-checkpoint')).toBe('nothing new')
})

it('sessions-expire deletes conversations that are over, and none while the time is in doubt', async () => {
  const { box, clock, run } = await openBox()
  const device = { id: 'k1', kind: 'kiosk', groups: [] }
  const ask = { id: '1', text: '你好' }
  const atMs = clock.now()
  const session = box.sessions.resume({ ask, device, channel: 'http', receivedAtMs: atMs })
  await box.store.commit(() => box.sessions.save(session, 'k1'))
  expect(await run('sessions-expire')).toBe('0 deleted')
  clock.advance(-40 * 365 * DAY_MS)
  expect(await run('sessions-expire')).toMatch(/skipped/)
  clock.advance(40 * 365 * DAY_MS + 60 * 60_000)
  expect(await run('sessions-expire')).toBe('1 deleted')
})

it('retention removes what was kept as long as it may be', async () => {
  const { box, clock, run } = await openBox()
  await fill(box, 600)
  await box.ledger.checkpoint()
  await settleAll(box)
  expect(await run('retention')).toBe('0 keys destroyed, 0 entries removed')
  clock.advance(1100 * DAY_MS)
  expect(await run('retention')).toMatch(/^[1-9]\d* keys destroyed, 512 entries removed$/)
  expect(box.ledger.entryAt(0)).toBeUndefined()
  expect(box.ledger.entryAt(box.ledger.size() - 1)?.kind).toBe('ledger.removed')
})

it('retention removes nothing when the clock has jumped by years', async () => {
  let wallMs = START_MS
  const { box, run } = await openBox({ clock: { now: () => wallMs, monotonic: () => 0 } })
  await fill(box, 600)
  await box.ledger.checkpoint()
  await settleAll(box)
  await run('time-floor')
  wallMs += 11 * 365 * DAY_MS
  expect(await run('retention')).toBe('skipped: the time is in doubt')
  expect(box.ledger.entryAt(0)).toBeDefined()
})

it('disk-watch looks on while there is room, and makes room from the shortest keeping time on', async () => {
  const { box, clock, run } = await openBox({ freeBytes: 100_000_000 })
  await fill(box, 600)
  await box.ledger.checkpoint()
  await settleAll(box)
  expect(await run('disk-watch')).toMatch(/disk is short \(100 MB\).* 0 entries removed/)
  clock.advance(200 * DAY_MS)
  await box.ledger.checkpoint()
  expect(await run('disk-watch')).toMatch(/ 512 entries removed/)
  expect(await (await openBox()).run('disk-watch')).toBe('1000 MB free')
})

it('database-optimize folds the write-ahead log into the file', async () => {
  const { box, run } = await openBox()
  await fill(box, 300)
  expect(await run('database-optimize')).toBe('optimized')
  const log = box.store.prepare<{ log: number }>('PRAGMA wal_checkpoint').get()
  expect(log?.log).toBe(0)
})

it('time-floor dates what was written in doubt once the clock is right', async () => {
  const { box, clock, run } = await openBox({ startMs: 1000 })
  await fill(box, 1)
  expect(box.ledger.entryAt(1)?.timeDoubt).toBeDefined()
  expect(await run('time-floor')).toBe('the time is in doubt')
  clock.advance(START_MS)
  expect(await run('time-floor')).toBe('entries written in doubt were dated')
  expect(await run('time-floor')).toBe('kept')
})

it('time-floor keeps nothing before network time had its say: a clock weeks ahead at a start is set right without a doubt', async () => {
  let [wallMs, monotonicMs] = [START_MS, 0]
  const clock = { now: () => wallMs, monotonic: () => monotonicMs }
  const { box, run } = await openBox({ clock })
  // Of an earlier run.
  await box.time.persist()
  wallMs = START_MS + 30 * DAY_MS
  expect(await run('time-floor')).toBe('kept')
  wallMs = START_MS + 30_000
  monotonicMs = 30_000
  expect([box.time.now(), box.time.doubt()]).toEqual([wallMs, undefined])

  monotonicMs = 120_000
  wallMs = START_MS + monotonicMs
  expect(await run('time-floor')).toBe('kept')
  wallMs -= 2 * DAY_MS
  expect(box.time.doubt()).toBeDefined()
})

it('backup keeps the newest that the clock was right for, and tells of none that only a clock ahead has made', async () => {
  const { box, clock } = await openBox()
  const dir = join(tempFolder(), 'backups')
  const told: (number | undefined)[] = []
  const config = { ...box.config, backup: { dir, keep: 2, cron: '30 3 * * *' } }
  const [job] = boxJobs({
    ...box,
    config,
    makeBackup: box.operations.makeBackup,
    onBackup: (atMs) => void told.push(atMs),
  }).filter((one) => one.name === 'backup')
  const backUp = async () => {
    clock.advance(MINUTE_MS)
    await job?.run(new AbortController().signal)
  }
  const years = () =>
    readdirSync(dir)
      .map((name) => /-(\d{4})\d{4}T/.exec(name)?.[1])
      .sort()
  clock.advance(300 * DAY_MS)
  await backUp()
  await backUp()
  expect(years()).toEqual(['2027', '2027'])
  clock.advance(-300 * DAY_MS)
  expect(await job?.atStart?.()).toBe(true)
  expect(told.at(-1)).toBeUndefined()
  expect(await checkBackups(config, clock.now())).toMatchObject({ verdict: 'ahead' })
  await backUp()
  expect(years()).toEqual(['2026', '2027'])
  await backUp()
  expect(years()).toEqual(['2026', '2026'])
  expect(told.at(-1)).toBe(clock.now())
  expect(await checkBackups(config, clock.now())).toMatchObject({ verdict: 'ok' })
})

it('cloud-window opens the way for a backlog in the hours that are set, and is there only with them', async () => {
  const { box, clock, jobs } = await openBox({ startMs: new Date(2026, 10, 22, 12, 0).getTime() })
  expect(jobs.map((job) => job.name)).not.toContain('cloud-window')
  const windows: boolean[] = []
  const [job] = boxJobs({
    ...box,
    makeBackup: box.operations.makeBackup,
    pusher: { setWindow: (isOpen) => void windows.push(isOpen) },
    config: { ...box.config, cloud: { ...box.config.cloud, backlogHours: ['22:00-06:00'] } },
  }).filter((one) => one.name === 'cloud-window')
  await job?.run(new AbortController().signal)
  clock.advance(12 * 3_600_000)
  await job?.run(new AbortController().signal)
  expect(windows).toEqual([false, true])
})
