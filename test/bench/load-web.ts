/**
 * Load over HTTP keep-alive and WebSocket from raw sockets: one device a connection, one ask at a time
 * (closed loop) or at a fixed rate, latency then counted from the due time.
 */
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { newId } from '@kefu-edge/device-sdk/protocol/ids'
import { Packr } from 'msgpackr'
import { cpuSeconds, residentMb } from './support.ts'

export interface WebLoad {
  readonly dataDir: string
  readonly port: number
  readonly pid: number
  readonly devices: number
  readonly seconds: number
  readonly questions: readonly string[]
  readonly rate?: number
}

export interface WebResult {
  readonly answersPerSecond: number
  readonly cpuUsPerAnswer: number
  readonly p50Us: number
  readonly p99Us: number
  readonly rssMb: number
}

const WARMUP_MS = 1000
const packr = new Packr({ useRecords: false })
let askNumber = 0
const nextAsk = (questions: readonly string[]) => {
  askNumber++
  return { id: newId(), text: questions[askNumber % questions.length] }
}

interface Client {
  send(): void
  onAnswer: () => void
  close(): void
}

/** Adds the devices of a load and returns their tokens. */
async function addDevices({
  dataDir,
  port,
  devices,
}: WebLoad): Promise<{ id: string; token: string }[]> {
  const admin = readFileSync(join(dataDir, 'admin.token'), 'utf8').trim()
  return Promise.all(
    Array.from({ length: devices }, async (_, i) => {
      const id = `w-${i}`
      const reply = await fetch(`http://127.0.0.1:${port}/admin/api/device.add`, {
        method: 'POST',
        headers: { authorization: `Bearer ${admin}`, 'content-type': 'application/json' },
        body: JSON.stringify({ id, kind: 'kiosk', replace: true }),
      })
      if (!reply.ok) throw new Error(await reply.text())
      return { id, token: ((await reply.json()) as { token: string }).token }
    }),
  )
}

async function run(load: WebLoad, clients: readonly Client[]): Promise<WebResult> {
  const latenciesUs: number[] = []
  let isMeasuring = false
  let isAsking = true
  let answered = 0
  const begin = new Map<Client, number>()
  const idle: Client[] = []
  const ask = (client: Client, dueMs: number) => {
    begin.set(client, dueMs)
    client.send()
  }
  for (const client of clients) {
    client.onAnswer = () => {
      if (isMeasuring) {
        latenciesUs.push((performance.now() - (begin.get(client) ?? 0)) * 1000)
        answered++
      }
      if (!isAsking) return
      if (load.rate === undefined) ask(client, performance.now())
      else idle.push(client)
    }
    if (load.rate === undefined) ask(client, performance.now())
    else idle.push(client)
  }
  const startMs = performance.now()
  const end = startMs + WARMUP_MS + load.seconds * 1000
  let due = startMs
  let cpu = 0
  let from = 0
  while (performance.now() < end) {
    const now = performance.now()
    if (!isMeasuring && now >= startMs + WARMUP_MS) {
      isMeasuring = true
      cpu = cpuSeconds(load.pid)
      from = now
    }
    if (load.rate !== undefined) {
      for (; due <= now && idle.length > 0; due += 1000 / load.rate) ask(idle.pop() as Client, due)
    }
    await new Promise((resolve) =>
      load.rate === undefined ? setTimeout(resolve, 5) : setImmediate(resolve),
    )
  }
  const seconds = (performance.now() - from) / 1000
  const cpuUs = (cpuSeconds(load.pid) - cpu) * 1e6
  isAsking = false
  isMeasuring = false
  for (const client of clients) client.close()
  latenciesUs.sort((a, b) => a - b)
  const at = (share: number) => latenciesUs[Math.floor(latenciesUs.length * share)] ?? Number.NaN
  return {
    answersPerSecond: answered / seconds,
    cpuUsPerAnswer: cpuUs / Math.max(1, answered),
    p50Us: at(0.5),
    p99Us: at(0.99),
    rssMb: residentMb(load.pid),
  }
}

const open = (port: number): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    socket.once('connect', () => resolve(socket))
    socket.once('error', reject)
  })

export async function loadHttp(load: WebLoad): Promise<WebResult> {
  const devices = await addDevices(load)
  const clients = await Promise.all(
    devices.map(async ({ token }) => {
      const socket = await open(load.port)
      let seen: Buffer = Buffer.alloc(0)
      const client: Client = {
        onAnswer: () => {},
        close: () => socket.destroy(),
        send: () => {
          const body = Buffer.from(JSON.stringify(nextAsk(load.questions)))
          socket.write(
            Buffer.concat([
              Buffer.from(
                `POST /v1/ask HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${token}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n`,
              ),
              body,
            ]),
          )
        },
      }
      socket.on('data', (chunk: Buffer) => {
        seen = Buffer.concat([seen, chunk])
        const head = seen.indexOf('\r\n\r\n')
        if (head < 0) return
        const length = Number(/content-length: (\d+)/i.exec(seen.toString('latin1', 0, head))?.[1])
        if (seen.length < head + 4 + length) return
        if (!seen.toString('latin1', 9, 12).startsWith('200')) throw new Error(seen.toString())
        seen = seen.subarray(head + 4 + length)
        client.onAnswer()
      })
      return client
    }),
  )
  return run(load, clients)
}

export async function loadWebSocket(
  load: WebLoad & { readonly encoding: 'json' | 'msgpack' },
): Promise<WebResult> {
  const devices = await addDevices(load)
  const encode = (message: object) =>
    load.encoding === 'json'
      ? frame(1, Buffer.from(JSON.stringify(message)))
      : frame(2, packr.pack(message))
  const clients = await Promise.all(
    devices.map(async ({ id, token }) => {
      const socket = await open(load.port)
      await upgrade(socket, `kefu.v1.${load.encoding}`)
      const client: Client = {
        onAnswer: () => {},
        close: () => socket.destroy(),
        send: () => socket.write(encode({ type: 'ask', ...nextAsk(load.questions) })),
      }
      await new Promise<void>((resolve) => {
        client.onAnswer = resolve
        onFrames(socket, () => client.onAnswer())
        socket.write(encode({ type: 'hello', deviceId: id, token }))
      })
      return client
    }),
  )
  return run(load, clients)
}

function upgrade(socket: Socket, protocol: string): Promise<void> {
  const key = randomBytes(16).toString('base64')
  socket.write(
    `GET /v1/ws HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-version: 13\r\nsec-websocket-key: ${key}\r\nsec-websocket-protocol: ${protocol}\r\n\r\n`,
  )
  return new Promise((resolve) => socket.once('data', () => resolve()))
}

/** One masked client frame [RFC 6455 5.2]; the mask is zero, which is a mask like any other. */
function frame(opcode: number, body: Buffer): Buffer {
  const head =
    body.length < 126
      ? Buffer.from([0x80 | opcode, 0x80 | body.length])
      : Buffer.from([0x80 | opcode, 0xfe, body.length >> 8, body.length & 255])
  return Buffer.concat([head, Buffer.alloc(4), body])
}

function onFrames(socket: Socket, onFrame: () => void): void {
  let seen: Buffer = Buffer.alloc(0)
  socket.on('data', (chunk: Buffer) => {
    seen = seen.length === 0 ? chunk : Buffer.concat([seen, chunk])
    for (;;) {
      if (seen.length < 2) return
      const short = (seen[1] ?? 0) & 127
      const head = short < 126 ? 2 : short === 126 ? 4 : 10
      if (seen.length < head) return
      const length =
        short < 126 ? short : short === 126 ? seen.readUInt16BE(2) : Number(seen.readBigUInt64BE(2))
      if (seen.length < head + length) return
      seen = seen.subarray(head + length)
      onFrame()
    }
  })
}
