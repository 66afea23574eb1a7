import { spawnSync } from 'node:child_process'

/**
 * Whether a program of others is installed. Where it is missing the tests that need it are skipped
 * aloud; with CI_REQUIRE_PEERS=1 they run all the same, and fail.
 */
export function hasPeer(command: string): boolean {
  const isThere = spawnSync('sh', ['-c', 'command -v "$1"', 'sh', command]).status === 0
  if (isThere || process.env.CI_REQUIRE_PEERS === '1') return true
  console.warn(`SKIPPED: ${command} is not installed`)
  return false
}
