/** A whole gateway in a process of its own, to be killed: `DATA CONFIG`; says its MQTT port in one line. */
import { composeGateway } from '../../gateway/compose-gateway.ts'
import { loadConfig } from '../../gateway/config/load-config.ts'

const [dataDir = '', configFile = ''] = process.argv.slice(2)

async function main(): Promise<void> {
  const gateway = await composeGateway(loadConfig({ dataDir, configFile, env: {} }))
  process.stdout.write(`${gateway.ports.mqtt}\n`)
}

void main()
