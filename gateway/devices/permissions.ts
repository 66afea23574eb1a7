/**
 * Which topics a device may use: its own by the contract, more by rule, nothing else.
 *
 * Rules are a table in the configuration: a kind, a group, or everybody; filters with `%d` for the
 * device's own id.
 */
import { parseTopic, topicOf } from '@kefu-edge/device-sdk/protocol/topics'
import type { Device } from '../turn.ts'

export interface PermissionRule {
  readonly kind?: string
  readonly group?: string
  readonly publish?: readonly string[]
  readonly subscribe?: readonly string[]
  readonly denySubscribe?: readonly string[]
}

/** Messages a device sends under its own id. */
const OWN_PUBLISH = ['ask', 'played', 'feedback', 'event', 'reported'] as const
const OWN_SUBSCRIBE = ['kefu/v1/%d/#'] as const

export type Permission =
  | { readonly ok: true }
  | { readonly ok: false; readonly code: 'topic.not-yours' | 'topic.unknown' | 'topic.denied' }

export interface Permissions {
  mayPublish(device: Device, topic: string): Permission
  /** Whether every topic that the filter can match is allowed. */
  maySubscribe(device: Device, filter: string): Permission
}

const ALLOWED: Permission = { ok: true }

export function createPermissions(rules: readonly PermissionRule[]): Permissions {
  const filtersOf = (
    device: Device,
    pick: (rule: PermissionRule) => readonly string[] | undefined,
  ) =>
    rules
      .filter((rule) => rule.kind === undefined || rule.kind === device.kind)
      .filter((rule) => rule.group === undefined || device.groups.includes(rule.group))
      .flatMap((rule) => pick(rule) ?? [])
      .map((filter) => filter.replaceAll('%d', device.id))

  function refusal(device: Device, topic: string): Permission {
    const parsed = parseTopic(topic)
    const isOthers = parsed !== undefined && parsed.deviceId !== device.id
    return { ok: false, code: isOthers ? 'topic.not-yours' : 'topic.unknown' }
  }

  return {
    mayPublish(device, topic) {
      if (OWN_PUBLISH.some((name) => topic === topicOf(device.id, name))) return ALLOWED
      const granted = filtersOf(device, (rule) => rule.publish)
      return granted.some((filter) => covers(filter, topic)) ? ALLOWED : refusal(device, topic)
    },
    maySubscribe(device, filter) {
      const denied = filtersOf(device, (rule) => rule.denySubscribe)
      if (denied.some((one) => covers(one, filter))) return { ok: false, code: 'topic.denied' }
      const granted = [
        ...OWN_SUBSCRIBE.map((one) => one.replaceAll('%d', device.id)),
        ...filtersOf(device, (rule) => rule.subscribe),
      ]
      return granted.some((one) => covers(one, filter)) ? ALLOWED : refusal(device, filter)
    },
  }
}

/** Whether `allowed` matches every topic that `wanted` (a topic or a filter) can match [MQTT-4.7]. */
export function covers(allowed: string, wanted: string): boolean {
  const have = allowed.split('/')
  const want = wanted.split('/')
  // [MQTT-4.7.2-1]: a wildcard at the first level does not reach topics that begin with `$`.
  if (want[0]?.startsWith('$') && (have[0] === '#' || have[0] === '+')) return false
  for (let level = 0; ; level++) {
    const mine = have[level]
    if (mine === '#') return true
    const theirs = want[level]
    if (mine === undefined || theirs === undefined) return mine === theirs
    if (theirs === '#') return false
    if (mine !== '+' && mine !== theirs) return false
  }
}
