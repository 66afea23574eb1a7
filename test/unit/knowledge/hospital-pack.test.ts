/** What the hospital pack must say, whoever edits it next. */
import { describe, expect, it } from 'vitest'
import { readValidPack } from '../../../gateway/knowledge/read-pack.ts'
import { STARTER_PACK_DIR } from '../../../gateway/starter-pack.ts'

const exams = readValidPack(STARTER_PACK_DIR).lists.get('exam')?.values ?? []
const preparationOf = (exam: string): { zh: string; en: string } => {
  const value = exams.find((one) => one.value === exam)
  return value?.attributes?.preparation as { zh: string; en: string }
}

/** Tests that use rays or a radioactive tracer. */
const WITH_RAYS = [
  'X光',
  '平扫CT',
  '增强CT',
  'CT血管造影',
  'PET-CT',
  '骨扫描',
  '骨密度检查',
  '乳腺钼靶',
  '钡餐',
  '血管造影',
]

describe('the preparation for a test in the hospital pack', () => {
  it.each(WITH_RAYS)('asks who may be pregnant to say so before rays: %s', (exam) => {
    const { zh, en } = preparationOf(exam)
    expect(zh).toMatch(/怀孕.*(?:先|一定先)告诉医生/)
    expect(en).toMatch(/pregnan/)
  })

  it.each(['增强CT', 'CT血管造影'])(
    'asks about metformin and the thyroid before iodine: %s',
    (exam) => {
      expect(preparationOf(exam).zh).toMatch(/甲亢.*二甲双胍/)
    },
  )

  it.each(['胃镜', '肠镜', '胃肠镜'])('says when to stop eating and drinking: %s', (exam) => {
    expect(preparationOf(exam).zh).toMatch(/不再?吃/)
    expect(preparationOf(exam).zh).toMatch(/水也不喝|不吃不喝/)
  })

  it('empties the bladder for an ultrasound through the vagina', () => {
    expect(preparationOf('阴道超声').zh).toMatch(/不要憋尿.*排空/)
  })
})
