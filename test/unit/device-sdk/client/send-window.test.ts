import { SendWindow } from '@kefu-edge/device-sdk/client/send-window'
import { expect, test } from 'vitest'
import { settle } from '../support/manual-clock.ts'

test('a call passes the reports that wait for room, behind the call before it', async () => {
  const window = new SendWindow(1)
  const sent: string[] = []
  const acknowledge: (() => void)[] = []
  const send = (name: string, isFirst: boolean) =>
    window.send(isFirst, () => {
      sent.push(name)
      return new Promise<void>((resolve) => acknowledge.push(resolve))
    })
  const all = [
    send('report 1', false),
    send('report 2', false),
    send('call 1', true),
    send('call 2', true),
    send('report 3', false),
  ]
  for (let i = 1; i <= all.length; i++) {
    await settle()
    expect(sent).toHaveLength(i)
    acknowledge[i - 1]?.()
  }
  await Promise.all(all)
  expect(sent).toEqual(['report 1', 'call 1', 'call 2', 'report 2', 'report 3'])
})

test('a publish that fails gives its room to the next', async () => {
  const window = new SendWindow(1)
  const first = window.send(false, () => Promise.reject(new Error('refused')))
  const second = window.send(false, async () => 'kept')
  await expect(first).rejects.toThrow('refused')
  expect(await second).toBe('kept')
  expect(await window.send(false, async () => 'kept')).toBe('kept')
})
