import { expect, test } from 'vitest'
import { createMetrics } from '../../../gateway/metrics.ts'

test('a client that is gone has no series on the metrics page any more', async () => {
  let clients = ['kiosk-1:job1', 'kiosk-1:job2']
  const metrics = createMetrics({
    connections: () => clients.length,
    balance: () => [],
    cloudConnected: () => false,
    figures: [
      {
        name: 'kefu_mqtt_client_count',
        help: 'of each client',
        labelNames: ['client'],
        read: () => clients.map((client) => ({ labels: { client }, value: 1 })),
      },
    ],
  })
  expect(await metrics.page()).toContain('kefu_mqtt_client_count{client="kiosk-1:job1"} 1')
  clients = ['kiosk-1:job3']
  const page = await metrics.page()
  expect(page).toContain('client="kiosk-1:job3"')
  expect(page).not.toContain('client="kiosk-1:job1"')
})

test('what is not known stands nowhere on the metrics page: 0 seconds since a cosignature would be the best of ages', async () => {
  let age: number | undefined
  const metrics = createMetrics({
    connections: () => 0,
    balance: () => [],
    cloudConnected: () => false,
    figures: [
      {
        name: 'kefu_ledger_cosigned_age_seconds',
        help: 'since the last one',
        read: () => (age === undefined ? [] : [{ value: age }]),
      },
    ],
  })
  const aged = /^kefu_ledger_cosigned_age_seconds (.*)$/m
  expect(await metrics.page()).not.toMatch(aged)
  age = 7
  expect(aged.exec(await metrics.page())?.[1]).toBe('7')
  age = undefined
  expect(await metrics.page()).not.toMatch(aged)
})
