/** How long each class of data is kept unless an operator says otherwise (`retention` of the configuration). */
import type { DataClass } from './port.ts'

export interface RetentionRule {
  /** Not removed before, whatever the disk says. */
  readonly minDays: number
  /** Removed or unreadable after. */
  readonly maxDays: number
}
export type RetentionPolicy = Readonly<Record<DataClass, RetentionRule>>

/**
 * 网络安全法 article 21 wants logs for six months at least. C2 (what a person said) a year; C1 (codes and
 * counts) three. C3 is not kept at all; what a caller classes so all the same goes after a day.
 */
export const DEFAULT_RETENTION: RetentionPolicy = {
  C1: { minDays: 180, maxDays: 1095 },
  C2: { minDays: 180, maxDays: 365 },
  C3: { minDays: 0, maxDays: 1 },
}
