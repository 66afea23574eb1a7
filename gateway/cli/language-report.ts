/** An evaluation for people to read: what is mixed up with what, and which labels do worst. */
import { f1ByLabel, isOutOfScope, type Score, type Scored } from './language-score.ts'

const SHOWN = 10
const percent = (share: number | null): string =>
  share === null ? '–' : `${(100 * share).toFixed(1)} %`

export function describeScore(score: Score, rows: readonly Scored[]): string {
  const lines = [
    '',
    `${score.n} questions, ${score.inScope} of them in scope`,
    `  right                    ${percent(score.accuracy)}`,
    `  macro-F1                 ${percent(score.macroF1)}`,
    `  answered at 90 % right   ${percent(score.coverageAt90)}`,
    `  answered at 95 % right   ${percent(score.coverageAt95)}`,
    `  calibration error        ${percent(score.ece)}`,
  ]
  if (score.oosRecall !== null) {
    lines.push(
      `  out of scope refused     ${percent(score.oosRecall)} (AUROC ${score.oosAuroc?.toFixed(3)})`,
    )
  }
  return `${[...lines, ...confusions(rows), ...worst(rows)].join('\n')}\n`
}

function confusions(rows: readonly Scored[]): string[] {
  const counts = new Map<string, number>()
  for (const { want, got } of rows) {
    if (want === got || (isOutOfScope(want) && isOutOfScope(got))) continue
    const pair = `${want || 'oos'} → ${got}`
    counts.set(pair, (counts.get(pair) ?? 0) + 1)
  }
  const most = [...counts].sort((a, b) => b[1] - a[1]).slice(0, SHOWN)
  if (most.length === 0) return []
  return [
    '',
    'mixed up most (wanted → given)',
    ...most.map(([pair, n]) => `  ${String(n).padStart(4)}  ${pair}`),
  ]
}

function worst(rows: readonly Scored[]): string[] {
  const labels = [...f1ByLabel(rows)].sort((a, b) => a[1].f1 - b[1].f1).slice(0, SHOWN)
  return [
    '',
    'labels that do worst (F1, right of all)',
    ...labels.map(([label, { f1, right, n }]) => `  ${f1.toFixed(3)}  ${right}/${n}  ${label}`),
    '',
  ]
}
