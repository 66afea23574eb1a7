import { expect, test } from 'vitest'
import { withoutSecrets } from '../../../gateway/ledger/data-classes.ts'
import { maskText } from '../../../gateway/ledger/masking.ts'

test.each([
  ['我的银行卡密码是668899忘了改', '我的银行卡密码是***忘了改'],
  ['短信验证码 483920 发给我了', '短信验证码 *** 发给我了'],
  ['验证码是4839 20', '验证码是***'],
  ['CVV是123', 'CVV是***'],
  ['取款密码 112233', '取款密码 ***'],
  ['转账5000密码112233', '转账5000密码***'],
  ['密码：１２３４５６', '密码：***'],
  ['密码六六八八九九', '密码***'],
  ['验证码幺二三四', '验证码***'],
  ['我密码就是六个八', '我密码就是***'],
  ['密码好像是三个八三个六', '密码好像是***'],
  ['密码是668899还是889966', '密码是***'],
  ['密码设成我生日19500101了', '密码设成我生日***了'],
  ['登录密码是zhang1980', '登录密码是***'],
  ['密码是ｋｅｆｕ２０２６，谢谢！', '密码是***，谢谢！'],
  ['ＰＩＮ码３９２８１７，①卡２次', 'ＰＩＮ码***，①卡２次'],
  ['收到一个验证码叫我报给他 392817', '收到一个验证码叫我报给他 ***'],
  ['验证码报给他们三九二八一七吗', '验证码报给他们***吗'],
  ['668899是我的银行卡密码', '***是我的银行卡密码'],
  ['把668899设成密码行吗', '把***设成密码行吗'],
  ['my PIN is 4839', 'my PIN is ***'],
  ['the verification code is four eight three nine', 'the verification code is ***'],
  ['my password is hunter2', 'my password is ***'],
  ['密码是668899，电话13812345678', '密码是***，电话138****5678'],
  ['密码1234号码13812345678', '密码***号码138****5678'],
  ['密码668899分不清大小写', '密码***分不清大小写'],
  ['我的密码不是668899是778899', '我的密码不是***'],
  ['密码不是668899，是778899', '密码不是***'],
  ['密码是 a b c 1 2 3', '密码是 ***'],
  ['密码1234 5号窗口', '密码*** 5号窗口'],
  ['my pin code is 4839', 'my pin code is ***'],
  ['the code is 483920', 'the code is ***'],
])('a password or a code said with its name is taken out: %s', (text, masked) => {
  expect(maskText(text)).toBe(masked)
})

test.each([
  '挂号密码忘了怎么办',
  '验证码收不到',
  '密码输错三次锁住了',
  '密码忘了，卡尾号1234',
  '六位数密码想不起来',
  '密码是6位还是8位',
  '密码一般要几位数',
  '验证码60秒内有效吗',
  '验证码等了120秒还没来',
  '密码改过2000次了',
  '密码用了2026年了',
  '密码错了，请到3号窗口',
  'WiFi密码多少',
  '95588发的验证码',
  '密码两个六位数一样吗',
  '密码他们问过2次',
  'I forgot my password',
  'my password is wrong',
  'postal code 310000',
  'shopping 2026',
])('leaves alone: %s', (text) => {
  expect(maskText(text)).toBe(text)
})

test.each([
  ['password', 'passwd', 'pwd', 'userPwd', 'payPassword', 'pay_password', 'PASS', 'loginPass'],
  ['支付密码', '密码', '取款密码', '交易密码2', '登录口令', '短信验证码', '动态码'],
  ['pin', 'PIN', 'pinCode', 'pincode', 'pin_block', 'cardPIN', 'paypin'],
  ['cvv', 'cvv2', 'CVC', 'cvc2', 'cvn2', 'cardCvc', 'securityCode', 'security_code', 'expiryDate'],
  ['otp', 'smsCode', 'sms_code', 'verifyCode', 'authCode', 'oneTimeCode', 'loginOTP'],
  ['track2', 'track_2', 'trackdata', 'Track2Data', 'magStripe', '二磁道数据'],
  [
    'fingerprint',
    'fingerprintTemplate',
    'face',
    'faceId',
    'customerFaceImage',
    'iris',
    '人脸特征',
    '指纹',
  ],
])('what authenticates a person is kept under no name of a field: %s, %s …', (...fields) => {
  const values = Object.fromEntries(fields.map((field) => [field, '668899']))
  expect(withoutSecrets({ values: { form: [values] } })).toEqual({
    values: { form: [Object.fromEntries(fields.map((field) => [field, '***']))] },
  })
})

test('fields that only sound so are kept', () => {
  const names =
    'passenger compass bypass boardingPass passport spin opinion pinyin pinned surface surfaceId interfaceId typeface faceCount trackingNumber track soundtrack postcode code departmentCode passwordErrors 密码错误次数 人脸数 laptop status expires gpio_pin relayPin pin_mode certFingerprint tls_fingerprint firmwareFingerprint fingerprintLock 密码锁电量 人脸识别终端 captchaShown passwordChangedAt otpEnabled'
  const values = Object.fromEntries(names.split(' ').map((name) => [name, '5']))
  expect(withoutSecrets({ values }).values).toEqual(values)
})

test('yes, no and nothing are no secrets, whatever their field is called', () => {
  const values = { pass: true, otp: false, fingerprint: null, pin: 0 }
  expect(withoutSecrets({ values }).values).toEqual({ ...values, pin: '***' })
})

test('of words that were said none is kept, not even sealed; what the house says stays as it was said', () => {
  const answer = { text: '无线网密码 88888888', slots: { dept: '内科' } }
  const personal = { heard: ['密码是668899', '内科几点'], answer }
  const kept = withoutSecrets(personal)
  expect(kept).toEqual({ heard: ['密码是***', '内科几点'], answer })
  expect(kept.answer).toBe(answer)
  expect(
    withoutSecrets({ comment: '验证码 4839 没用', values: { note: ['PIN 4839'], n: 5 } }),
  ).toEqual({
    comment: '验证码 *** 没用',
    values: { note: ['PIN ***'], n: 5 },
  })
})
