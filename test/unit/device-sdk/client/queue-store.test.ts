import {
  appendFile,
  type FileHandle,
  mkdtemp,
  open,
  readdir,
  readFile,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileQueueStore } from '@kefu-edge/device-sdk/client/file-queue-store'
import {
  localStorageQueueStore,
  type WebStorage,
} from '@kefu-edge/device-sdk/client/local-storage-queue-store'
import {
  memoryQueueStore,
  type QueuedMessage,
  type QueueStore,
} from '@kefu-edge/device-sdk/client/queue-store'
import { afterEach, describe, expect, test, vi } from 'vitest'

const message = (id: string, text = ''): QueuedMessage => ({
  key: `event/${id}`,
  id,
  name: 'event',
  body: { id, kind: 'button', name: text },
  bytes: 40,
  queuedAtMs: 1,
})
const ids = async (store: QueueStore) => (await store.load()).map((m) => m.id)
/** What a run after this one would find. */
async function idsAfterRestart(store: QueueStore): Promise<string[]> {
  const found = await ids(store)
  await store.close()
  return found
}

/** Web Storage over a map, as browsers have it. */
function mapStorage(): WebStorage {
  const map = new Map<string, string>()
  return {
    get length() {
      return map.size
    },
    key: (index) => [...map.keys()][index] ?? null,
    getItem: (key) => map.get(key) ?? null,
    setItem: (key, value) => {
      map.set(key, value)
    },
    removeItem: (key) => {
      map.delete(key)
    },
  }
}

let folder = ''
afterEach(async () => {
  if (folder !== '') await rm(folder, { recursive: true, force: true })
  folder = ''
})
async function queuePath(): Promise<string> {
  folder = await mkdtemp(join(tmpdir(), 'kefu-queue-'))
  return join(folder, 'deep', 'queue.log')
}

/** Each gives a way to open the same store again, as after a restart. */
const STORES: Record<string, () => Promise<() => QueueStore>> = {
  memory: async () => {
    const store = memoryQueueStore()
    return () => store
  },
  'local storage': async () => {
    const storage = mapStorage()
    return () => localStorageQueueStore('kiosk-1', storage)
  },
  file: async () => {
    const path = await queuePath()
    return () => fileQueueStore(path)
  },
}

describe.each(Object.entries(STORES))('the queue store in %s', (_name, make) => {
  test('is empty at first', async () => {
    const open = await make()
    expect(await idsAfterRestart(open())).toEqual([])
  })

  test('gives back what was appended and not removed, oldest first', async () => {
    const open = await make()
    const store = open()
    await store.load()
    for (const id of ['c', 'a', 'b', 'd']) await store.append(message(id))
    await store.remove(['event/a', 'event/unknown'])
    await store.close()
    const again = open()
    expect(await ids(again)).toEqual(['c', 'b', 'd'])
    await again.append(message('e'))
    await again.close()
    expect(await idsAfterRestart(open())).toEqual(['c', 'b', 'd', 'e'])
  })

  test('takes the same key twice as one message', async () => {
    const open = await make()
    const store = open()
    await store.load()
    await store.append(message('a'))
    await store.append(message('a'))
    await store.close()
    expect(await idsAfterRestart(open())).toEqual(['a'])
  })
})

async function fileHandles(): Promise<FileHandle> {
  const file = await open(folder, 'r')
  const handles = Object.getPrototypeOf(file) as FileHandle
  await file.close()
  return handles
}

/** Full once this share of a write has been taken. */
async function failingDisk(share: number) {
  const handles = await fileHandles()
  const full = Object.assign(new Error('no space left on device'), { code: 'ENOSPC' })
  return vi.spyOn(handles, 'appendFile').mockImplementation(async function (
    this: FileHandle,
    data,
  ) {
    const bytes = Buffer.from(String(data))
    await this.write(bytes, 0, Math.ceil(bytes.length * share))
    throw full
  })
}

describe('the queue in a file', () => {
  test('survives half a last line, as a power cut leaves it', async () => {
    const path = await queuePath()
    const store = fileQueueStore(path)
    await store.load()
    await store.append(message('a'))
    await store.append(message('b'))
    const whole = await readFile(path)
    for (let cut = 2; cut < 60; cut += 7) {
      await writeFile(path, whole.subarray(0, whole.length - cut))
      const again = fileQueueStore(path)
      expect(await ids(again)).toEqual(['a'])
      await again.append(message('c'))
      await again.close()
      expect(await idsAfterRestart(fileQueueStore(path))).toEqual(['a', 'c'])
    }
    await store.close()
  })

  test('leaves out a damaged line and keeps the rest', async () => {
    const path = await queuePath()
    const store = fileQueueStore(path)
    await store.load()
    for (const id of ['a', 'b', 'c']) await store.append(message(id))
    await store.close()
    const text = await readFile(path, 'utf8')
    await writeFile(path, text.replace('"id":"b"', '"id":"x"'))
    await appendFile(path, 'garbage\n')
    expect(await idsAfterRestart(fileQueueStore(path))).toEqual(['a', 'c'])
  })

  test('stays small however much goes through it', async () => {
    const path = await queuePath()
    const store = fileQueueStore(path)
    await store.load()
    await store.append(message('keep'))
    const padding = 'x'.repeat(20_000)
    for (let i = 0; i < 60; i++) {
      await store.append(message(`${i}`, padding))
      await store.remove([`event/${i}`])
    }
    expect((await stat(path)).size).toBeLessThan(320_000)
    await store.close()
    expect(await idsAfterRestart(fileQueueStore(path))).toEqual(['keep'])
  })

  test('syncs many appends together', async () => {
    const path = await queuePath()
    const store = fileQueueStore(path)
    await store.load()
    await Promise.all(Array.from({ length: 200 }, (_, i) => store.append(message(`${i}`))))
    await store.close()
    expect(await idsAfterRestart(fileQueueStore(path))).toHaveLength(200)
  })

  test.each([
    ['in the middle of a line', 0.75],
    ['after its last byte', 1],
  ])('keeps what follows a write that failed %s, and nothing of that write', async (_at, share) => {
    const path = await queuePath()
    const store = fileQueueStore(path)
    await store.load()
    await store.append(message('a'))
    const disk = await failingDisk(share)
    const refused = [store.append(message('b')), store.append(message('c'))]
    for (const one of await Promise.allSettled(refused)) expect(one.status).toBe('rejected')
    disk.mockRestore()
    await store.append(message('alarm'))
    // As a power cut: nothing is closed. Then enough for a rewrite.
    expect(await idsAfterRestart(fileQueueStore(path))).toEqual(['a', 'alarm'])
    await store.load()
    await store.append(message('much', 'x'.repeat(300_000)))
    await store.remove(['event/much'])
    await store.close()
    expect(await idsAfterRestart(fileQueueStore(path))).toEqual(['a', 'alarm'])
  })

  test('goes on as it is where there is no room to rewrite it, and leaves that room to others', async () => {
    const path = await queuePath()
    const store = fileQueueStore(path)
    await store.load()
    const noRoom = vi.spyOn(await fileHandles(), 'sync').mockRejectedValue(new Error('ENOSPC'))
    const openFiles = async () => (await readdir('/proc/self/fd')).length
    const before = await openFiles()
    const padding = 'x'.repeat(20_000)
    for (let i = 0; i < 40; i++) {
      await store.append(message(`${i}`, padding))
      if (i > 0) await store.remove([`event/${i}`])
    }
    expect(await openFiles()).toBe(before)
    await store.append(message('alarm'))
    await appendFile(path, 'half a li')
    const again = fileQueueStore(path)
    expect(await ids(again)).toEqual(['0', 'alarm'])
    await again.append(message('later'))
    expect(await readdir(dirname(path))).toEqual(['queue.log'])
    noRoom.mockRestore()
    for (const one of [store, again]) await one.close()
    expect(await idsAfterRestart(fileQueueStore(path))).toEqual(['0', 'alarm', 'later'])
  })

  test('says so when the disk cannot be written', async () => {
    folder = await mkdtemp(join(tmpdir(), 'kefu-queue-'))
    await writeFile(join(folder, 'file'), '')
    const store = fileQueueStore(join(folder, 'file', 'queue.log'))
    await expect(store.load()).rejects.toMatchObject({ code: 'client.storage' })
  })
})

test('a full browser storage is said aloud', async () => {
  const storage = mapStorage()
  const store = localStorageQueueStore('kiosk-1', {
    ...storage,
    setItem: () => {
      throw new Error('QuotaExceededError')
    },
  })
  await store.load()
  await expect(store.append(message('a'))).rejects.toMatchObject({ code: 'client.storage' })
})
