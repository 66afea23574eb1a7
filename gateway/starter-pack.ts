/** A new box answers from the first minute: the hospital pack, until the site installs its own. */
import type { Box } from './compose.ts'
import { packagePath } from './paths.ts'

export const STARTER_PACK_DIR = packagePath('packs/hospital')

/** Installs it where no pack was ever installed. Throws `pack.*`. */
export async function installStarterPack({ library }: Pick<Box, 'library'>): Promise<void> {
  if (library.list().length > 0) return
  const { readValidPack } = await import('./knowledge/read-pack.ts')
  await library.install(readValidPack(STARTER_PACK_DIR))
}
