/** Configuration → compose → listen → signals. */
import { resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ExitCode, Io } from './cli/io.ts'
import { composeGateway, type Gateway } from './compose-gateway.ts'
import type { Config } from './config/schema.ts'
import { runOperation } from './console/operations.ts'
import { greeting } from './greeting.ts'
import { LOOK_MS, restHere } from './memory-rest.ts'
import { installStarterPack } from './starter-pack.ts'
import { doesGatewayRun, isFolderHeld } from './storage/data-folder.ts'

const FIRST_START = 'First start: installing the hospital pack … (首次启动，正在安装医院知识包)'
const HELD =
  'A command is at work in the data folder; the start waits for it … (等待另一个命令结束)'
/** A pack is learnt within it, on a slow box too. */
const COMMAND_WAIT_MS = 120_000
const LOOK_AGAIN_MS = 100

/** Runs until SIGINT or SIGTERM; resolves with the exit code once everything is closed. */
export async function runGateway(
  config: Config,
  { isDemo, io }: { isDemo: boolean; io: Io },
): Promise<ExitCode> {
  if (isDemo) return (await import('./demo.ts')).runDemo(config, io)
  const serveReloads = hearReloads()
  await untilNoCommandHolds(config.dataDir, io)
  const gateway = await composeGateway(config)
  const stopped = untilStopped(gateway)
  const rest = restHere()
  serveReloads(gateway)
  try {
    if (gateway.box.library.list().length === 0) io.stdout(FIRST_START)
    await installStarterPack(gateway.box)
    gateway.box.folder.writeRunFile({
      pid: process.pid,
      ports: gateway.ports,
      httpHost: config.http.host,
      ...(config.configFile === undefined ? {} : { configFile: resolve(config.configFile) }),
      startedAt: new Date(gateway.box.clock.now()).toISOString(),
    })
    gateway.loggers.gateway.info(
      { ports: gateway.ports, adapter: gateway.adapter, data: config.dataDir },
      'listening',
    )
    const packs = gateway.box.library.list()
    for (const line of greeting(config, gateway.ports, packs)) io.stdout(line)
    const resting = setInterval(rest.look, LOOK_MS)
    const why = await stopped
    clearInterval(resting)
    gateway.loggers.gateway.info({ why }, 'closing')
    return why === 'fault' ? 1 : 0
  } finally {
    await gateway.close()
  }
}

/**
 * A start beside `status` of a monitor or a `pack install` waits for it: who keeps the gateway running gives up
 * after a few starts that failed. Not for another gateway, which nobody ends for it.
 */
export async function untilNoCommandHolds(dataDir: string, io: Io): Promise<void> {
  const lastLookMs = performance.now() + COMMAND_WAIT_MS
  let isTold = false
  while (isFolderHeld(dataDir) && !doesGatewayRun(dataDir) && performance.now() < lastLookMs) {
    if (!isTold) io.stderr(HELD)
    isTold = true
    await sleep(LOOK_AGAIN_MS)
  }
}

/**
 * SIGHUP asks for a reload, and ends a process that does not listen for it: heard from the first moment on. One that
 * comes before there is a gateway is served once there is.
 */
function hearReloads(): (gateway: Gateway) => void {
  let isAsked = false
  let serve = () => {
    isAsked = true
  }
  process.on('SIGHUP', () => serve())
  return (gateway) => {
    serve = () => void reload(gateway)
    if (isAsked) serve()
  }
}

/** As `kefu-edge reload`; a configuration that is not valid leaves everything as it is. */
async function reload({ box, loggers }: Gateway): Promise<void> {
  try {
    const report = await runOperation('reload', {}, box.operations)
    loggers.gateway.info({ report }, 'reloaded')
  } catch (error) {
    loggers.gateway.error({ error }, 'not reloaded: what was in force stays')
  }
}

/**
 * Resolves at the first signal, or at a mistake of ours that nobody caught: then the state in memory
 * is not to be trusted, and what keeps the gateway running (systemd, Docker) starts it anew.
 */
const untilStopped = ({ loggers }: Gateway): Promise<NodeJS.Signals | 'fault'> =>
  new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, resolve)
    for (const fault of ['uncaughtException', 'unhandledRejection'] as const) {
      process.on(fault, (error: unknown) => {
        loggers.gateway.error({ error, fault }, 'the gateway made a mistake and closes')
        resolve('fault')
      })
    }
  })
