/** Options of what is answered, in which voice, and how often one device may ask. */
import { Type } from '@sinclair/typebox'
import { DEFAULT_LANE_LIMITS } from '../ledger/lane-limits.ts'
import { closed, group } from './option-types.ts'

export const AnswerOptions = Type.Object(
  {
    voice: Type.Union([Type.Literal('standard'), Type.Literal('elderly')], {
      default: 'standard',
      description: 'Voice profile of devices whose kind names none (nurses)',
    }),
    voiceByKind: Type.Record(
      Type.String(),
      Type.Union([Type.Literal('standard'), Type.Literal('elderly')]),
      {
        default: { bedside: 'elderly' },
        description: 'Voice profile by device kind (nurses)',
      },
    ),
    audioKinds: Type.Array(Type.String({ minLength: 1, maxLength: 64 }), {
      default: [],
      maxItems: 64,
      description:
        'Device kinds that get sound besides SSML, made by espeak-ng on the box; "*" is every kind, empty: none (device makers)',
    }),
    audioMaxMegabytes: Type.Integer({
      minimum: 1,
      maximum: 100_000,
      default: 256,
      description: 'Sound kept in the data folder; a minute is about 2.6 MB (IT)',
    }),
    quietHours: Type.Optional(
      Type.Object(
        {
          from: Type.String({
            pattern: '^([01]\\d|2[0-3]):[0-5]\\d$',
            description: 'Start, such as 21:30, local time (nurses)',
          }),
          until: Type.String({
            pattern: '^([01]\\d|2[0-3]):[0-5]\\d$',
            description: 'End, such as 06:30 (nurses)',
          }),
        },
        { ...closed, description: 'Hours in which only urgent and critical speech is played' },
      ),
    ),
    packsByKind: Type.Record(Type.String(), Type.Array(Type.String()), {
      default: {},
      description: 'Packs a kind of device is answered from; absent: all installed (nurses)',
    }),
  },
  group,
)

export const LimitOptions = Type.Object(
  {
    asksPerSecond: Type.Number({
      minimum: 0,
      default: 0,
      description:
        'Asks per second and device, with a burst of ten times that; 0 sets no limit (IT)',
    }),
    sessionIdleMinutes: Type.Integer({
      minimum: 1,
      maximum: 10_080,
      default: 30,
      description: 'A session ends after this long without a turn (nurses)',
    }),
    ledgerMaxPending: Type.Integer({
      minimum: 1000,
      default: DEFAULT_LANE_LIMITS.session.maxPending,
      description:
        'Turns, and as many audit entries, that may wait for the cloud core; then new ones are refused. Without `cloud.url` none is (IT)',
    }),
    ledgerMaxPendingCritical: Type.Integer({
      minimum: 100,
      default: DEFAULT_LANE_LIMITS.critical.maxPending,
      description: 'The same of calls and alerts, the `critical` lane (IT)',
    }),
  },
  group,
)
