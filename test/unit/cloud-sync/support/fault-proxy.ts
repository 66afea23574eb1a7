/** A TCP proxy before the core that does what networks do. */
import net, { type Socket } from 'node:net'

export type Fault =
  /** Bytes pass. */
  | 'pass'
  /** Connections are accepted, then nothing ever comes. */
  | 'black-hole'
  /** Requests reach the core; its answers never come back. */
  | 'lose-answers'
  /** Established connections are cut in the middle of a request. */
  | 'cut'

export interface FaultProxy {
  readonly port: number
  set(fault: Fault): void
  /** Bytes a second in each direction; 0 for as fast as it goes. */
  throttle(bytesPerSecond: number): void
  /** What went up on each connection so far, oldest first. */
  readonly recorded: readonly Buffer[][]
  /** Sends what was recorded again, on a connection of its own; resolves with all answers. */
  replay(connection: readonly Buffer[]): Promise<string>
  answersLost(): number
  close(): Promise<void>
}

export async function openFaultProxy(corePort: number): Promise<FaultProxy> {
  let fault: Fault = 'pass'
  let bytesPerSecond = 0
  let lost = 0
  const recorded: Buffer[][] = []
  const sockets = new Set<Socket>()

  const server = net.createServer((down) => {
    track(down)
    if (fault === 'black-hole') return void down.resume()
    const up = track(net.connect(corePort, '127.0.0.1'))
    const record: Buffer[] = []
    recorded.push(record)
    down.on('data', (bytes: Buffer) => {
      if (fault === 'black-hole') return
      record.push(bytes)
      if (fault === 'cut') {
        up.write(bytes.subarray(0, Math.floor(bytes.length / 2)))
        up.end(() => down.destroy())
        return
      }
      pass(bytes, down, up)
    })
    up.on('data', (bytes: Buffer) => {
      if (fault === 'black-hole') return
      if (fault === 'lose-answers') {
        lost += 1
        down.destroy()
        up.destroy()
        return
      }
      pass(bytes, up, down)
    })
    down.on('close', () => up.end())
    up.on('close', () => down.end())
  })

  /** Slower than the link: the sender is paused for as long as these bytes take. */
  function pass(bytes: Buffer, from: Socket, to: Socket): void {
    if (to.destroyed) return
    to.write(bytes)
    if (bytesPerSecond === 0) return
    from.pause()
    setTimeout(() => from.resume(), (bytes.length * 1000) / bytesPerSecond)
  }

  function track(socket: Socket): Socket {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
    return socket
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (typeof address !== 'object' || !address) throw new Error('no address')

  return {
    port: address.port,
    recorded,
    set(next) {
      fault = next
    },
    throttle(next) {
      bytesPerSecond = next
    },
    replay: (connection) =>
      new Promise((resolve, reject) => {
        const requests = Buffer.concat(connection)
        let answers = ''
        const socket = track(net.connect(corePort, '127.0.0.1'))
        socket.on('data', (bytes: Buffer) => {
          answers += bytes.toString('latin1')
          if (count(answers, 'HTTP/1.1 ') < count(requests.toString('latin1'), ' HTTP/1.1')) return
          socket.destroy()
          resolve(answers)
        })
        socket.on('error', reject)
        socket.write(requests)
      }),
    answersLost: () => lost,
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy()
        server.close(() => resolve())
      }),
  }
}

function count(text: string, part: string): number {
  return text.split(part).length - 1
}
