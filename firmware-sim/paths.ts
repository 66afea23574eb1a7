import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = dirname(fileURLToPath(import.meta.url))
const packageRoot = basename(here) === 'dist' ? dirname(here) : here

/** Absolute path of a file of this package, whether it runs from its sources or from the build. */
export const packagePath = (relative: string): string => join(packageRoot, relative)
