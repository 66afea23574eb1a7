import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type RunningBroker, startBroker } from '../support/broker-under-test.ts'

/**
 * The Eclipse Paho interoperability suites, where PAHO_TESTING names a checkout of
 * https://github.com/eclipse/paho.mqtt.testing; they are not ours to ship. Between its cases a suite
 * clears every retained message and waits for seconds, so that it has a broker to itself.
 */
const { PAHO_TESTING } = process.env
const SUITES = [
  { name: 'client_test', what: 'MQTT 3.1.1', count: 10 },
  { name: 'client_test5', what: 'MQTT 5', count: 27 },
] as const
/** Half a minute a case on a busy machine; most need ten seconds. */
const SUITE_LIMIT_MS = 27 * 30_000
const START_LIMIT_MS = 60_000

let broker: RunningBroker | undefined

function play(suite: string): Promise<string> {
  const program = join(import.meta.dirname, 'paho-suites.py')
  const directory = join(PAHO_TESTING ?? '', 'interoperability')
  const child = spawn('python3', [program, directory, suite, String(broker?.address.tcp.port)])
  let said = ''
  const keep = (chunk: Buffer) => {
    said += chunk.toString()
  }
  child.stdout.on('data', keep)
  child.stderr.on('data', keep)
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', () => resolve(said))
  })
}

describe('the Eclipse Paho interoperability suites', () => {
  beforeAll(async () => {
    if (!existsSync(join(PAHO_TESTING ?? '', 'interoperability/client_test5.py'))) {
      throw new Error(`PAHO_TESTING=${PAHO_TESTING} has no interoperability/client_test5.py`)
    }
    broker = await startBroker()
  }, START_LIMIT_MS)

  afterAll(() => broker?.stop())

  test.each(SUITES)(
    '$what: $count of $count',
    async ({ name, count }) => {
      const said = await play(name)
      expect(said).toMatch(new RegExp(`^Ran ${count} tests`, 'm'))
      expect(said.match(/^(FAIL|ERROR): test_\w+/gm) ?? [], said.slice(-8000)).toEqual([])
      expect(said).toMatch(/^OK/m)
    },
    SUITE_LIMIT_MS,
  )
})
