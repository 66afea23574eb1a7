import { once } from 'node:events'
import { expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { runOperation } from '../../gateway/console/operations.ts'
import { startGateway } from '../support/gateway.ts'

it('a login that HTTP, WebSocket or the admin API refuses stands in the log and is counted, a flood as a sum', async () => {
  const gateway = await startGateway({ config: { log: { level: 'warn' } } })
  const { httpUrl } = gateway
  for (let n = 0; n < 60; n++) await gateway.ask(`kd_invented_${n}_0123456789`, { text: '停车场' })
  const socket = new WebSocket(`${httpUrl.replace('http', 'ws')}/v1/ws`, ['kefu.v1.json'])
  await once(socket, 'open')
  socket.send(JSON.stringify({ type: 'hello', deviceId: 'bed-1', token: 'kd_wrong_0123456789abc' }))
  await once(socket, 'close')
  const headers = { authorization: 'Bearer guessed' }
  await fetch(`${httpUrl}/admin/api/status`, { method: 'POST', headers })

  const { lines } = (await runOperation('log.recent', {}, gateway.box.operations)) as {
    lines: string[]
  }
  const told = lines
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .filter(({ msg }) => msg === 'login refused')
  expect(told.map(({ door, device, code }) => [door, device, code])).toEqual([
    ['http', undefined, 'auth.refused'],
    ['websocket', 'bed-1', 'auth.refused'],
    ['admin', undefined, 'auth.admin'],
  ])
  expect(told[1]?.moreBefore).toBe(59)
  expect(JSON.stringify(told)).not.toContain('invented')
  const page = await (await fetch(`${httpUrl}/metrics`)).text()
  for (const figure of [
    'kefu_problems_total{channel="http",code="auth.refused"} 60',
    'kefu_problems_total{channel="websocket",code="auth.refused"} 1',
    'kefu_problems_total{channel="console",code="auth.admin"} 1',
  ]) {
    expect(page).toContain(figure)
  }
})
