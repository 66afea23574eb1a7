/** A small file system in memory, mounted for one round; needs root on Linux. */
import { execFileSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'

/** A site's template is some 3 MB, its log up to 4 MB. */
const SIZE = '32m'

export function mountSmallDisk(folder: string): void {
  mkdirSync(folder, { recursive: true })
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${SIZE}`, 'kefu-faults', folder], {
    stdio: 'pipe',
  })
}

export function unmountSmallDisk(folder: string): void {
  execFileSync('umount', [folder], { stdio: 'pipe' })
}

export function canMount(folder: string): boolean {
  try {
    mountSmallDisk(folder)
    unmountSmallDisk(folder)
    return true
  } catch {
    return false
  }
}
