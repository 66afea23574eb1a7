/** A gateway on this machine: its ports from DATA/run.json, its admin API with DATA/admin.token. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import type { Announcement } from './run-scenario.ts'

/** Where `npm start` keeps its data, seen from the checkout. */
export const DEFAULT_DATA_FOLDER = '.kefu'

const RunFile = Type.Object({ ports: Type.Object({ http: Type.Integer(), mqtt: Type.Integer() }) })

/** Ports of the gateway that runs on this data folder; undefined when none says so. */
export function readPorts(dataFolder: string): { http: number; mqtt: number } | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(join(dataFolder, 'run.json'), 'utf8'))
    return Value.Check(RunFile, value) ? value.ports : undefined
  } catch {
    return undefined
  }
}

/** Staff broadcasts through the admin API; undefined when the folder's token cannot be read. */
export function announcerOf(
  dataFolder: string,
  httpPort: number,
): ((deviceId: string, announcement: Announcement) => Promise<void>) | undefined {
  let token: string
  try {
    token = readFileSync(join(dataFolder, 'admin.token'), 'utf8').trim()
  } catch {
    return undefined
  }
  return async (deviceId, announcement) => {
    const reply = await fetch(`http://127.0.0.1:${httpPort}/admin/api/announce`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ devices: [deviceId], ...announcement }),
    })
    if (!reply.ok) throw new Error(`announce: ${reply.status} ${await reply.text()}`)
  }
}
