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
