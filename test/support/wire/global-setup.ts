import type { TestProject } from 'vitest/node'
import { brokerFromEnvironment, startBroker } from '../broker-under-test.ts'
import './suite-context.ts'

/** One broker for the whole run: the one the environment names, or the gateway started here. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const given = brokerFromEnvironment()
  if (given) {
    project.provide('broker', given)
    return async () => {}
  }
  const started = await startBroker()
  project.provide('broker', started.address)
  return () => started.stop()
}
