/**
 * Words right before a value that set it aside where another is named. Patterns in normal form; written for
 * this project from everyday speech at counters.
 */

/** It is not this one. 是不是 asks and denies nothing. */
export const NEGATED_BEFORE = [
  '(?<!是)不是(?:去|看|做|挂|找|要去)?',
  '不(?:去|看|做|挂|找|要)',
  '\\bnot (?:to |in |at )?(?:the )?',
] as const

/** Where one is or comes from; the way to it is not asked. */
export const ORIGIN_BEFORE = [
  '(?:^|我|我们|你|人|现在|正|就|刚) ?在',
  '从',
  '\\bfrom (?:the )?',
  "\\b(?:am|'m|are|'re) (?:in|at) (?:the )?",
] as const
