/** What a verification can find wrong, each with a code. */
export type FindingCode =
  | 'entry-changed'
  | 'entry-unreadable'
  | 'entry-missing'
  | 'entry-misplaced'
  | 'sequence-gap'
  | 'tile-changed'
  | 'removal-not-recorded'
  | 'epoch-wrong'
  | 'checkpoint-unreadable'
  | 'checkpoint-signature'
  | 'checkpoint-origin'
  | 'checkpoint-root'
  | 'checkpoint-time'
  | 'checkpoint-ahead'
  | 'cosignature-bad'
  | 'head-differs'
  | 'end-missing'
  | 'lane-unbalanced'
  | 'key-changed'
  | 'key-destroyed'
  | 'key-revived'
  | 'hold-missing'
  | 'database-damaged'
  | 'export-damaged'

export interface Finding {
  readonly code: FindingCode
  /** Leaf index, or tree size for a checkpoint. */
  readonly index?: number
  readonly detail: string
}

/** A broken disk may make a million findings; a hundred show the pattern. */
export const MAX_FINDINGS = 100

export type Found = (code: FindingCode, detail: string, index?: number) => void

/** Keeps the first `MAX_FINDINGS` and the first of every other kind, and counts all. */
export function collectFindings() {
  const findings: Finding[] = []
  let count = 0
  const found: Found = (code, detail, index) => {
    count += 1
    const isFull = findings.length >= MAX_FINDINGS
    if (isFull && findings.some((one) => one.code === code)) return
    findings.push({ code, detail, ...(index === undefined ? {} : { index }) })
  }
  return { found, findings, count: () => count }
}
