/** The SQLite driver that fits this Node: the same choice as at the core, made in one place. */
export { Database } from '@kefu-edge/cloud-sync/sqlite-driver'
