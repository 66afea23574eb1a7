/**
 * Words right before a value that set it aside where another is named. Patterns in normal form; written for
 * this project from everyday speech at counters.
 */

/** It is not this one. 是不是 and 做不做 ask and deny nothing. */
export const NEGATED_BEFORE = [
  '(?<!是)不是(?:去|看|做|挂|找|要去)?',
  '(?<![去看做挂找要])不(?:去|看|做|挂|找|要)',
  '\\bnot (?:to |in |at )?(?:the )?',
] as const

/** Where one is or comes from; the way to it is not asked. */
export const ORIGIN_BEFORE = [
  '(?:我|我们|你|人|现在|正|刚) ?在',
  '从',
  '\\bfrom (?:the )?',
  "\\b(?:am|'m|are|'re) (?:in|at) (?:the )?",
] as const

/** Right behind a value: the next is named beside it, so neither is set aside (我在骨科还是儿科看). */
export const JOINED_AFTER = [
  '还是',
  '或',
  '和',
  '跟',
  '与',
  '及',
  '以及',
  '还有',
  'or\\b',
  'and\\b',
] as const
