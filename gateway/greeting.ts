/** What `kefu-edge start` says to the person who typed it: where the box listens, and what to do next. */
import type { Gateway } from './compose-gateway.ts'
import type { Config } from './config/schema.ts'
import type { Library } from './knowledge/library.ts'
import { hostInUrl } from './storage/data-folder.ts'

const ADD = 'npx kefu-edge device add kiosk-1 --kind kiosk'
const ASK = 'npx kefu-edge ask "门诊几点开门"'

/** Its lines. `ports` are those that were opened. */
export function greeting(
  { dataDir, mqtt, http, tls }: Config,
  ports: Gateway['ports'],
  packs: ReturnType<Library['list']>,
): string[] {
  const data = dataDir === '.kefu' ? '' : ` --data ${dataDir}`
  const at = (host: string, port: number) => `${hostInUrl(host)}:${port}`
  const web = (s: '' | 's', place: string) =>
    `http${s}://${place}/v1/ask    WebSocket ws${s}://${place}/v1/ws and /mqtt`
  const { mqttTls, httpTls } = ports
  const active = packs.filter((pack) => pack.isActive)
  return [
    `Kefu Edge is running (客服边缘网关已启动). Data: ${dataDir}`,
    `  MQTT       mqtt://${at(mqtt.host, ports.mqtt)}`,
    ...(tls && mqttTls !== undefined ? [`  MQTTS      mqtts://${at(tls.host, mqttTls)}`] : []),
    `  HTTP       ${web('', at(http.host, ports.http))}`,
    ...(tls && httpTls !== undefined ? [`  HTTPS      ${web('s', at(tls.host, httpTls))}`] : []),
    `  Knowledge  ${active.map((pack) => `${pack.name} ${pack.version}`).join(', ') || 'none'}`,
    `  Add a device:   ${ADD}${data}`,
    `  Ask something:  ${ASK}${data}`,
  ]
}
