/** STOP-GAP until render-speech lands */
import type { Speech } from '@kefu-edge/device-sdk/protocol/schemas'
import type { Config } from '../config.ts'
import type { Reply, Turn } from '../turn.ts'
export function createSpeaker(_config: Config['answers']) {
  return {
    render: (reply: Reply, turn: Turn, id: string): Speech => ({
      id, text: reply.text, ssml: `<speak version="1.1" xmlns="http://www.w3.org/2001/10/synthesis" xml:lang="zh-CN">${reply.text}</speak>`,
      lang: 'zh-CN', priority: reply.priority ?? 'normal', bargeIn: true, expiresAt: new Date(turn.receivedAtMs + 60000).toISOString(),
    }),
  }
}
