/**
 * Runs an administrator's operation where it must run: in the gateway that holds the data folder, or
 * here when none does. Two processes never write one ledger.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { composeBox } from '../compose.ts'
import type { Config } from '../config/schema.ts'
import { type OperationName, runOperation } from '../console/operations.ts'
import { GatewayError } from '../errors.ts'
import { readRunFile } from '../storage/data-folder.ts'

/** A gateway that does not answer within this is not there. */
const REMOTE_TIMEOUT_MS = 60_000

export async function operate(
  config: Config,
  name: OperationName,
  args: Record<string, unknown>,
  timeoutMs: number = REMOTE_TIMEOUT_MS,
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
  if (!run) throw inUse
  const token = readFileSync(join(config.dataDir, 'admin.token'), 'utf8').trim()
  const response = await fetch(`http://127.0.0.1:${run.ports.http}/admin/api/${name}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify(args),
    signal: AbortSignal.timeout(timeoutMs),
  })
  const body = (await response.json()) as Record<string, unknown>
  if (response.ok) return body
  throw new RemoteProblem(body)
}

/** A refusal by the running gateway, passed on as it was said there. */
export class RemoteProblem extends Error {
  readonly problem: Record<string, unknown>
  constructor(problem: Record<string, unknown>) {
    super(`${String(problem.title)}\n  ${String(problem.detail)}\n  (${String(problem.code)})`)
    this.problem = problem
  }
}
