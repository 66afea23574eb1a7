/**
 * Writes `dist/browser/`: the SDK as files that a plain page loads without a bundler. MQTT and
 * MessagePack are files of their own, fetched only by a page that uses them.
 */
import { rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { rolldown } from 'rolldown'

export interface BundleFile {
  readonly name: string
  readonly bytes: number
}

/** Bundles `entry` into `folder` as ES modules for browsers. */
export async function bundleForBrowser(entry: string, folder: string): Promise<BundleFile[]> {
  const bundle = await rolldown({
    input: { 'kefu-device': entry },
    platform: 'browser',
    resolve: { conditionNames: ['browser', 'import', 'default'] },
  })
  try {
    const { output } = await bundle.write({
      dir: folder,
      format: 'esm',
      minify: true,
      chunkFileNames: '[name].js',
    })
    return output.flatMap((file) =>
      file.type === 'chunk' ? [{ name: file.fileName, bytes: Buffer.byteLength(file.code) }] : [],
    )
  } finally {
    await bundle.close()
  }
}

const self = fileURLToPath(import.meta.url)
if (process.argv[1] === self) {
  const dist = join(dirname(self), '..')
  const folder = join(dist, 'browser')
  rmSync(folder, { recursive: true, force: true })
  for (const file of await bundleForBrowser(join(dist, 'client/browser.js'), folder))
    console.log(`${file.name} ${Math.round(file.bytes / 1024)} kB`)
}
