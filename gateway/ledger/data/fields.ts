/**
 * How devices call the fields that hold what authenticates a person (JR/T 0171 C3). `name` is letters and
 * digits only, lower case (`payPassword`, `pay_password` and `pay-password` are `paypassword`); `words` is the
 * same with a blank before, between and behind its words (` pay password `), where the writer parted them.
 */
import { SPOKEN_SECRETS } from './secrets.ts'

const anyOf = (parts: readonly string[]): string => `(?:${parts.join('|')})`

/** Wherever they stand in a name: no other word has them in it. */
const ANYWHERE = [
  ...SPOKEN_SECRETS,
  '指纹',
  '声纹',
  '掌纹',
  '虹膜',
  '人脸',
  '磁道',
  'password',
  'passwd',
  'passcode',
  'passphrase',
  'captcha',
  'fingerprint',
  'faceprint',
  'voiceprint',
  'palmprint',
  'biometric',
  'magstripe',
]

/** At the end of a name only: pinyin, compass and surface have them too. */
const AT_THE_END = [
  '(?:pwd|pswd|cvv[12]?|cvc[12]?|cvn[12]?|otp)(?:code|no|number|value)?',
  '(?:verification|verify|validation|security|auth|authentication|authorization|sms|login|confirm|confirmation|dynamic|onetime|access|withdrawal|payment|check)code',
  'track(?:data|[123](?:data)?)',
  '(?:^|user|login|pay|card|bank)pass',
  '(?:^|user|login|pay|card|bank|atm)pin(?:code|block|no|number)?',
  '^(?:user)?face(?:id|image|photo|data|features?|template|vector)',
  '(?:^card|^)(?:expirydate|expdate|validthru)',
  '^cardexpiry',
]

/** As words of their own. */
const WORDS = [
  '(?:pwd|pswd|psw|pin|cvv|cvc|cvn|csc|otp|totp|iris)[12]?',
  'face(?= $| (?:id|image|img|photo|picture|data|features?|template|vector|embedding|encoding) )',
]

/** What is told of a secret and is none: how often it was wrong, how long it is. */
const ABOUT_IT = anyOf([
  'count',
  'attempts?',
  'errors?',
  'retries',
  'status',
  'state',
  'length',
  'strength',
  'type',
  'result',
  'reset',
  'changed',
  'expired',
  'required',
  'valid',
  '次数',
  '状态',
  '错误',
  '长度',
  '位数',
  '类型',
  '结果',
  '数量?',
])

export const SECRET_NAME = new RegExp(
  `(?:${anyOf(ANYWHERE)}|${anyOf(AT_THE_END)}$)(?!.*${ABOUT_IT}$)`,
  'u',
)
export const SECRET_WORD = new RegExp(` ${anyOf(WORDS)}(?= |$)(?!.*${ABOUT_IT} $)`, 'u')
