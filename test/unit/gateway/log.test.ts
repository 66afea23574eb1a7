import { describe, expect, it } from 'vitest'
import { createLoggers, openLog } from '../../../gateway/logger.ts'
import { maskUrls } from '../../../gateway/mask-line.ts'
import { createRecentLog } from '../../../gateway/recent-log.ts'

describe('the log', () => {
  it('stops nobody when its disk is full: the lines are in memory still', () => {
    const recent = createRecentLog(openLog('/dev/full'))
    const { mqtt } = createLoggers({ level: 'info', destination: recent.destination })
    for (let n = 0; n < 1000; n += 1) mqtt.warn({ n, pad: 'x'.repeat(2000) }, 'refused')
    expect(recent.lines()).toHaveLength(500)
    expect(recent.lines().at(-1)).toContain('"n":999')
  })

  it('holds the password of an address that has an @ in it', () => {
    const line = 'cannot reach mqtt://edge:P@ssw0rd@10.0.0.5:1883/a, mail nurse@example.org'
    expect(maskUrls(line)).toBe(
      'cannot reach mqtt://edge:[masked]@10.0.0.5:1883/a, mail nurse@example.org',
    )
  })
})
