import { readFileSync, symlinkSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { createDeviceClient as CreateDeviceClient } from '@kefu-edge/device-sdk/client/browser'
import { bundleForBrowser } from '@kefu-edge/device-sdk/tools/make-browser-bundle'
import { expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { fileFolder } from '../../support/temp-folder.ts'
import { startSocketServer } from './support/stand-in-gateways.ts'

const ROOT = resolve(import.meta.dirname, '../../..')
/** The first file of the page; MQTT and MessagePack come only where they are used. */
const MAX_FIRST_FILE_BYTES = 120 * 1024

const folder = fileFolder()
symlinkSync(join(ROOT, 'device-sdk/package.json'), join(folder, 'package.json'))

test('the bundle of a plain page is small, asks for no module of Node, and gets its answer', async () => {
  const files = await bundleForBrowser(join(ROOT, 'device-sdk/client/browser.ts'), folder)
  expect(files.find((f) => f.name === 'kefu-device.js')?.bytes).toBeLessThan(MAX_FIRST_FILE_BYTES)
  for (const { name } of files) {
    const code = readFileSync(join(folder, name), 'utf8')
    const imported = [...code.matchAll(/(?:from|import)\s*\(?["'`]([^"'`./][^"'`]*)["'`]/g)]
    const builtins = imported.map((m) => m[1] ?? '').filter((m) => builtinModules.includes(m))
    expect(builtins, name).toEqual([])
    expect(code, name).not.toMatch(/["'`]node:/)
  }
  const box = await startSocketServer('kd_page')
  // What a browser has, and Node 20 has not.
  Object.assign(globalThis, { WebSocket })
  const page = (await import(pathToFileURL(join(folder, 'kefu-device.js')).href)) as {
    createDeviceClient: typeof CreateDeviceClient
  }
  const client = page.createDeviceClient({ deviceId: 'kiosk-1', token: 'kd_page', url: box.url })
  expect((await client.ask('挂号在哪里')).text).toBe('挂号在门诊楼一楼。')
  await client.close()
  await box.close()
})
