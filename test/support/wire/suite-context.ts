import type { BrokerAddress } from './link.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** Where the broker under test listens; provided by the global setup. */
    broker: BrokerAddress
  }
}
