/** Options of what the box is connected to: the cloud core, and other boxes of its site. */
import { ReleaseKind } from '@kefu-edge/cloud-sync/protocol/release'
import { DRAIN_PER_SECOND } from '@kefu-edge/cloud-sync/push-ledger'
import { Type } from '@sinclair/typebox'
import { HOURS_PATTERN } from '../schedule/hours.ts'
import { closed, group } from './option-types.ts'

export const CloudOptions = Type.Object(
  {
    url: Type.Optional(
      Type.String({
        pattern: '^https?://',
        description: 'Cloud core, such as https://core.example:9443 (IT)',
      }),
    ),
    caFile: Type.Optional(
      Type.String({ description: 'PEM of the CA of the cloud core, pinned (IT)' }),
    ),
    enrolToken: Type.Optional(
      Type.String({ description: 'Enrolment secret of the cloud core, used once (IT)' }),
    ),
    backlogHours: Type.Array(Type.String({ pattern: HOURS_PATTERN }), {
      default: [],
      description:
        'Hours in which a backlog goes up, such as 22:00-06:00; what is critical, new or of the audit lane always goes; empty: all day (IT)',
    }),
    drainPerSecond: Type.Integer({
      minimum: 0,
      default: DRAIN_PER_SECOND,
      description:
        'Entries of a backlog a second; 0 as fast as it goes; what is critical or new is never held (IT)',
    }),
    disclose: Type.Union([Type.Literal('none'), Type.Literal('masked'), Type.Literal('full')], {
      default: 'none',
      description:
        'What the cloud core may read of what persons say: nothing, with names and numbers masked, or all (auditors)',
    }),
    cosigners: Type.Array(Type.String({ pattern: '^\\S+\\+[0-9a-f]{8}\\+\\S+$' }), {
      default: [],
      description:
        'Verifier keys of witnesses beside the cloud core; a cosignature of theirs that is wrong is refused (auditors)',
    }),
    accept: Type.Array(ReleaseKind, {
      default: ['pack', 'config', 'twin', 'command', 'announcement'],
      description: 'What the cloud core may send down, each signed with its pinned key (IT)',
    }),
    counts: Type.Optional(
      Type.Object(
        {
          keyFile: Type.String({
            description:
              'Public counting key of whoever may read the sums, as npm run counts -- make-key writes it; never taken from the core (IT)',
          }),
          intents: Type.Array(Type.String({ maxLength: 70 }), {
            default: [],
            maxItems: 500,
            uniqueItems: true,
            description:
              'Intents that are told apart, the same list in all branches; the others count as one (auditors)',
          }),
        },
        {
          ...closed,
          description: 'Counts of each day, encrypted and added up over all branches; absent: none',
        },
      ),
    ),
    escalate: Type.Boolean({
      default: true,
      description: 'Pass asks the box does not know to the cloud (IT)',
    }),
    escalateDeadlineMs: Type.Integer({
      minimum: 100,
      maximum: 30_000,
      default: 1500,
      description: 'How long an ask waits for the cloud (IT)',
    }),
  },
  group,
)

export const SiteOptions = Type.Object(
  {
    redis: Type.String({
      pattern: '^rediss?://',
      default: 'redis://127.0.0.1:6379',
      description: 'Redis that the boxes of the site share; rediss:// for TLS (IT)',
    }),
    name: Type.String({
      pattern: '^[A-Za-z0-9._-]{1,64}$',
      default: 'site',
      description: 'Boxes with the same name are one site (IT)',
    }),
    keyFile: Type.Optional(
      Type.String({
        description:
          'Key that seals what the boxes share, the same file on each; absent: keys/site.key in the data folder, made by the first box (IT)',
      }),
    ),
  },
  { ...closed, description: 'Several boxes on one site; absent: this box is alone (IT)' },
)
