/**
 * A new epoch whose log does not contain what was cosigned before it. That is a box that was put back from
 * a backup, and its record says so in the entry that opens the epoch; or somebody cut the record. The core
 * cannot know who did it, so it never hides it: it tells the one from the other by what the record says.
 */
export interface Lost {
  /** Log that they were cosigned in, */
  readonly origin: string
  /** up to this many entries. */
  readonly size: number
  /** Of those so many are missing, or more. */
  readonly atLeast: number
  /** `told`: the record names what it lacks. `pending`: the entry that would say so is on its way. */
  readonly word: 'told' | 'silent' | 'pending'
  /** Why the epoch was opened, in the words of the record. */
  readonly reason: string | null
}

/** As the tables have it; all null where nothing is lost, `reason` where the epoch's first entry did not come yet. */
export interface LostRow {
  readonly lostOrigin: string | null
  readonly lostSize: number | null
  readonly lostRoot: Uint8Array | null
  readonly lostAtMs: number | null
  /** 1: the epoch had begun before the one that it lacks, so what opened it says nothing of that. */
  readonly isBack: number
  /** Leaf index of the first entry of the epoch. */
  readonly firstIndex: number | null
  readonly reason: string | null
  /** Head that the record says it lacks: epoch, size, root in base64. */
  readonly answersFor: string | null
}

/** `kefu-edge restore` opens an epoch for this reason; it cannot know what the core has cosigned since the backup. */
const RESTORED = /^restored from the backup of /
/** Checkpoint and audit lane set out at the same moment; a lane may have a batch that is tried again. */
const PENDING_MS = 10 * 60_000

export function judgeLoss(row: LostRow, nowMs: number): Lost | null {
  const { lostOrigin: origin, lostSize: size, lostRoot, lostAtMs, firstIndex, reason } = row
  if (origin === null || size === null || lostRoot === null) return null
  const atLeast = Math.max(1, size - (firstIndex ?? size))
  const lost = { origin, size, atLeast, reason }
  if (reason === null) {
    return { ...lost, word: Math.abs(nowMs - (lostAtMs ?? 0)) < PENDING_MS ? 'pending' : 'silent' }
  }
  if (row.isBack === 1) return { ...lost, word: 'silent' }
  const isTold = RESTORED.test(reason) || namesHead(row.answersFor, origin, size, lostRoot)
  return { ...lost, word: isTold ? 'told' : 'silent' }
}

/** The record may lack more than the core has seen: the box's newest head is younger than the cosigned one. */
function namesHead(
  answersFor: string | null,
  origin: string,
  size: number,
  root: Uint8Array,
): boolean {
  const [epoch = '', named = '', namedRoot] = answersFor?.split(' ') ?? []
  if (epoch === '' || !origin.endsWith(`/${epoch}`)) return false
  const isSame = Number(named) === size && namedRoot === Buffer.from(root).toString('base64')
  return isSame || Number(named) > size
}
