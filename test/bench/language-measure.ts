/** What the language benches measure with: processor time, and how many answers are right. */
import type { LabelledText } from '../../gateway/language/task-model.ts'

/** One for all engines and data, so that a run can be repeated. */
export const SEED = 1

/** CPU seconds (user and system) of `work`: two cores are shared, so wall time says little. */
export async function cpuOf<T>(work: () => T | Promise<T>): Promise<readonly [T, number]> {
  const started = process.cpuUsage()
  const value = await work()
  const { user, system } = process.cpuUsage(started)
  return [value, (user + system) / 1e6]
}

/** Median and 99th percentile of what one question costs, the engine being warm. */
export async function timesOf(texts: readonly string[], ask: (text: string) => unknown) {
  for (const text of texts.slice(0, 300)) await ask(text)
  const times: number[] = []
  for (const text of texts) {
    // Processor time: on a shared machine wall time measures the neighbours.
    const started = process.cpuUsage()
    await ask(text)
    const { user, system } = process.cpuUsage(started)
    times.push((user + system) / 1000)
  }
  times.sort((a, b) => a - b)
  const at = (share: number): number => times[Math.floor(share * (times.length - 1))] ?? 0
  return { p50Ms: at(0.5), p99Ms: at(0.99) }
}

/** One line of JSON, rounded. */
export const report = (line: Record<string, unknown>): void =>
  console.log(
    JSON.stringify(line, (_key, value) =>
      typeof value === 'number' ? Math.round(value * 1000) / 1000 : value,
    ),
  )

const isOut = (label: string): boolean => label.startsWith('oos')
/** Of what is in scope. */
export const accuracy = (test: readonly LabelledText[], got: readonly string[]): number => {
  const inScope = test.flatMap(({ label }, i) => (isOut(label) ? [] : [label === got[i]]))
  return inScope.filter(Boolean).length / Math.max(inScope.length, 1)
}
