/**
 * Brings a backlog to the core on a thread of its own, started when there is one and ended when it is
 * gone: 25,000 entries a second leave garbage and hold the loop, and every ask would notice.
 */
import { Worker } from 'node:worker_threads'
import type { Carrier, Order, Parcel } from '@kefu-edge/cloud-sync/carrier'
import { createRemoteCarrier, type RemoteCarrier } from '@kefu-edge/cloud-sync/remote-carrier'
import type { Box } from '../compose.ts'
import { LANES } from '../ledger/port.ts'
import type { Logger } from '../logger.ts'
import type { BacklogOrder, BacklogWork } from './backlog-worker.ts'

/** A backlog that grows anew within a minute (a flapping link) finds the thread still there. */
const IDLE_MS = 60_000
/** A thread that died so often without bringing anything is given up: this one does it, slower. */
const MAX_DEATHS = 3
/** Batches of 1 MB lie outside V8's heap; what is left is small. */
const LIMITS = { maxYoungGenerationSizeMb: 4, maxOldGenerationSizeMb: 64, stackSizeMb: 1 }

export interface BacklogCarrier extends Carrier {
  close(): Promise<void>
}

interface Running {
  readonly worker: Worker
  readonly carrier: RemoteCarrier
}

/** Undefined where no thread can be had: run from the sources there is no compiled file to load. */
export function composeBacklog(
  box: Pick<Box, 'ledger' | 'time'>,
  work: BacklogWork,
  inThisThread: Carrier,
  logger: Logger,
): BacklogCarrier | undefined {
  if (import.meta.url.endsWith('.ts')) return undefined
  const { ledger, time } = box
  let running: Running | undefined
  let idleTimer: NodeJS.Timeout | undefined
  let deaths = 0
  let onTheWay = 0

  const ordered = (order: Order): BacklogOrder => {
    const lane = LANES.find((one) => one === order.lane)
    if (!lane) throw new RangeError(`no lane ${order.lane}`)
    return { ...order, lane, ...ledger.readable(lane), time: time.reading() }
  }

  function start(): Running {
    const worker = new Worker(new URL('./backlog-worker.js', import.meta.url), {
      workerData: work,
      resourceLimits: LIMITS,
    })
    const carrier = createRemoteCarrier(worker, ordered)
    const started = { worker, carrier }
    const gone = (error: Error) => {
      carrier.fail(error)
      if (running !== started) return
      running = undefined
      deaths += 1
      logger.error({ error, deaths }, 'the thread that brings the backlog to the core ended')
    }
    worker.on('error', (error) => gone(error instanceof Error ? error : new Error(String(error))))
    worker.on('exit', (code) => gone(new Error(`exit code ${code}`)))
    return started
  }

  async function stop(): Promise<void> {
    clearTimeout(idleTimer)
    const stopped = running
    running = undefined
    await stopped?.worker.terminate()
  }

  /** Ends the thread when nothing was ordered for a while and nothing is on its way. */
  function endWhenIdle(): void {
    clearTimeout(idleTimer)
    idleTimer = setTimeout(() => (onTheWay > 0 ? endWhenIdle() : stop()), IDLE_MS)
    idleTimer.unref()
  }

  function watched(parcel: Parcel): Parcel {
    return {
      batch: parcel.batch,
      send: async (limits) => {
        onTheWay += 1
        try {
          return await parcel.send(limits)
        } finally {
          onTheWay -= 1
        }
      },
    }
  }

  return {
    async prepare(order) {
      if (deaths >= MAX_DEATHS) return inThisThread.prepare(order)
      running ??= start()
      endWhenIdle()
      const parcel = await running.carrier.prepare(order)
      deaths = 0
      return parcel && watched(parcel)
    },
    close: stop,
  }
}
