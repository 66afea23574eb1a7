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
  // Of a certificate or a program it is a digest.
  '(?<!cert|certificate|tls|ssl|sha[0-9]{0,3}|firmware|build|key|host|ca)fingerprint',
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
  '(?:pwd|pswd|psw|cvv|cvc|cvn|csc|otp|totp|iris)[12]?',
  // Not one of a circuit: gpio_pin, pin_mode.
  '(?<! (?:gpio|relay|led|io|input|output|signal) )pin[12]?(?! (?:mode|level|in|out|nr) )',
  'face(?= $| (?:id|image|img|photo|picture|data|features?|template|vector|embedding|encoding) )',
]

/** What is told of a secret and is none: how often it was wrong, how long it is; and machines that ask for one. */
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
  'changedat',
  'updatedat',
  'setat',
  'expiresat',
  'sent',
  'shown',
  'enabled',
  'lock',
  'reader',
  'sensor',
  'device',
  'terminal',
  'battery',
  'mode',
  '锁',
  '机',
  '仪',
  '终端',
  '设备',
  '电量',
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

/** Whose name or address it is; by itself it is a person's too. Windows, queues and servers have names as well. */
const OF_A_PERSON = anyOf([
  '^',
  ...['patient', 'customer', 'client', 'user', 'member', 'visitor', 'person', 'owner', 'holder'],
  ...['student', 'pupil', 'child', 'parent', 'father', 'mother', 'guardian', 'relative', 'kin'],
  ...['doctor', 'nurse', 'teacher', 'staff', 'employee', 'operator', 'agent', 'caller', 'contact'],
  ...['payer', 'payee', 'applicant', 'recipient', 'receiver', 'sender', 'insured', 'donor'],
])
const KINDS_OF_NAMES = anyOf([
  ...[
    'full',
    'real',
    'legal',
    'first',
    'last',
    'middle',
    'given',
    'family',
    'sur',
    'nick',
    'maiden',
  ],
  ...['chinese', 'english'],
])
const KINDS_OF_ADDRESSES = anyOf([
  ...['home', 'work', 'mail', 'mailing', 'postal', 'billing', 'shipping', 'delivery', 'street'],
  ...['residential', 'permanent', 'current', 'family'],
])
const OF_A_PERSON_ZH = anyOf([
  '^',
  '患者',
  '病人',
  '客户',
  '用户',
  '学生',
  '孩子',
  '家长',
  '家属',
  '联系人',
  '真实',
])

/** Who it is, by the end of the name: `fullName`, `patient_name`, 患者姓名, 联系人. */
export const PERSON_ENDS = {
  name: new RegExp(
    `(?:${OF_A_PERSON}(?:${KINDS_OF_NAMES})?name|${KINDS_OF_NAMES}name|姓名|${OF_A_PERSON_ZH}名字|联系人|监护人|申请人|持卡人|收款人|付款人|经办人|患者|病人|家属|^(?:patient|customer|student|guardian|contact|visitor))$`,
    'u',
  ),
  phone:
    /(?:(?<!micro|head|ear)phone|mobile|(?:^|contact|home|office|user|patient)tel|电话|手机|座机)(?:no|number|号码?)?$/u,
  identity: /(?:idcard|idnumber|idno|身份证)(?:no|number|号码?)?$/u,
  number:
    /(?:bankcard|cardno|cardnumber|accountno|卡号|账号|银行卡|住院号码?|病历号码?|病案号码?|门诊号码?|就诊号码?|就诊卡|护照号?码?|通行证号?码?|passport(?:no|number)?|mrn|medicalrecord(?:no|number)|admission(?:no|number))$/u,
  address: new RegExp(
    `(?:(?:${OF_A_PERSON}|${KINDS_OF_ADDRESSES})(?:address|addr)|(?<![a-z])(?:地址|住址))$`,
    'u',
  ),
} as const
