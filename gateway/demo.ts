/**
 * `kefu-edge start --demo`: gateway, cloud core and simulated devices in one terminal, their
 * conversation printed as it happens. Everything is real but the people and the hardware.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type CloudCore, startCloudCore } from '@kefu-edge/cloud-sync/core/server'
import { runScenario } from '@kefu-edge/firmware-sim/run-scenario'
import { loadScenario } from '@kefu-edge/firmware-sim/scenario'
import { transcriptPrinter } from '@kefu-edge/firmware-sim/transcript'
import type { ExitCode, Io } from './cli/io.ts'
import { composeGateway, type Gateway } from './compose-gateway.ts'
import { loadConfig } from './config/load-config.ts'
import type { Config } from './config/schema.ts'
import { runOperation } from './console/operations.ts'
import { installStarterPack } from './starter-pack.ts'

const SCENARIOS = ['outpatient-journey', 'lobby-morning', 'chest-pain'] as const
/** Time to read a line before the next person speaks. */
const PAUSE_MS = 600
/** How long the demo waits for the cloud to have everything before it says how far it is. */
const CLOUD_WAIT_MS = 10_000

/** Runs the scenarios once and ends; 1 when an expectation of a scenario failed. */
export async function runDemo(config: Config, io: Io): Promise<ExitCode> {
  const dir = mkdtempSync(join(tmpdir(), 'kefu-demo-'))
  let core: CloudCore | undefined
  let gateway: Gateway | undefined
  try {
    core = await startCloudCore({ dataDir: join(dir, 'cloud'), port: 0 })
    gateway = await composeGateway(demoConfig(config, dir, core))
    await installStarterPack(gateway.box)
    io.stdout(
      `gateway  mqtt://127.0.0.1:${gateway.ports.mqtt}   http://127.0.0.1:${gateway.ports.http}`,
    )
    io.stdout(`cloud    ${core.url}`)
    let isRight = true
    for (const name of SCENARIOS) isRight = (await play(name, gateway, io)) && isRight
    io.stdout(await balance(gateway))
    return isRight ? 0 : 1
  } finally {
    await gateway?.close()
    await core?.close()
    rmSync(dir, { recursive: true, force: true })
  }
}

/** How the box answers, and nothing that reaches others: the broker of the hospital would take it for the box. */
function demoConfig({ answers, limits, http }: Config, dir: string, core: CloudCore): Config {
  return loadConfig({
    dataDir: join(dir, 'gateway'),
    env: {},
    overrides: {
      answers: structuredClone(answers),
      limits: structuredClone(limits),
      http: { port: 0, adapter: http.adapter },
      mqtt: { port: 0 },
      log: { level: 'error' },
      cloud: { url: core.url, caFile: core.caFile, enrolToken: core.enrolToken },
    },
  })
}

async function play(name: string, gateway: Gateway, io: Io): Promise<boolean> {
  const scenario = loadScenario(name)
  const printer = transcriptPrinter({ colour: io.isTty })
  io.stdout(`\n── ${scenario.name} ──`)
  const result = await runScenario({
    scenario,
    gateway: `mqtt://127.0.0.1:${gateway.ports.mqtt}`,
    pauseMs: io.isTty ? PAUSE_MS : 0,
    onEntry: (entry) => io.stdout(printer.line(entry)),
    credentials: async ({ id, kind }) => {
      const added = await runOperation(
        'device.add',
        { id, kind, replace: true },
        gateway.box.operations,
      )
      return added as { deviceId: string; token: string; kind: string }
    },
  })
  for (const failure of result.failures) io.stderr(`✗ ${failure}`)
  return result.ok
}

/** One line a lane, once the cloud has everything or the wait is over. */
async function balance({ box, cloud }: Gateway): Promise<string> {
  const end = box.clock.monotonic() + CLOUD_WAIT_MS
  while (box.ledger.balance().some((lane) => lane.pending > 0) && box.clock.monotonic() < end) {
    if (!(await cloud?.pusher.pushOnce())) await new Promise((resolve) => setTimeout(resolve, 50))
  }
  const lanes = box.ledger
    .balance()
    .filter((lane) => lane.accepted > 0)
    .map((lane) => `${lane.lane} ${lane.delivered}/${lane.accepted}`)
  return `\nledger → cloud: ${lanes.join(', ')}`
}
