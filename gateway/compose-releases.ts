/** Where releases of the cloud core go, by kind, as far as the configuration takes them. Part of compose. */
import type { ReleaseTarget } from '@kefu-edge/cloud-sync/install-release'
import type { ReleaseKind } from '@kefu-edge/cloud-sync/protocol/release'
import type { Box } from './compose.ts'
import { loadConfig } from './config/load-config.ts'
import type { Config } from './config/schema.ts'
import { desireTwins, readTwins } from './console/device-state.ts'
import { runOperation } from './console/operations.ts'
import { createPackTarget } from './knowledge/pack-release.ts'
import type { Logger } from './logger.ts'
import { createAnnouncementTarget } from './releases/announcement-release.ts'
import { createCommandTarget } from './releases/command-release.ts'
import { createConfigTarget } from './releases/config-release.ts'
import { createTwinTarget } from './releases/twin-release.ts'
import type { HouseVoice } from './voice/house-voice.ts'

export function composeReleases(
  config: Config,
  box: Box,
  announce: HouseVoice['announce'],
  logger: Logger,
): Partial<Record<ReleaseKind, ReleaseTarget>> {
  const { operations, store, ledger, clock } = box
  const { dataDir, configFile } = config
  const sources = { dataDir, ...(configFile === undefined ? {} : { configFile }) }
  const reload = async () => (await box.hooks.live?.reload()) ?? { needsRestart: [] }
  const all: Record<ReleaseKind, ReleaseTarget> = {
    pack: createPackTarget({ library: box.library, folder: box.folder.file('staged') }),
    announcement: createAnnouncementTarget(announce),
    twin: createTwinTarget({
      read: (whose) => readTwins(whose, operations),
      desire: (desired) => desireTwins(desired, operations),
    }),
    command: createCommandTarget({
      run: (operation, args) => runOperation(operation, args, operations),
      record: async (draft) => {
        await store.commit(() => ledger.append({ lane: 'audit', atMs: clock.now(), ...draft }))
      },
    }),
    config: createConfigTarget({
      dataDir,
      check: (released) => void loadConfig({ ...sources, released }),
      reload,
      logger,
    }),
  }
  return Object.fromEntries(config.cloud.accept.map((kind) => [kind, all[kind]]))
}
