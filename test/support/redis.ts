/** A real redis-server of this test, that can be stopped and started again at its address. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { freePort } from './free-port.ts'

const READY_LIMIT_MS = 10_000
const LOOK_AGAIN_MS = 20

export interface TestRedis {
  readonly url: string
  readonly port: number
  /** Ends the process; what it held is gone. */
  stop(): Promise<void>
  start(): Promise<void>
  /** Stops it from answering, with its sockets open. */
  freeze(): void
  thaw(): void
}

export async function startRedis(): Promise<TestRedis> {
  const port = await freePort()
  let child: ChildProcess | undefined
  const stop = async () => {
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
  }
  const start = async () => {
    const flags = [
      '--save',
      '',
      '--appendonly',
      'no',
      '--bind',
      '127.0.0.1',
      '--port',
      String(port),
    ]
    child = spawn('redis-server', flags, { stdio: 'ignore' })
    const limitMs = Date.now() + READY_LIMIT_MS
    while (!(await answers(port))) {
      if (Date.now() > limitMs) throw new Error('redis-server does not answer')
      await delay(LOOK_AGAIN_MS)
    }
  }
  await start()
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    stop,
    start,
    freeze: () => void child?.kill('SIGSTOP'),
    thaw: () => void child?.kill('SIGCONT'),
  }
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('PING\r\n'))
    const finish = (isThere: boolean) => {
      socket.destroy()
      resolve(isThere)
    }
    socket.once('data', (data) => finish(data.toString().startsWith('+PONG')))
    socket.once('error', () => finish(false))
  })
}
