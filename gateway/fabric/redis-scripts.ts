/** What Redis does in one step, in its own Lua: a value has its stamp in front. */
import { STAMP_BYTES } from './fabric.ts'

/** Keeps the newer of two values: the stamp is in front. */
export const KEEP_NEWEST = `local old = redis.call('HGET', KEYS[1], ARGV[1])
if not old or string.sub(old, 1, ${STAMP_BYTES}) < string.sub(ARGV[2], 1, ${STAMP_BYTES}) then
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[2]) end
return 1`
export const DROP_SAME = `local old = redis.call('HGET', KEYS[1], ARGV[1])
if old and string.sub(old, 1, ${STAMP_BYTES}) == ARGV[2] then redis.call('HDEL', KEYS[1], ARGV[1]) end
return 1`
