/**
 * `kefu-edge support-bundle FILE`: what a supporter needs, in one JSON file that the site can read before
 * it gives it away. No token, no key, nothing that tells of a person: masked at the one place where it
 * is written.
 */
import { existsSync, readFileSync } from 'node:fs'
import { arch, cpus, freemem, platform, release, totalmem } from 'node:os'
import { join, resolve } from 'node:path'
import { writeDurably } from '@kefu-edge/cloud-sync/write-durably'
import { systemClock } from '../clock.ts'
import type { Config } from '../config/schema.ts'
import { GatewayError } from '../errors.ts'
import { maskLine } from '../mask-line.ts'
import { localUrl, readRunFile } from '../storage/data-folder.ts'
import { VERSION } from '../version.ts'
import { type CommandOptions, usual } from './command.ts'
import { optionStates } from './config.ts'
import { examine } from './doctor.ts'
import type { ExitCode } from './io.ts'
import { operate } from './operate.ts'

/** A gateway that hangs is the very reason for a bundle. */
const ASK_TIMEOUT_MS = 5000
const ASK_OPTIONS = { timeoutMs: ASK_TIMEOUT_MS, startingMs: 0 }

export const supportBundle = usual('support-bundle', {
  '': { usage: 'FILE [--json]', words: [1, 1], run: makeBundle },
})

async function makeBundle({
  words: [word = ''],
  values,
  config,
  io,
}: CommandOptions): Promise<ExitCode> {
  const file = resolve(word)
  const bundle = maskAll(await collect(config()), secretsOf(config()))
  const text = `${JSON.stringify(bundle, null, 2)}\n`
  try {
    writeDurably(file, text, 0o600)
  } catch (cause) {
    throw new GatewayError('bundle.not-written', {
      cause,
      detail: cause instanceof Error ? cause.message : file,
    })
  }
  if (values.json) io.stdout(JSON.stringify({ file, bytes: Buffer.byteLength(text) }))
  else {
    io.stdout(`${file}  ${Math.ceil(Buffer.byteLength(text) / 1000)} kB`)
    io.stderr('It is plain text: read it before you give it away.')
  }
  return 0
}

async function collect(config: Config): Promise<object> {
  const run = readRunFile(config.dataDir)
  return {
    madeAt: new Date(systemClock.now()).toISOString(),
    versions: {
      kefuEdge: VERSION,
      ...process.versions,
      system: `${platform()} ${release()} ${arch()}`,
      cpus: cpus().length,
      memoryMb: Math.round(totalmem() / 1e6),
      freeMemoryMb: Math.round(freemem() / 1e6),
    },
    doctor: await part(() => examine(config)),
    status: await part(() => operate(config, 'status', {}, ASK_OPTIONS)),
    config: optionStates(config),
    log: await part(() => operate(config, 'log.recent', {}, ASK_OPTIONS)),
    metrics: run ? await part(() => metricsOf(localUrl(run))) : 'no gateway runs',
  }
}

/** A part that cannot be had is a finding too, and no reason to give none of the others. */
async function part(get: () => Promise<unknown>): Promise<unknown> {
  try {
    return await get()
  } catch (error) {
    return { missing: error instanceof Error ? error.message : String(error) }
  }
}

async function metricsOf(url: string): Promise<readonly string[]> {
  const reply = await fetch(`${url}/metrics`, {
    signal: AbortSignal.timeout(ASK_TIMEOUT_MS),
  })
  return (await reply.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'))
}

function secretsOf({ dataDir, cloud }: Config): readonly string[] {
  const file = join(dataDir, 'admin.token')
  const adminToken = existsSync(file) ? readFileSync(file, 'utf8').trim() : ''
  return [adminToken, cloud.enrolToken ?? ''].filter((secret) => secret.length > 0)
}

/** Every text in the value, at every depth, without secrets and without what identifies a person. */
export function maskAll(value: unknown, secrets: readonly string[]): unknown {
  if (typeof value === 'string') return maskLine(value, secrets)
  if (Array.isArray(value)) return value.map((item) => maskAll(item, secrets))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [key, maskAll(member, secrets)]),
  )
}
