/** Rows of a stream lie together: key of an entry = stream no × this + sequence, below 2^53. */
export const STREAM_STRIDE = 2 ** 32
