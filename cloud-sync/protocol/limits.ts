/** Limits that both ends of the wire hold to. */

/** Entries of one batch: at 300 bytes each about 600 kB, one fsync at the core. */
export const MAX_BATCH_ENTRIES = 4000
/** Request body as it travels; a batch is cut well below. */
export const MAX_BODY_BYTES = 8 * 1024 * 1024
/** Body after inflating: stops a compression bomb. */
export const MAX_INFLATED_BYTES = 32 * 1024 * 1024
/** One entry: the length prefix of a C2SP entry bundle is 16 bits. */
export const MAX_ENTRY_BYTES = 65_535
/** What may be disclosed of one entry. */
export const MAX_DISCLOSED_BYTES = 65_535
/** Highest sequence of a lane in one epoch: stream and sequence share one 53-bit row key at the core. */
export const MAX_SEQUENCE = 2 ** 32 - 1
/** Checkpoint and proof of a tree of 2^53 leaves. */
export const MAX_CHECKPOINT_BYTES = 64 * 1024
