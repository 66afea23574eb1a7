/** Announcements that come down from the cloud core: said once per device, known by the release's name. */
import type { ReleaseTarget } from '@kefu-edge/cloud-sync/install-release'
import { Announcement } from '../voice/announcement.ts'
import { createOnceTarget } from './once-target.ts'

export const createAnnouncementTarget = (
  announce: (announcement: Announcement) => Promise<unknown>,
): ReleaseTarget =>
  createOnceTarget({
    schema: Announcement,
    // The announcer knows the id, so a second call says nothing twice.
    run: (said, { name, serial }) =>
      announce({ ...said, id: said.id ?? `${name}.${serial}`.slice(0, 64) }),
  })
