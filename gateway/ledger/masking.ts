/**
 * Masks what identifies a person in words that leave the sealed record: logs, console lists, support
 * bundles, what the cloud core is shown. Pure. Numbers count only with their check digit where they
 * have one, so that a price or a ticket number stays readable.
 */

const MASK = '*'
/** Digits may be parted as people write or recognisers print them: `138 1234-5678`, full-width too. */
const DIGIT = '[0-9０-９]'
const SPOKEN_DIGIT = '[零〇幺一二两三四五六七八九]'
const SEPARATOR = '[ \\u00a0\\u3000.·-]?'
/** A run of digits from a phone number's length to a long card number's, with an X at its end. */
const NUMBER_RUN = new RegExp(
  `(?<![0-9０-９A-Za-z])${DIGIT}(?:${SEPARATOR}${DIGIT}){6,22}${SEPARATOR}[xXｘＸ]?(?![A-Za-z])`,
  'gu',
)
const SPOKEN_RUN = new RegExp(`${SPOKEN_DIGIT}(?:[ ，、]?${SPOKEN_DIGIT}){10,18}`, 'gu')
/** Medical insurance numbers have no national check digit: known by the word before them. */
const INSURANCE =
  /((?:医保|社保|社会保障|医疗保险|就诊)(?:卡|证|个人)?(?:号码|编号|号|卡)\s*(?:是|为|:|：)?\s*)([A-Za-z0-9][A-Za-z0-9-]{5,24})/gu
const EMAIL = /[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9.-]{1,253}\.[A-Za-z]{2,24}/gu
/** From the road or the estate on: what tells the house. The city may stay, it is used for counting. */
const HOUSE_NUMBER = '[0-9０-９A-Za-z零一二三四五六七八九十百甲乙丙-]{1,6}'
const HOUSE = `(?:${HOUSE_NUMBER}\\s*(?:号院|号楼|号|弄|巷|栋|幢|座|单元|楼|层|室|户|组)\\s*)*(?:[0-9０-９]{2,5}(?![0-9０-９]))?`
/** 走路, 问路 and a bus line (5路) are no streets. */
const STREET = '(?:(?<![走马问带铁公顺半0-9０-９])路|街|大道|胡同|巷)'
const ESTATE = '(?:小区|花园|公寓|新村|家园|苑|村)'
const ADDRESS = new RegExp(
  `(\\p{Script=Han}{1,12}?(?:${STREET}\\s*${HOUSE_NUMBER}\\s*(?:号|弄|巷)|${ESTATE}\\s*${HOUSE_NUMBER}\\s*(?:号|栋|幢|座|单元|室|组)))(院|楼)?\\s*${HOUSE}`,
  'gu',
)
const STREET_ONLY = new RegExp(`^.*?(?:${STREET}|${ESTATE})`, 'u')
/** The hundred-odd family names that nearly all people of China bear; 我叫 before anything else is no name. */
const SURNAME =
  '[王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎余潘杜戴夏钟汪田任姜范方石姚谭廖邹熊金陆郝孔白崔康毛邱秦江史顾侯邵孟龙万段雷钱汤尹黎易常武乔贺赖龚文欧阳司上官诸葛]'
const NAME_AFTER = new RegExp(
  `((?:我|本人|他|她|患者|病人|客户|学生|家属)(?:的?名字)?(?:叫做?|姓名是|名叫)|姓名\\s*(?:是|为|:|：)\\s*)(${SURNAME}\\p{Script=Han}{1,3}?)(?=[，,。.！!？?；;、\\s]|$|今年|想|要|住|的)`,
  'gu',
)

/** Two-character family names, so that 欧阳 stays together. */
const DOUBLE_SURNAMES = new Set([
  '欧阳',
  '司马',
  '上官',
  '诸葛',
  '东方',
  '皇甫',
  '尉迟',
  '公孙',
  '慕容',
  '令狐',
  '长孙',
  '宇文',
  '司徒',
  '端木',
  '夏侯',
  '南宫',
])

/** The text with identity numbers, telephones, bank cards, insurance numbers, e-mail, addresses and introduced names masked. */
export function maskText(text: string): string {
  return text
    .replace(EMAIL, (mail) => `${mail.charAt(0)}***${mail.slice(mail.indexOf('@'))}`)
    .replace(INSURANCE, (_, label: string, number: string) => label + maskMiddle(number, 0, 4))
    .replace(NUMBER_RUN, maskNumber)
    .replace(SPOKEN_RUN, (run) => (isPersonal(spokenToDigits(run)) ? MASK.repeat(8) : run))
    .replace(ADDRESS, (address: string) => `${STREET_ONLY.exec(address)?.[0] ?? ''}***`)
    .replace(NAME_AFTER, (_, before: string, name: string) => before + maskName(name))
}

/** 张三丰 → 张**, 欧阳锋 → 欧阳*, Mary → M***. */
export function maskName(name: string): string {
  const trimmed = name.trim()
  const letters = [...trimmed]
  if (letters.length <= 1) return MASK
  const isDouble = letters.length > 2 && DOUBLE_SURNAMES.has(letters.slice(0, 2).join(''))
  const kept = isDouble ? 2 : 1
  return letters.slice(0, kept).join('') + MASK.repeat(Math.min(3, letters.length - kept))
}

/** Province and city at most; the rest of an address that is known to be one is gone. */
export function maskAddress(address: string): string {
  const region =
    /^(?:\p{Script=Han}{2,8}?(?:省|自治区))?(?:\p{Script=Han}{2,8}?(?:市|州|盟))?/u.exec(
      address,
    )?.[0]
  return `${region ?? ''}***`
}

/** Keeps `head` and `tail` characters and masks the rest. */
export function maskMiddle(text: string, head: number, tail: number): string {
  const letters = [...text]
  if (letters.length <= head + tail) return MASK.repeat(letters.length)
  const masked = MASK.repeat(letters.length - head - tail)
  return letters.slice(0, head).join('') + masked + letters.slice(letters.length - tail).join('')
}

function maskNumber(run: string): string {
  const plain = toAscii(run).replace(/[^0-9X]/g, '')
  if (isResidentId(plain)) return maskMiddle(plain, 3, 4)
  if (isMobile(plain)) {
    const local = plain.slice(-11)
    return maskMiddle(local, 3, 4)
  }
  if (isLandline(run, plain)) return maskMiddle(plain, 3, 2)
  if (isBankCard(plain)) return maskMiddle(plain, 6, 4)
  return run
}

function isPersonal(digits: string): boolean {
  return isResidentId(digits) || isMobile(digits) || isBankCard(digits)
}

const ID_WEIGHTS = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]
const ID_CHECK = '10X98765432'

/** 居民身份证号: 18 characters with the check character of GB 11643 (ISO 7064 MOD 11-2), or the old 15 with a date. */
export function isResidentId(number: string): boolean {
  if (/^[1-9]\d{14}$/.test(number)) return isDate(`19${number.slice(6, 12)}`)
  if (!/^[1-9]\d{16}[\dX]$/.test(number) || !isDate(number.slice(6, 14))) return false
  const sum = ID_WEIGHTS.reduce((total, weight, i) => total + weight * Number(number[i]), 0)
  return ID_CHECK[sum % 11] === number[17]
}

/** 手机号: eleven digits from 13 to 19, with or without 86. */
export function isMobile(number: string): boolean {
  return /^(?:86|0086)?1[3-9]\d{9}$/.test(number)
}

/** A landline is told from a number of any kind by its area code and the hyphen behind it. */
function isLandline(run: string, plain: string): boolean {
  return /^0\d{2,3}[ -]/.test(toAscii(run)) && /^0\d{9,11}$/.test(plain)
}

/** 13–19 digits with a good Luhn check digit (ISO/IEC 7812-1), of a payment network's first digit. */
export function isBankCard(number: string): boolean {
  if (!/^[2-69]\d{12,18}$/.test(number)) return false
  let sum = 0
  for (let i = 0; i < number.length; i++) {
    const digit = Number(number[number.length - 1 - i])
    const doubled = i % 2 === 1 ? digit * 2 : digit
    sum += doubled > 9 ? doubled - 9 : doubled
  }
  return sum % 10 === 0
}

function isDate(yyyymmdd: string): boolean {
  const year = Number(yyyymmdd.slice(0, 4))
  const month = Number(yyyymmdd.slice(4, 6))
  const day = Number(yyyymmdd.slice(6, 8))
  const date = new Date(Date.UTC(year, month - 1, day))
  return (
    year >= 1900 && year <= 2099 && date.getUTCMonth() === month - 1 && date.getUTCDate() === day
  )
}

function toAscii(text: string): string {
  return text
    .replace(/[０-９]/g, (digit) => String.fromCharCode(digit.charCodeAt(0) - 0xfee0))
    .replace(/[xｘＸ]/g, 'X')
}

const SPOKEN_VALUES: Readonly<Record<string, string>> = {
  零: '0',
  〇: '0',
  幺: '1',
  一: '1',
  二: '2',
  两: '2',
  三: '3',
  四: '4',
  五: '5',
  六: '6',
  七: '7',
  八: '8',
  九: '9',
}

function spokenToDigits(text: string): string {
  return [...text].map((letter) => SPOKEN_VALUES[letter] ?? '').join('')
}
