/**
 * Runs an administrator's operation where it must run: in the gateway that holds the data folder, or
 * here when none does. Two processes never write one ledger.
 */
import { readFileSync, statSync } from 'node:fs'
import { type IncomingMessage, request } from 'node:http'
import { join } from 'node:path'
import { json } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { composeBox } from '../compose.ts'
import type { Config } from '../config/schema.ts'
import { type OperationName, runOperation } from '../console/operations.ts'
import { GatewayError } from '../errors.ts'
import { isFolderHeld, localUrl, readRunFile } from '../storage/data-folder.ts'
import { RemoteProblem } from './io.ts'

/** A gateway that does not answer within this is not there. */
const REMOTE_TIMEOUT_MS = 60_000
/** A gateway that starts holds the folder and listens some seconds later; a first start on a slow box takes longest. */
const STARTING_MS = 20_000
const LOOK_AGAIN_MS = 200

/** What may be the first word to a new box; whatever else is asked of a folder without one is asked in the wrong place. */
const MAKES_A_BOX: ReadonlySet<OperationName> = new Set([
  'device.add',
  'device.claim',
  'pack.install',
])

export interface OperateOptions {
  readonly timeoutMs?: number
  /** How long to wait for a gateway that holds the folder and does not listen yet. */
  readonly startingMs?: number
}

export async function operate(
  config: Config,
  name: OperationName,
  args: Record<string, unknown>,
  { timeoutMs = REMOTE_TIMEOUT_MS, startingMs = STARTING_MS }: OperateOptions = {},
): Promise<unknown> {
  if (!MAKES_A_BOX.has(name) && !hasBox(config) && !isFolderHeld(config.dataDir)) {
    throw new GatewayError('storage.no-box', { detail: config.dataDir })
  }
  const lastLookMs = performance.now() + startingMs
  for (;;) {
    const outcome = await tryOnce(config, name, args, timeoutMs)
    if (!(outcome instanceof NotYet)) return outcome
    if (performance.now() > lastLookMs) throw outcome.cause
    await sleep(LOOK_AGAIN_MS)
  }
}

/** Throws `storage.open-failed` where nobody can tell: the folder is another user's. */
export function hasBox({ dataDir }: Pick<Config, 'dataDir'>): boolean {
  try {
    statSync(join(dataDir, 'kefu.db'))
    return true
  } catch (cause) {
    const { code = '' } = cause as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return false
    throw new GatewayError('storage.open-failed', { detail: `${dataDir}: ${code}`, cause })
  }
}

/** Somebody holds the folder, and no gateway listens: one starts or ends, or another command is at work. */
class NotYet {
  readonly cause: unknown
  constructor(cause: unknown) {
    this.cause = cause
  }
}

async function tryOnce(
  config: Config,
  name: OperationName,
  args: object,
  timeoutMs: number,
): Promise<unknown> {
  try {
    const box = await composeBox(config)
    try {
      return await runOperation(name, args, box.operations)
    } finally {
      await box.close()
    }
  } catch (error) {
    if (!(error instanceof GatewayError) || error.code !== 'storage.in-use') throw error
    return operateRemotely(config, name, args, { inUse: error, timeoutMs })
  }
}

async function operateRemotely(
  config: Config,
  name: OperationName,
  args: object,
  { inUse, timeoutMs }: { readonly inUse: GatewayError; readonly timeoutMs: number },
): Promise<unknown> {
  const run = readRunFile(config.dataDir)
  if (!run) return new NotYet(inUse)
  const token = readFileSync(join(config.dataDir, 'admin.token'), 'utf8').trim()
  try {
    const { isOk, body } = await post(`${localUrl(run)}/admin/api/${name}`, token, args, timeoutMs)
    if (isOk) return body
    throw new RemoteProblem(body)
  } catch (error) {
    // What a gateway that was killed left behind, while the next one starts.
    if ((error as NodeJS.ErrnoException).code === 'ECONNREFUSED') return new NotYet(inUse)
    throw error
  }
}

/** Not by `fetch`, which gives up after 300 s: a backup of a large box takes longer. */
async function post(url: string, token: string, args: object, timeoutMs: number) {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  const signal = AbortSignal.timeout(timeoutMs)
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    request(url, { method: 'POST', headers, signal }, resolve)
      .on('error', reject)
      .end(JSON.stringify(args))
  })
  const status = response.statusCode ?? 0
  return {
    isOk: status >= 200 && status < 300,
    body: (await json(response)) as Record<string, unknown>,
  }
}
