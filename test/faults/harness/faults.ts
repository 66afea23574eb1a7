/** Every fault, in an order in which a short run meets each kind early. */
import type { Fault } from './fault.ts'
import { contentFaults } from './faults-of-content.ts'
import { diskFaults } from './faults-of-disk.ts'
import { linkFaults } from './faults-of-link.ts'
import { powerFaults } from './faults-of-power.ts'
import { recordFaults } from './faults-of-record.ts'
import { timeFaults } from './faults-of-time.ts'

const GROUPS = [powerFaults, linkFaults, diskFaults, timeFaults, contentFaults, recordFaults]
const longest = Math.max(...GROUPS.map((group) => group.length))

export const FAULTS: readonly Fault[] = Array.from({ length: longest }, (_, n) =>
  GROUPS.flatMap((group) => group[n] ?? []),
).flat()
