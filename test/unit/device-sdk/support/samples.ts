import type { Answer, Speech } from '@kefu-edge/device-sdk/protocol/schemas'

export const speech = (id: string, more: Partial<Speech> = {}): Speech => ({
  id,
  text: '请王女士到三号诊室就诊',
  ssml: '<speak version="1.1" xmlns="http://www.w3.org/2001/10/synthesis" xml:lang="zh-CN">请王女士到三号诊室就诊</speak>',
  lang: 'zh-CN',
  priority: 'normal',
  bargeIn: true,
  expiresAt: '2026-05-01T09:00:00Z',
  ...more,
})

export const answer = (inReplyTo: string, text = '挂号在门诊楼一楼。'): Answer => ({
  id: `a-${inReplyTo}`,
  inReplyTo,
  session: 's-1',
  turn: 1,
  status: 'answered',
  text,
  latencyMs: 1,
})
