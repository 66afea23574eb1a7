/** Where simulated devices get their tokens: a file, or the gateway's own command line. */
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import type { Credentials } from '@kefu-edge/device-sdk/protocol/schemas'
import { Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import type { ScenarioDevice } from './scenario.ts'

export type CredentialSource = (device: ScenarioDevice) => Credentials | Promise<Credentials>

/** A run that cannot get its credentials; the message says what to do. */
export class CredentialsError extends Error {
  override readonly name = 'CredentialsError'
}

/** What `kefu-edge device add` prints: `id` or `deviceId`, and the token, shown once. */
const Printed = Type.Object({
  id: Type.Optional(Type.String()),
  deviceId: Type.Optional(Type.String()),
  token: Type.String({ minLength: 1 }),
  kind: Type.Optional(Type.String()),
})

function readPrinted(value: unknown, source: string): Credentials {
  const printed = Value.Check(Printed, value) ? value : undefined
  const deviceId = printed?.deviceId ?? printed?.id
  if (printed === undefined || deviceId === undefined)
    throw new CredentialsError(`${source}: {"deviceId", "token", "kind"} is expected`)
  return { deviceId, token: printed.token, kind: printed.kind ?? '' }
}

/** A JSON list, or the lines that `kefu-edge device add` printed one after the other. Throws CredentialsError. */
export function parseCredentials(text: string, source: string): Credentials[] {
  const trimmed = text.trim()
  const list = trimmed.startsWith('[') ? trimmed : `[${trimmed.replace(/\}\s*\{/g, '},{')}]`
  const values: unknown = orElse(`${source} is no JSON`, () => JSON.parse(list))
  if (!Array.isArray(values)) throw new CredentialsError(`${source}: a list is expected`)
  return values.map((value) => readPrinted(value, source))
}

function orElse<T>(what: string, read: () => T): T {
  try {
    return read()
  } catch (cause) {
    throw new CredentialsError(`${what}: ${String(cause)}`, { cause })
  }
}

/** Hands out each credential once: first the device of that id, then any of its kind. Throws CredentialsError. */
export function credentialsFromFile(path: string): CredentialSource {
  const text = orElse('the tokens cannot be read', () => readFileSync(path, 'utf8'))
  const pool = parseCredentials(text, path)
  return (device) => {
    let index = pool.findIndex((c) => c.deviceId === device.id)
    if (index < 0) index = pool.findIndex((c) => c.kind === device.kind)
    const found = index < 0 ? undefined : pool.splice(index, 1)[0]
    if (found !== undefined) return found
    throw new CredentialsError(
      `no token for "${device.id}" in ${path}; ` +
        `add one: npx kefu-edge device add ${device.id} --kind ${device.kind} --json >> ${path}`,
    )
  }
}

/** Before the ids of a scenario: a real device of that id keeps its token. */
const SIMULATED = 'sim-'

/**
 * Adds a device `sim-…` for each with the gateway's command line, in the data folder of the gateway that
 * runs. Rejects with CredentialsError.
 */
export function credentialsFromCommandLine(dataFolder: string): CredentialSource {
  return async ({ id, kind }) => {
    const add = ['--no-install', 'kefu-edge', 'device', 'add', SIMULATED + id, '--kind', kind]
    try {
      const how = ['--replace', '--json', '--data', dataFolder]
      const { stdout } = await promisify(execFile)('npx', [...add, ...how])
      return readPrinted(JSON.parse(stdout), 'kefu-edge device add')
    } catch (cause) {
      throw new CredentialsError(`cannot add ${SIMULATED}${id}: ${String(cause)}`, { cause })
    }
  }
}
