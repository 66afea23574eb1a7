/** Releases for a terminal: what is offered to whom, how many took it, and who could not. */
import { pathOf, type ReleaseReport } from '../release-rows.ts'

export function linesOf(release: ReleaseReport): string[] {
  const { label, percent, expiresAtMs, haltedReason, active, refused, rolledBack, notHere } =
    release
  const until = new Date(expiresAtMs).toISOString().slice(0, 16)
  const taken = `in use ${active}, refused ${refused}, rolled back ${rolledBack}${notHere > 0 ? `, nothing there that it concerns ${notHere}` : ''}`
  return [
    `${pathOf(release)}  ${label}  ${percent} % until ${until}  ${taken}`,
    ...(haltedReason === null ? [] : [`  halted: ${haltedReason}`]),
    ...release.failures.map(
      ({ gateway, outcome, reason, atMs }) =>
        `  ${gateway} ${outcome} ${new Date(atMs).toISOString().slice(0, 16)}: ${reason ?? 'no reason given'}`,
    ),
  ]
}
