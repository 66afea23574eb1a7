/** Work that others wait for only a moment; then it goes on beside them. One at a time of each name. */
import { sleep } from './backoff.ts'

export interface Beside {
  /** What came of it; undefined where it goes on beside, or one of its name does. `work` must not reject. */
  run<T>(name: string, work: () => Promise<T>): Promise<T | undefined>
  /** Resolves once nothing is under way. */
  settled(): Promise<void>
}

export function createBeside(patienceMs: number): Beside {
  const underway = new Map<string, Promise<unknown>>()

  return {
    async run(name, work) {
      if (underway.has(name)) return undefined
      const running = work().finally(() => underway.delete(name))
      underway.set(name, running)
      const wait = new AbortController()
      const patience = sleep(patienceMs, wait.signal).then(() => undefined)
      return Promise.race([running, patience]).finally(() => wait.abort())
    },
    async settled() {
      await Promise.all(underway.values())
    },
  }
}
