/** How much of the room for retained messages each device has taken, under all its client ids. */
import { RETAINED_OF_DEVICE, RETAINED_SHARE_OF_DEVICE } from '../limits.ts'
import type { RetainedLimits } from './retained.ts'

interface Share {
  messages: number
  bytes: number
}

const NONE: Readonly<Share> = { messages: 0, bytes: 0 }

export class RetainedShares {
  private readonly maxMessages: number
  private readonly maxBytes: number
  private readonly byDevice = new Map<string, Share>()

  constructor({ maxRetainedMessages, maxRetainedBytes }: RetainedLimits) {
    const part = RETAINED_SHARE_OF_DEVICE
    this.maxMessages = Math.max(maxRetainedMessages * part, RETAINED_OF_DEVICE.messages)
    this.maxBytes = Math.max(maxRetainedBytes * part, RETAINED_OF_DEVICE.bytes)
  }

  /** Whether the device may have so much more; no more of anything is always possible. */
  fits(device: string, messages: number, bytes: number): boolean {
    const own = this.byDevice.get(device) ?? NONE
    const hasPlace = messages <= 0 || own.messages + messages <= this.maxMessages
    return hasPlace && (bytes <= 0 || own.bytes + bytes <= this.maxBytes)
  }

  /** Counts in what it has more, or less. */
  add(device: string, messages: number, bytes: number): void {
    let own = this.byDevice.get(device)
    if (own === undefined) {
      own = { ...NONE }
      this.byDevice.set(device, own)
    }
    own.messages += messages
    own.bytes += bytes
    if (own.messages === 0) this.byDevice.delete(device)
  }
}
