/** How people say a password or a code to a counter, and what they say between its name and its digits. */

/** What authenticates a person (JR/T 0171 C3), by every Chinese name that a counter hears. */
export const SPOKEN_SECRETS = [
  '密码',
  '口令',
  '验证码',
  '校验码',
  '动态码',
  '安全码',
  '授权码',
  '确认码',
  '短信码',
  '取款码',
  '付款码',
] as const

/** The same in any language. */
export const SECRETS = [
  ...SPOKEN_SECRETS,
  '(?<![a-z])(?:pin|cvv2?|cvn2?|cvc2?|otp)(?![a-z])码?',
  '(?<![a-z])pass(?:word|code|wd)(?![a-z])',
  '(?<![a-z])(?:my|the) code(?![a-z])',
  '(?<![a-z])(?:verification|security|confirmation|sms|one[- ]time|login)[- ]codes?(?![a-z])',
] as const

/** These have three digits on many cards. */
export const SHORT_SECRETS = '(?<![a-z])(?:cvv2?|cvn2?|cvc2?)(?![a-z])码?|安全码'

/** What may stand between: no word behind which a number is of another thing (忘了, 电话, 尾号). */
export const BETWEEN = [
  '我',
  '您',
  '你',
  '就',
  '的',
  '不?是',
  '为',
  '叫',
  '填',
  '写',
  '念',
  '说',
  '报',
  // Him or her who is told: behind another word a number is of theirs.
  '[他她]们?(?=[\\s:：,，]{0,4}[0-9零〇幺一二两三四五六七八九])',
  '输入?',
  '用',
  '设置?',
  '改',
  '成',
  '了',
  '过',
  '着',
  '发来?',
  '给',
  '告诉',
  '收到',
  '这个',
  '现在',
  '刚才?',
  '应该',
  '好像',
  '大概',
  '可能',
  '原来',
  '以前',
  '数字',
  '号码?',
  '生日',
  '身份证',
  '后[四六46]位',
  '(?:is|was|to|it|set|as|number|changed|my|the|of|for|card|code)(?![a-z])',
] as const

/** With what one secret is joined to the next: 1234还是5678, 不是1234，是5678. */
export const OR = ['和', '还是', '而?是', '或者?', '不对就是', 'and', 'or'] as const

/** A short number with one of these behind it counts something: 密码改了1000次, 密码用了2026年. */
export const COUNTED = [
  '年',
  '月',
  '日',
  '天',
  '次',
  '秒',
  '分',
  '点',
  '元',
  '块',
  '万',
  '位',
  '个',
  '人',
  '号(?!码)',
  '楼',
  '床',
  '室',
  '层',
  '岁',
  '%',
] as const

/** Behind the digits, before the name: 668899是我的密码, 把668899设成密码. */
export const IS_MY = [
  '(?:就|才)?是',
  '当作?',
  '做',
  '作为?',
  '设为?成?',
  '改成',
  '(?:is|as)(?![a-z])',
] as const
export const WHOSE = [
  '我',
  '他',
  '她',
  '我们',
  '的',
  '银行卡',
  '卡',
  '取款',
  '登录',
  '支付',
  '交易',
  '新',
  '旧',
  '短信',
  '(?:my|the|new|old|card|bank)(?![a-z])',
] as const
