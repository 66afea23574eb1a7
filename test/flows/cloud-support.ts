/** A cloud core for the stories: on a free port, closed after the test, read as an operator would. */
import { Agent, request } from 'node:https'
import { type CloudCore, startCloudCore } from '@kefu-edge/cloud-sync/core/server'
import type { Logger } from '@kefu-edge/cloud-sync/ports'
import { afterEach } from 'vitest'
import { tempFolder } from '../support/temp-folder.ts'

const cores = new Set<CloudCore>()
afterEach(async () => {
  for (const core of cores) await core.close()
  cores.clear()
})

export interface TestCore extends CloudCore {
  readonly dataDir: string
  stop(): Promise<void>
}

export async function startCore(
  dataDir = tempFolder(),
  port = 0,
  logger?: Logger,
): Promise<TestCore> {
  const core = await startCloudCore({ dataDir, port, ...(logger ? { logger } : {}) })
  cores.add(core)
  return {
    ...core,
    dataDir,
    stop: async () => {
      if (cores.delete(core)) await core.close()
    },
  }
}

/** What a gateway's configuration says of it. */
export const cloudOf = (core: CloudCore) => ({
  url: core.url,
  caFile: core.caFile,
  enrolToken: core.enrolToken,
})

export async function readCore(core: CloudCore, path: string): Promise<unknown> {
  return JSON.parse(await readPage(core, path))
}

export function readPage(core: CloudCore, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const agent = new Agent({ ca: core.caPem })
    const headers = { authorization: `Bearer ${core.operatorToken}` }
    request(`${core.url}${path}`, { agent, headers }, (reply) => {
      let text = ''
      reply.on('data', (chunk: Buffer) => {
        text += chunk.toString()
      })
      reply.on('end', () => resolve(text))
    })
      .on('error', reject)
      .end()
  })
}
