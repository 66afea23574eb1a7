/** A link that fails on demand: the faults of real sites, put between the client and its transport. */
import type { Link, OpenLink } from '@kefu-edge/device-sdk/client/link'
import type { Fault } from './scenario.ts'

/** A radio link at the edge of its range. */
const SLOW_DELAY_MS = 300

/** The network of one device; a scenario changes it while the device runs. */
export class Network {
  #fault: Fault = 'none'
  #online = true
  readonly #links = new Set<Link>()

  get online(): boolean {
    return this.#online
  }

  setFault(fault: Fault): void {
    this.#fault = fault
  }

  /** Pulls the cable, or plugs it in. */
  setOnline(online: boolean): void {
    this.#online = online
    if (!online) for (const link of [...this.#links]) link.destroy()
  }

  wrap(open: OpenLink): OpenLink {
    return async (handlers) => {
      if (!this.#online) throw new Error('network is down')
      const link = await open({
        onMessage: (message) => {
          if (this.#fault === 'lose-answers' && message.name === 'answer') {
            // One answer is lost with its link; the device asks again over a new one.
            this.#fault = 'none'
            link.destroy()
          } else if (this.#fault === 'slow') {
            setTimeout(() => handlers.onMessage(message), SLOW_DELAY_MS)
          } else handlers.onMessage(message)
        },
        onClose: (reason) => {
          this.#links.delete(wrapped)
          handlers.onClose(reason)
        },
      })
      const wrapped = this.#faulty(link)
      if (!this.#online) link.destroy()
      else this.#links.add(wrapped)
      return wrapped
    }
  }

  #faulty(link: Link): Link {
    return {
      info: link.info,
      send: async (message) => {
        const fault = message.name === 'ask' ? this.#fault : 'none'
        if (fault === 'slow') await new Promise((resolve) => setTimeout(resolve, SLOW_DELAY_MS))
        const delivery = link.send(message)
        if (fault === 'duplicate-asks') await Promise.all([delivery, link.send(message)])
        if (fault === 'cut-after-ask') {
          this.#fault = 'none'
          // After the bytes left: the question arrives, the answer finds nobody.
          setImmediate(() => link.destroy())
        }
        return delivery
      },
      close: () => link.close(),
      destroy: () => link.destroy(),
    }
  }
}
