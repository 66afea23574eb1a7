/** Notices that a network came back: an address appeared, or came anew. Node hears no such event by itself. */
import { networkInterfaces } from 'node:os'

/** A look costs about 50 µs; a second later is "at once" for a person. */
const LOOK_EVERY_MS = 1000

/** Calls `onReturn` when an address that was not there before is there; returns the way to stop. */
export function watchNetwork(
  onReturn: () => void,
  options: { readonly everyMs?: number; readonly addresses?: () => ReadonlySet<string> } = {},
): () => void {
  const addresses = options.addresses ?? outwardAddresses
  let before = addresses()
  const timer = setInterval(() => {
    const now = addresses()
    const isBack = [...now].some((address) => !before.has(address))
    before = now
    if (isBack) onReturn()
  }, options.everyMs ?? LOOK_EVERY_MS)
  timer.unref()
  return () => clearInterval(timer)
}

function outwardAddresses(): ReadonlySet<string> {
  return new Set(
    Object.values(networkInterfaces())
      .flatMap((found) => found ?? [])
      .filter((one) => !one.internal)
      .map((one) => one.address),
  )
}
