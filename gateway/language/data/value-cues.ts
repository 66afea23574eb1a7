/**
 * Words beside a value that say whether it is meant, and characters that are none of its own. Patterns in
 * normal form; written for this project from everyday speech at counters.
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

/** Characters of grammar: what a recogniser writes so is no misheard part of a name (查了 is not 查尿, 妇可 not 妇科). */
export const GRAMMAR_CHARACTERS: ReadonlySet<string> = new Set(
  '了的得地着过吗呢吧呀啊嘛么可要会能不没有在是时也就都还和跟你我他她它这那哪太很',
)
