/** Where the gateway's own files lie, whether it runs from its sources or from the build. */
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = dirname(fileURLToPath(import.meta.url))
const packageRoot = here.endsWith('/dist') || here.endsWith('\\dist') ? dirname(here) : here

/** Absolute path of a data file of the gateway: `packagePath('packs/hospital')`. */
export const packagePath = (relative: string): string => join(packageRoot, relative)
