/** What a person may ask for, as operations: to see what is kept, to have it erased, to have it held. */
import { Subject } from '@kefu-edge/device-sdk/protocol/schemas'
import { Type } from '@sinclair/typebox'
import type { SubjectRights } from '../ledger/subjects.ts'
import { operation } from './operation.ts'

const WithReason = Type.Object({
  ...Subject.properties,
  reason: Type.String({ minLength: 1, maxLength: 500 }),
})

export interface SubjectOperationParts {
  readonly subjects: SubjectRights
}

export const SUBJECT_OPERATIONS = {
  'subject.export': operation(Subject, ({ id, kind }, { subjects }: SubjectOperationParts) =>
    subjects.exportOf({ id, kind }),
  ),
  'subject.erase': operation(
    WithReason,
    ({ id, kind, reason }, { subjects }: SubjectOperationParts) =>
      subjects.erase({ id, kind }, reason),
  ),
  'subject.hold': operation(
    WithReason,
    async ({ id, kind, reason }, { subjects }: SubjectOperationParts) => ({
      held: true,
      keys: await subjects.hold({ id, kind }, reason),
    }),
  ),
  'subject.release': operation(
    WithReason,
    async ({ id, kind, reason }, { subjects }: SubjectOperationParts) => ({
      held: false,
      keys: await subjects.release({ id, kind }, reason),
    }),
  ),
  'subject.holds': operation(Type.Object({}), (_, { subjects }: SubjectOperationParts) =>
    subjects.holds().map(({ reason, atMs, keys }) => ({
      heldAt: new Date(atMs).toISOString(),
      keys,
      reason,
    })),
  ),
} as const
