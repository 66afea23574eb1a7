/**
 * Words that deny a danger: 胸口不疼, 没有着火, there is no fire. Patterns in normal form, each within one clause;
 * written for this project from everyday speech. What may be read either way denies nothing.
 */

/** How one way of denying is put: its own words, what may stand behind them, and what they deny there. */
export interface DenialWords {
  readonly denying: string
  readonly between: readonly string[]
  readonly dangers: readonly string[]
  /** What makes it no denial, right behind the danger. */
  readonly unless?: string
}

/** Felt or lasting: 没有胸痛了 is over. */
const SENSATIONS = ['疼痛?', '痛', '胸[闷痛疼]', '闷', '过敏', '火灾'] as const

/** What happens: 没有着火 is denied, 没有着火了 is no Chinese, and so 没有，着火了. */
export const EVENTS = [
  '着火',
  '起火',
  '失火',
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
  '抽[筋搐风]',
  '中毒',
  '中风',
  '脑梗',
  '心梗',
  '触电',
  '溺水',
  '噎[住着]?',
  '被骗',
  '被打',
  '被欺负',
  '被偷',
  '被抢',
  '自杀',
] as const

/** All that 不 alone denies: 不着火 and 不晕倒 are no Chinese. */
const STATES = [
  '疼痛?',
  '痛',
  '胸?闷',
  '晕(?![倒过])',
  '昏(?![倒过])',
  '[流出]血',
  '冒烟',
  '抽[筋搐]',
  '过敏',
] as const

const DANGERS_EN = [
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

/**
 * Dangers by their presence. Never what is dangerous by its lack (没有心跳, not breathing), and not dying:
 * who says 我不想死 may well need help.
 */
export const DANGERS = [...SENSATIONS, ...EVENTS, ...DANGERS_EN] as const

const FEELING = ['再', '怎么', '感觉到?', '觉得'] as const
const BETWEEN_ZH = [
  ...FEELING,
  '要',
  '想',
  '发生',
  '人(?=受伤)',
  '在(?=打架|闹事|[流出]血|冒烟)',
  '胸口',
  '心口',
  '心脏',
  '肚子',
  '头',
] as const

/** 疼得厉害, 疼死 are felt, 疼吗 is asked. */
const FELT = '得|死|[吗嘛]'

/**
 * Questions (是不是, 有没有, 会不会, 不是着火了吗), pleas (别打架了, 不要打了) and 差点没 deny nothing, nor does 不是 before
 * what has happened, unless it goes on with what it is (不是着火了，是蒸汽).
 */
export const DENIALS: readonly DenialWords[] = [
  {
    denying: '(?<![有差点])(?:没有?|并未)',
    between: BETWEEN_ZH,
    dangers: SENSATIONS,
    unless: FELT,
  },
  {
    denying: '(?<![有差点])(?:没有?|并未)',
    between: BETWEEN_ZH,
    dangers: EVENTS,
    unless: `${FELT}|[^ |]{0,2}[了吗嘛]`,
  },
  {
    denying: '(?<![是要会都])不是',
    between: BETWEEN_ZH,
    dangers: [...SENSATIONS, ...EVENTS],
    unless: `${FELT}|[^ |]{0,2}(?:了(?![|]?[而就只]?是)|[吗嘛])`,
  },
  {
    denying: '(?<=^|[^疼痛闷晕是会])不(?![是要会])',
    between: FEELING,
    dangers: STATES,
    unless: '了?[吗嘛]',
  },
  {
    denying: "(?:(?<!\\boh )\\b(?:no|not|never|without)\\b|n't\\b)",
    between: [
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
    ],
    dangers: DANGERS_EN,
    unless: '[a-z]| (?:relief|killers?|medic)',
  },
]

/** Begins a denial that holds on over a list: 没有发烧、咳嗽、胸痛; not what asks (有没有). */
export const NONE_OF = '(?<![有差点])(?:没有?|并?无|未见)'

/** Names of symptoms, which a list may go on with after a comma or a pause too. */
export const SYMPTOM_NAMES = [
  '发[烧热]',
  '高烧',
  '咳[嗽痰血]',
  '流鼻?涕',
  '头[晕痛疼昏]',
  '眩晕',
  '恶心',
  '呕吐',
  '腹[痛泻胀]',
  '拉肚子',
  '便血',
  '胸[痛闷疼]',
  '心[慌悸]',
  '气[短喘促]',
  '呼吸困难',
  '抽[搐筋]',
  '晕[倒厥]',
  '昏[迷厥]',
  '出血',
  '皮疹',
  '乏力',
  '过敏',
] as const

/** What is said of a symptom, part of a list only where 、, 和 or 或 stands before it: 没有胸痛、喘不上气. */
export const SYMPTOMS_SAID = [
  '喘不[上过]气来?',
  '(?:胸口|心口|肚子|头|嗓子)[痛疼闷晕]',
  '起?疹子',
  '流[血鼻]血?',
  '吐血?',
] as const

/** Who is left over of a sentence, and tells nothing: 我 of 我没被骗. */
export const WHO = '[我你您他她它咱们这里人都也还]{0,4}'

/** Begins what is said instead (不是肚子疼，是胸口疼), or ends the denial. */
export const AFTER = ['(?:而|就|只|但)?是', '了', '吧', 'but\\b', 'it is\\b'] as const

/** "No" said first, to a question or to what was understood: 不是，胸口疼. */
export const ANSWERS = [
  '不',
  '不是',
  '都不是',
  '不对',
  '不要',
  '没',
  '没有',
  '都没有',
  '没怎么',
  '没什么',
  '没事',
  'no',
  'no no',
  'oh no',
  'nope',
  'not really',
  'nothing',
  'neither',
] as const
