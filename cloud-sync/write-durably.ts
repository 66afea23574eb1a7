/** A small file, written so that a power cut leaves the old one or the new one, never half of one. */
import { closeSync, fsyncSync, openSync, renameSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'

/** Throws what the file system throws; the old file is as it was then. `mode` such as 0o600. */
export function writeDurably(path: string, content: string | Uint8Array, mode: number): void {
  const draft = `${path}.new`
  const file = openSync(draft, 'w', mode)
  try {
    // Unlike `writeSync` it goes on where the disk took only a part.
    writeFileSync(file, content)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
  renameSync(draft, path)
  const folder = openSync(dirname(path), 'r')
  try {
    fsyncSync(folder)
  } finally {
    closeSync(folder)
  }
}
