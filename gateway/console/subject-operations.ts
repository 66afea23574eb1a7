/** What a person may ask for, as operations: to see what is kept, to have it erased, to have it held. */
import { Type } from '@sinclair/typebox'
import type { SubjectRights } from '../ledger/subjects.ts'
import { operation } from './operation.ts'

const Person = {
  id: Type.String({ minLength: 1, maxLength: 128 }),
  kind: Type.Union([
    Type.Literal('patient'),
    Type.Literal('customer'),
    Type.Literal('student'),
    Type.Literal('visitor'),
    Type.Literal('staff'),
  ]),
}
const WithReason = Type.Object({ ...Person, reason: Type.String({ minLength: 1, maxLength: 500 }) })

export interface Parts {
  readonly subjects: SubjectRights
}

export const SUBJECT_OPERATIONS = {
  'subject.export': operation(Type.Object(Person), ({ id, kind }, { subjects }: Parts) =>
    subjects.exportOf({ id, kind }),
  ),
  'subject.erase': operation(WithReason, ({ id, kind, reason }, { subjects }: Parts) =>
    subjects.erase({ id, kind }, reason),
  ),
  'subject.hold': operation(WithReason, async ({ id, kind, reason }, { subjects }: Parts) => {
    await subjects.hold({ id, kind }, reason)
    return { held: true }
  }),
  'subject.release': operation(WithReason, async ({ id, kind, reason }, { subjects }: Parts) => {
    await subjects.release({ id, kind }, reason)
    return { held: false }
  }),
} as const
