/**
 * Words that deny a danger: 胸口不疼, 没有着火, there is no fire. Patterns in normal form; written for this project
 * from everyday speech.
 */

/**
 * What denies when it stands right before a danger. Questions (是不是, 有没有, 会不会), pleas (别打架了, 不要打了) and
 * 差点没 deny nothing.
 */
export const DENYING = [
  '(?<![有差点])没有?',
  '(?<![是要会])不是',
  '(?<=(?:^|[^疼痛闷晕是会]))不(?![是要会])',
  '并未',
  '\\b(?:no|not|never|without)\\b',
  "n't\\b",
] as const

/** What may stand between the two. */
export const BETWEEN = [
  '人',
  '再',
  '在',
  '要',
  '想',
  '是',
  '怎么',
  '发生',
  '感觉到?',
  '觉得',
  '胸口',
  '心口',
  '心脏',
  '肚子',
  '头',
  'a',
  'an',
  'any',
  'the',
  'really',
  'have',
  'having',
  'had',
  'feel',
  'in',
  'on',
  'want',
  'trying',
  'going',
  'to',
] as const

/**
 * Dangers by their presence. Never what is dangerous by its lack (没有心跳, not breathing), and not dying:
 * who says 我不想死 may well need help.
 */
export const DANGERS = [
  '疼痛?',
  '痛',
  '胸[闷痛疼]',
  '闷',
  '着火',
  '起火',
  '失火',
  '火灾',
  '冒烟',
  '爆炸',
  '炸弹',
  '打架',
  '闹事',
  '晕[倒过]?',
  '昏[倒过]?',
  '流血',
  '出血',
  '受伤',
  '过敏',
  '抽[筋搐风]',
  '中毒',
  '中风',
  '脑梗',
  '心梗',
  '触电',
  '溺水',
  '噎[住着]?',
  '被骗',
  '自杀',
  'fire',
  'smoke',
  '(?:chest )?pains?',
  'hurts?',
  'hurting',
  'bleeding',
  'heart attack',
  'stroke',
  'seizures?',
  'emergency',
  'choking',
  'bomb',
  'fight(?:ing)?',
  'allergic',
  'poisoned',
  'unconscious',
  'suicid(?:e|al)',
  'kill (?:my|him|her)self',
] as const

/** Begins what is said instead (不是肚子疼，是胸口疼), or ends the denial. */
export const AFTER = ['(?:而|就|只|但)?是', '了', '吧', 'but\\b', 'it is\\b'] as const
