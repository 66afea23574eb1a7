import { createHealth } from '@kefu-edge/cloud-sync/health'
import { type Link, type LinkResult, silentLogger } from '@kefu-edge/cloud-sync/ports'
import { expect, it } from 'vitest'

it('the log says once that the core is away and once that it is back, however often it flaps', async () => {
  let monotonicMs = 0
  let isThere = false
  const link: Link = {
    async request({ body }): Promise<LinkResult> {
      if (!isThere) return { kind: 'failure', failure: 'refused', detail: 'ECONNREFUSED' }
      const { nonce } = JSON.parse(Buffer.from(body ?? []).toString()) as { nonce: string }
      return {
        kind: 'answer',
        status: 200,
        body: Buffer.from(JSON.stringify({ nonce, atMs: 1 })),
      }
    },
    close() {},
  }
  const said: string[] = []
  const health = createHealth({
    link,
    gatewayId: 'gw-1',
    clock: { now: () => 1, monotonic: () => monotonicMs },
    random: () => 0.5,
    logger: {
      ...silentLogger,
      info: (_, message) => said.push(message),
      warn: (fields, message) => said.push(`${message} ${JSON.stringify(fields)}`),
    },
  })
  const echo = async (there: boolean) => {
    isThere = there
    await health.echo(new AbortController().signal)
  }

  for (let n = 0; n < 3; n++) await echo(false)
  expect(said).toEqual([
    'the cloud core cannot be reached; records stay here and go up later {"code":"link.refused","detail":"ECONNREFUSED"}',
  ])
  for (const there of [true, false, true, false, true]) await echo(there)
  expect(said).toHaveLength(1)
  // What it is after the flapping is said in the end.
  monotonicMs = 10_000
  for (let n = 0; n < 3; n++) await echo(true)
  expect(said.slice(1)).toEqual(['connected to the cloud core'])
})

it('an echo with another nonce is none: what a cache kept says nothing of the core', async () => {
  const answers = [{ nonce: 'AAAAAAAAAAAAAAAA', atMs: 99 }]
  const link: Link = {
    async request({ body }): Promise<LinkResult> {
      const { nonce } = JSON.parse(Buffer.from(body ?? []).toString()) as { nonce: string }
      const said = answers.shift() ?? { nonce, atMs: 1 }
      return { kind: 'answer', status: 200, body: Buffer.from(JSON.stringify(said)) }
    },
    close() {},
  }
  const times: number[] = []
  const health = createHealth({
    link,
    gatewayId: 'gw-1',
    clock: { now: () => 1, monotonic: () => 0 },
    random: () => 0.5,
    onTime: (atMs) => times.push(atMs),
  })
  const { signal } = new AbortController()
  expect(await health.echo(signal)).toBe(false)
  expect(health.status()).toMatchObject({ state: 'away' })
  expect(await health.echo(signal)).toBe(true)
  expect(health.status()).toMatchObject({ state: 'connected' })
  expect(times).toEqual([1])
})
