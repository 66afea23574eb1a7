import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { maskValue, withoutSecrets } from '../../../gateway/ledger/data-classes.ts'
import { maskName } from '../../../gateway/ledger/mask-names.ts'
import {
  isBankCard,
  isMobile,
  isResidentId,
  maskAddress,
  maskText,
} from '../../../gateway/ledger/masking.ts'

describe('numbers with a check digit', () => {
  test.each([
    ['11010519491231002X', true],
    ['440524188001010014', false],
    ['110105194912310021', false],
    ['11010519490231002X', false],
    ['130503670401001', true],
    ['130503671301001', false],
  ])('resident id %s: %s', (number, expected) => {
    expect(isResidentId(number)).toBe(expected)
  })

  test.each([
    ['6222021234567894', luhnGood('622202123456789')],
    ['4111111111111111', true],
    ['4111111111111112', false],
    ['1234567890123452', false],
  ])('bank card %s: %s', (number, expected) => {
    expect(isBankCard(number)).toBe(expected)
  })

  test('mobile numbers', () => {
    expect(['13812345678', '8613812345678', '12812345678', '1381234567'].map(isMobile)).toEqual([
      true,
      true,
      false,
      false,
    ])
  })
})

describe('maskText', () => {
  test.each([
    ['我的身份证是11010519491231002X。', '我的身份证是110***********002X。'],
    ['身份证11010519491231002x', '身份证110***********002x'.replace('x', 'X')],
    ['打我电话13812345678', '打我电话138****5678'],
    ['电话是138 1234 5678，谢谢', '电话是138****5678，谢谢'],
    ['＋86 138-1234-5678', '＋138****5678'],
    ['１３８１２３４５６７８', '138****5678'],
    ['电话一三八一二三四五六七八', '电话********'],
    ['幺三八 幺二三四 五六七八', '********'],
    ['电话13812345678 5楼', '电话138****5678 5楼'],
    ['13812345678 13912345679', '138****5678 139****5679'],
    ['电话138-1234-5678 2026-11-22', '电话138****5678 2026-11-22'],
    ['11010519491231002X 5床', '110***********002X 5床'],
    ['3床 110105 19491231 0021X', '3床 110***********0021X'],
    ['2床 110105 19491231 002X', '2床 110***********002X'],
    ['tel13812345678', 'tel138****5678'],
    ['2 13812345678x1', '2 138****5678x1'],
    ['138 12 34 56 78', '138****5678'],
    ['1 3 8 1 2 3 4 5 6 7 8 5楼', '138****5678 5楼'],
    ['电话一三八一二三四五六七八二床', '电话********二床'],
    ['021-65432100 5楼', '021******00 5楼'],
    ['卡号4111 1111 1111 1111 2026年', '卡号411111******1111 2026年'],
    ['座机010-62345678转3', '座机010******78转3'],
    ['卡号4111 1111 1111 1111', '卡号411111******1111'],
    ['医保卡号是 A12345678', '医保卡号是 *****5678'],
    ['医保号：330102199001011234', '医保号：**************1234'],
    ['发到 zhang.san@example.com', '发到 z***@example.com'],
    ['我住在中山北路123弄5号楼302室', '我住在中山北路***'],
    ['我住文三路二十号想问内科几点开门', '我住文三路***想问内科几点开门'],
    ['家在幸福小区3栋2单元501，怎么走', '家在幸福小区***，怎么走'],
    ['浙江省杭州市西湖区文三路1号', '浙江省杭州市西湖区文三路***'],
    ['住院号123456，几床', '住院号****56，几床'],
    ['我的病历号是 0012345', '我的病历号是 *****45'],
    ['病案号一二三四五六七', '病案号*****六七'],
    ['护照号E12345678', '护照号*****5678'],
    ['护照E12345678过期了', '护照*****5678过期了'],
    ['通行证号码H1234567890', '通行证号码*******7890'],
    ['02162345678', '021******78'],
    ['座机057186543210转3', '座机057*******10转3'],
    ['电话零二一六二三四五六七八', '电话********'],
    ['文三路20号御景花园7-2-1001', '文三路***御景花园***'],
    ['家住阳光小区3-201', '家住阳光小区***'],
    ['我叫张三，今年八十岁', '我叫张*，今年八十岁'],
    ['患者姓名：欧阳修文', '患者姓名：欧阳**'],
  ])('%s', (text, masked) => {
    expect(maskText(text)).toBe(masked)
  })

  test.each([
    '内科门诊在二号楼三层',
    '一共1234567元',
    '挂号费20元，排在第15号',
    '订单20261122123456789',
    '化验单编号202611220001',
    '订单ORD20261122123456789',
    '2026-11-22 2026-11-23',
    '158.50 35.00 1299.00',
    '1998-10-10 123',
    '本机192.168.10.123',
    '号码 12 34 56 78 90 12',
    '门诊时间8:00-11:30',
    '医院地址在哪里',
    '三楼一二三四诊室',
    '我叫号叫到几号了',
    '血压120/80',
    '请到这里3号窗口',
    '坐5路公交，走路5号楼',
    '3号楼2层内科',
    '住院部里12号床',
    '我叫了三次号',
    '我叫救护车',
    '体温三十七度五',
    '门诊号3号',
    '住院号是多少',
    '护照在哪里办',
    '门诊号排到15了',
    '单号00123456789',
    '世纪公寓8-10点开门',
  ])('leaves alone: %s', (text) => {
    expect(maskText(text)).toBe(text)
  })
})

test('a number is masked whatever stands around it, but digits without a gap', () => {
  const digits = (length: number) =>
    fc.array(fc.integer({ min: 0, max: 9 }), { minLength: length, maxLength: length })
  const mobile = fc
    .tuple(fc.integer({ min: 3, max: 9 }), digits(9))
    .map(([second, rest]) => `1${second}${rest.join('')}`)
  const card = digits(13).map((rest) => withCheckDigit(`62${rest.join('')}`))
  const resident = fc
    .tuple(
      fc.date({ min: new Date('1930-01-01'), max: new Date('2020-01-01'), noInvalidDate: true }),
      digits(3),
    )
    .map(([born, rest]) => {
      const body = `110105${born.toISOString().slice(0, 10).replaceAll('-', '')}${rest.join('')}`
      return [...'0123456789X'].map((check) => body + check).find(isResidentId) ?? body
    })
  const around = fc.array(
    fc.oneof(
      fc.constantFrom(
        '电话',
        ' 5楼',
        '二床',
        'tel',
        'x',
        '，',
        ' ',
        ' 2026-11-22 ',
        ' 120/80 ',
        ' - ',
      ),
      fc.integer({ min: 0, max: 9999 }).map((n) => ` ${n} `),
    ),
    { maxLength: 4 },
  )
  fc.assert(
    fc.property(around, fc.oneof(mobile, card, resident), around, (before, number, after) => {
      expect(maskText(before.join('') + number + after.join(''))).not.toContain(number)
    }),
    { numRuns: 2000 },
  )
})

test.each([
  ['张三', '张*'],
  ['欧阳锋', '欧阳*'],
  ['欧阳', '欧*'],
  ['王', '*'],
  ['Mary Smith', 'M***'],
])('maskName %s', (name, masked) => {
  expect(maskName(name)).toBe(masked)
})

test('maskAddress keeps province and city', () => {
  expect(maskAddress('浙江省杭州市西湖区文三路1号')).toBe('浙江省杭州市***')
  expect(maskAddress('文三路1号')).toBe('***')
})

describe('fields', () => {
  test('are masked by their rule at every depth, others as text', () => {
    expect(
      maskValue({
        heard: ['我叫张三，电话13812345678'],
        slots: { patientName: '李四', phone: 13812345678, dept: '内科', patient_name: '王五' },
        answer: { status: 'answered', text: '好的' },
      }),
    ).toEqual({
      heard: ['我叫张*，电话138****5678'],
      slots: { patientName: '李*', phone: '138****5678', dept: '内科', patient_name: '王*' },
      answer: { status: 'answered', text: '好的' },
    })
  })

  test('that tell who somebody is are known by the end of their name', () => {
    const persons = {
      fullName: '李建国',
      patient: '李建国',
      联系人: '李建国',
      患者姓名: '李建国',
      contactPhone: '13812345678',
      联系电话: '13812345678',
      住院号: '0012345678',
      passportNo: 'E12345678',
      家庭地址: '文三路20号',
    }
    expect(Object.values(maskValue(persons) as object)).toEqual([
      ...['李**', '李**', '李**', '李**', '138****5678', '138****5678'],
      ...['******5678', '*****5678', '***'],
    ])
    const things = { deptName: '内科', fileName: '说明', ipAddress: '10.0.0.1', microphone: '好' }
    expect(maskValue(things)).toEqual(things)
  })

  test('what authenticates a person is taken out, the rest stays the same object', () => {
    const clean = { heard: ['x'], slots: { dept: '内科' } }
    expect(withoutSecrets(clean)).toBe(clean)
    const dirty = { slots: [{ 密码: '1234', cvv: 123 }], kept: clean }
    const result = withoutSecrets(dirty)
    expect(result).toEqual({ slots: [{ 密码: '***', cvv: '***' }], kept: clean })
    expect(result.kept).toBe(clean)
  })
})

const withCheckDigit = (body: string): string =>
  [...'0123456789'].map((check) => body + check).find(isBankCard) ?? body

function luhnGood(body: string): boolean {
  for (let digit = 0; digit < 10; digit++) {
    if (isBankCard(`${body}${digit}`)) return `${body}${digit}` === '6222021234567894'
  }
  return false
}

test('names of things stay as they are, names and addresses of persons do not', () => {
  const things = {
    ...{ queueName: '内科', windowName: '3号窗口', displayName: '大厅', sensorName: '门磁' },
    ...{ versionName: 'v1.3', serverAddress: '10.0.0.5', modbusAddress: '17', 科室名字: '骨科' },
  }
  expect(maskValue(things)).toEqual(things)
  const persons = {
    name: '李建国',
    patientName: '李建国',
    guardianFullName: '李建国',
    患者名字: '李建国',
  }
  for (const [field, name] of Object.entries(persons)) expect(maskValue(name, field)).not.toBe(name)
  const home = '北京市海淀区中关村大街27号'
  expect(maskValue({ address: home, homeAddress: home })).not.toMatchObject({ homeAddress: home })
})
