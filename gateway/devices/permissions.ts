/**
 * Which topics a device may use: its own by the contract, more by rule, nothing else.
 *
 * Rules are a table in the configuration: a kind, a group, or everybody; filters with `%d` for the
 * device's own id.
 */
import { UPSTREAM } from '@kefu-edge/device-sdk/protocol/schemas'
import { parseTopic, topicOf } from '@kefu-edge/device-sdk/protocol/topics'
import { covers, overlap } from '../topic-filters.ts'
import type { Device } from '../turn.ts'

export interface PermissionRule {
  readonly kind?: string
  readonly group?: string
  readonly publish?: readonly string[]
  readonly subscribe?: readonly string[]
  readonly denySubscribe?: readonly string[]
}

const OWN_SUBSCRIBE = ['kefu/v1/%d/#'] as const

export type Permission =
  | { readonly ok: true }
  | { readonly ok: false; readonly code: 'topic.not-yours' | 'topic.unknown' | 'topic.denied' }

export interface Permissions {
  mayPublish(device: Device, topic: string): Permission
  /** Whether every topic that the filter can match is allowed. */
  maySubscribe(device: Device, filter: string): Permission
  /** Whether a message of this topic may still reach it, whatever it subscribed to before. */
  mayReceive(device: Device, topic: string): boolean
  grantsOf(device: Device): Grants
  /** The rules as a table; of one device: what holds for it, with `%d` filled in. */
  rows(device?: Device): PermissionRow[]
  /** Other rules from now on. Whoever keeps decisions asks anew. */
  replace(rules: readonly PermissionRule[]): void
}

/** What one device may, as filters. */
export interface Grants {
  readonly publish: readonly string[]
  readonly subscribe: readonly string[]
  readonly denySubscribe: readonly string[]
}

export interface PermissionRow {
  /** `every device`, `kind nurse`, `group hall`, or both. */
  readonly who: string
  readonly may: 'publish' | 'subscribe' | 'never subscribe'
  readonly filter: string
}

const CONTRACT: PermissionRule = {
  publish: Object.keys(UPSTREAM).map((name) => topicOf('%d', name)),
  subscribe: OWN_SUBSCRIBE,
}

const ALLOWED: Permission = { ok: true }

export function createPermissions(initial: readonly PermissionRule[]): Permissions {
  let rules = [CONTRACT, ...initial]
  /** Worked out once per device object; the registry gives a new one after a change. */
  let known = new WeakMap<Device, Grants>()
  /** Before `%d` is filled in, by kind and groups: ten thousand kiosks that come at once share it. */
  let templates = new Map<string, Grants>()

  const rulesOf = (device: Device): PermissionRule[] =>
    rules
      .filter((rule) => rule.kind === undefined || rule.kind === device.kind)
      .filter((rule) => rule.group === undefined || device.groups.includes(rule.group))

  function templateOf(device: Device): Grants {
    const key = [device.kind, ...device.groups].join(' ')
    const before = templates.get(key)
    if (before) return before
    const own = rulesOf(device)
    const template: Grants = {
      publish: own.flatMap((rule) => rule.publish ?? []),
      subscribe: own.flatMap((rule) => rule.subscribe ?? []),
      denySubscribe: own.flatMap((rule) => rule.denySubscribe ?? []),
    }
    templates.set(key, template)
    return template
  }

  function grantsOf(device: Device): Grants {
    const before = known.get(device)
    if (before) return before
    const template = templateOf(device)
    const filled = (filters: readonly string[]): readonly string[] =>
      filters.map((filter) => filter.replaceAll('%d', device.id))
    const grants: Grants = {
      publish: filled(template.publish),
      subscribe: filled(template.subscribe),
      denySubscribe: filled(template.denySubscribe),
    }
    known.set(device, grants)
    return grants
  }

  function refusal(device: Device, topic: string): Permission {
    const parsed = parseTopic(topic)
    const isOthers = parsed !== undefined && parsed.deviceId !== device.id
    return { ok: false, code: isOthers ? 'topic.not-yours' : 'topic.unknown' }
  }

  function maySubscribe(device: Device, filter: string): Permission {
    const { subscribe, denySubscribe } = grantsOf(device)
    if (coveredBy(denySubscribe, filter)) return { ok: false, code: 'topic.denied' }
    return coveredBy(subscribe, filter) ? ALLOWED : refusal(device, filter)
  }

  return {
    grantsOf,
    maySubscribe,
    mayPublish: (device, topic) =>
      coveredBy(grantsOf(device).publish, topic) ? ALLOWED : refusal(device, topic),
    mayReceive: (device, topic) => maySubscribe(device, topic).ok,
    rows: (device) =>
      (device ? rulesOf(device) : rules).flatMap((rule) =>
        rowsOf(rule).map((row) =>
          device ? { ...row, filter: row.filter.replaceAll('%d', device.id) } : row,
        ),
      ),
    replace(next) {
      rules = [CONTRACT, ...next]
      known = new WeakMap()
      templates = new Map()
    },
  }
}

function rowsOf(rule: PermissionRule): PermissionRow[] {
  const parts = [rule.kind && `kind ${rule.kind}`, rule.group && `group ${rule.group}`]
  const who = parts.filter(Boolean).join(', ') || 'every device'
  const rows = (may: PermissionRow['may'], filters: readonly string[] = []) =>
    filters.map((filter) => ({ who, may, filter }))
  return [
    ...rows('publish', rule.publish),
    ...rows('subscribe', rule.subscribe),
    ...rows('never subscribe', rule.denySubscribe),
  ]
}

const coveredBy = (filters: readonly string[], wanted: string): boolean =>
  filters.some((one) => covers(one, wanted))

/** Whether a subscription that `before` allowed may not be allowed by `after`. */
export const losesSubscriptions = (before: Grants, after: Grants): boolean =>
  before.subscribe.some((filter) => !coveredBy(after.subscribe, filter)) ||
  after.denySubscribe
    .filter((denied) => !coveredBy(before.denySubscribe, denied))
    .some((denied) => before.subscribe.some((filter) => overlap(filter, denied)))
