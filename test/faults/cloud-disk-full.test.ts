import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { openRig, type Rig, range, until } from '../unit/cloud-sync/support/rig.ts'

/** No file of the core may grow beyond this: what `ulimit -f` counts, in KiB. */
const LIMIT_KIB = 1500

let rig: Rig
let child: ChildProcess | undefined
beforeEach(async () => {
  rig = await openRig({ isInsecureHttp: true })
})
afterEach(async () => {
  child?.kill('SIGKILL')
  await rig.close()
})

it('a core whose disk is full acknowledges nothing that it does not have, and goes on when there is room', async () => {
  rig.source.append('session', 6000, () => ({ sealed: randomBytes(400) }))
  rig.source.append('critical', 5)
  await rig.core.close()
  const program = join(import.meta.dirname, '../../cloud-sync/core/main.ts')
  const command = `trap '' XFSZ; ulimit -f ${LIMIT_KIB}; exec "$0" --conditions=kefu-source --import tsx "$@"`
  const args = [program, '--data', join(rig.folder, 'core'), '--port', `${rig.core.port}`]
  child = spawn('bash', ['-c', command, process.execPath, ...args, '--insecure-http'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  if (!child.stdout) throw new Error('no output')
  await once(child.stdout, 'data')

  const pusher = rig.pusher(rig.linkTo(rig.core.url))
  pusher.start()
  await until('the core says that it cannot write', () => {
    const code = pusher.status().lastError?.code
    return code === 'core.storage'
  })
  // It is asked again and again; nothing is taken for the entries' fault.
  await new Promise((resolve) => setTimeout(resolve, 1500))
  const { pending, quarantined, delivered } = rig.source.count('session')
  expect(pending).toBeGreaterThan(0)
  expect(quarantined).toBe(0)
  child.kill('SIGKILL')
  await once(child, 'exit')

  await rig.restartCore()
  const stored = await rig.stored('session')
  expect(stored.length).toBeGreaterThanOrEqual(delivered)
  await until('the lane is empty', () => rig.source.count('session').pending === 0)
  expect(await rig.stored('session')).toEqual(range(1, 6000))
  expect(await rig.stored('critical')).toEqual(range(1, 5))
}, 40_000)
