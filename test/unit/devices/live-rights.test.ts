import { describe, expect, test } from 'vitest'
import { createLiveRights } from '../../../gateway/devices/live-rights.ts'
import { createPermissions } from '../../../gateway/devices/permissions.ts'
import type { DeviceRecord, Registry } from '../../../gateway/devices/registry.ts'

const record = (kind: string): DeviceRecord => ({
  id: 'kiosk-1',
  kind,
  groups: [],
  createdAtMs: 0,
  isDisabled: false,
})

function rightsOver(rows: Map<string, DeviceRecord>) {
  let reads = 0
  const registry = {
    get: (id: string) => {
      reads++
      return rows.get(id)
    },
  } as Pick<Registry, 'get'> as Registry
  const rights = createLiveRights({
    registry,
    permissions: createPermissions([]),
    clients: () => [],
    forgetDecisions: () => {},
    cut: () => {},
  })
  return { rights, reads: () => reads }
}

describe('a device that comes in', () => {
  test('is not read from the registry again for its rights', () => {
    const kiosk = record('kiosk')
    const { rights, reads } = rightsOver(new Map([['kiosk-1', kiosk]]))
    expect(rights.remember(kiosk)).toBe(kiosk)
    expect(rights.current(kiosk)).toBe(kiosk)
    expect(reads()).toBe(0)
  })

  test('and comes again is known by what was worked out for it', () => {
    const first = record('kiosk')
    const { rights } = rightsOver(new Map([['kiosk-1', first]]))
    rights.remember(first)
    expect(rights.remember(record('kiosk'))).toBe(first)
  })

  test('is another one after a change', () => {
    const rows = new Map([['kiosk-1', record('kiosk')]])
    const { rights } = rightsOver(rows)
    const before = rights.remember(record('kiosk'))
    const after = record('speaker')
    rows.set('kiosk-1', after)
    rights.deviceChanged(before, after)
    expect(rights.current(before)).toBe(after)
    expect(rights.remember(after).kind).toBe('speaker')
  })
})
