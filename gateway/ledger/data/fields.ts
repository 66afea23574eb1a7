/**
 * How devices call the fields that hold what authenticates a person (JR/T 0171 C3), or who he is. `name` is letters and
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

/** What is called so is no person: `fileName`, `deptName`, `ipAddress`. */
const OF_A_THING =
  '(?<!^(?:file|device|pack|dept|department|product|goods|event|intent|skill|host|class|room|ward|drug|medicine|item|service|bank|branch|hospital|school|shop|store|brand|app|field|form|page|ip|mac|web|url))'

/** Who it is, by the end of the name: `fullName`, `patient_name`, 患者姓名, 联系人. */
export const PERSON_ENDS = {
  name: new RegExp(
    `(?:${OF_A_THING}name|姓名|名字|联系人|监护人|申请人|持卡人|收款人|付款人|经办人|患者|病人|家属|^(?:patient|customer|student|guardian|contact|visitor))$`,
    'u',
  ),
  phone:
    /(?:(?<!micro|head|ear)phone|mobile|(?:^|contact|home|office|user|patient)tel|电话|手机|座机)(?:no|number|号码?)?$/u,
  identity: /(?:idcard|idnumber|idno|身份证)(?:no|number|号码?)?$/u,
  number:
    /(?:bankcard|cardno|cardnumber|accountno|卡号|账号|银行卡|住院号码?|病历号码?|病案号码?|门诊号码?|就诊号码?|就诊卡|护照号?码?|通行证号?码?|passport(?:no|number)?|mrn|medicalrecord(?:no|number)|admission(?:no|number))$/u,
  address: new RegExp(`(?:${OF_A_THING}(?<!email)(?:address|addr)|(?<![a-z])(?:地址|住址))$`, 'u'),
} as const
