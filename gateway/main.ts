/** Configuration → compose → listen → signals. */
import type { ExitCode, Io } from './cli/io.ts'
import { composeGateway, type Gateway } from './compose-gateway.ts'
import type { Config } from './config.ts'
import { installStarterPack } from './starter-pack.ts'

const text = {
  add: 'npx kefu-edge device add kiosk-1 --kind kiosk',
  ask: 'npx kefu-edge ask "门诊几点开门"',
}

/** Runs until SIGINT or SIGTERM; resolves with the exit code once everything is closed. */
export async function runGateway(
  config: Config,
  { isDemo, io }: { isDemo: boolean; io: Io },
): Promise<ExitCode> {
  if (isDemo) return (await import('./demo.ts')).runDemo(config, io)
  const gateway = await composeGateway(config)
  const stopped = untilSignal()
  try {
    await installStarterPack(gateway.box)
    gateway.box.folder.writeRunFile({
      pid: process.pid,
      ports: gateway.ports,
      startedAt: new Date(gateway.box.clock.now()).toISOString(),
    })
    gateway.loggers.gateway.info(
      { ports: gateway.ports, adapter: gateway.adapter, data: config.dataDir },
      'listening',
    )
    for (const line of greeting(config, gateway)) io.stdout(line)
    const signal = await stopped
    gateway.loggers.gateway.info({ signal }, 'closing')
    return 0
  } finally {
    await gateway.close()
  }
}

const untilSignal = (): Promise<NodeJS.Signals> =>
  new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, resolve)
  })

function greeting(config: Config, { ports, box }: Gateway): string[] {
  const packs = box.library.list().filter((pack) => pack.isActive)
  const data = config.dataDir === '.kefu' ? '' : ` --data ${config.dataDir}`
  return [
    `Kefu Edge is running (客服边缘网关已启动). Data: ${config.dataDir}`,
    `  MQTT       mqtt://${config.mqtt.host}:${ports.mqtt}`,
    `  HTTP       http://${config.http.host}:${ports.http}/v1/ask    WebSocket ws://${config.http.host}:${ports.http}/v1/ws and /mqtt`,
    `  Knowledge  ${packs.map((pack) => `${pack.name} ${pack.version}`).join(', ') || 'none'}`,
    `  Add a device:   ${text.add}${data}`,
    `  Ask something:  ${text.ask}${data}`,
  ]
}
