/** Every error code of the way to the cloud: what happened and what the operator does next. */

interface ErrorEntry {
  readonly status: number
  readonly title: string
  readonly next: string
}

export const CLOUD_ERRORS = {
  'request.not-found': {
    status: 404,
    title: 'The core has nothing at this path',
    next: 'Check cloud.url: it ends after the port, with no path.',
  },
  'request.too-large': {
    status: 413,
    title: 'The request is larger than the core reads',
    next: 'A release has 16 MB at the most: make the pack smaller or divide it. From a gateway: lower its batch limits.',
  },
  'request.invalid': {
    status: 422,
    title: 'The request does not follow the protocol',
    next: 'Compare the versions of gateway and core; the field is named in detail.',
  },
  'gateway.unknown': {
    status: 401,
    title: 'The core does not know this gateway',
    next: 'Put the content of enrol.token of the core into cloud.enrolToken and start the gateway.',
  },
  'gateway.none': {
    status: 404,
    title: 'No gateway of this id has ever enrolled here',
    next: 'GET /v1/gateways, or the page of the core in a browser, lists those that have.',
  },
  'gateway.signature': {
    status: 401,
    title: 'The signature of the request does not verify',
    next: 'The gateway has another key than at its enrolment: release it at the core, then enrol again.',
  },
  'gateway.other-key': {
    status: 409,
    title: 'A gateway of this id is enrolled with another key',
    next: 'Release the old key at the core with `npm run cloud -- release ID`, or give this gateway another id.',
  },
  'gateway.blocked': {
    status: 403,
    title: 'The operator of the core has shut this gateway out',
    next: 'If it may come back: `npm run cloud -- unblock ID` at the core. A gateway whose key was released may also come with a new one: remove keys/cloud.pem of its data folder and start it.',
  },
  'enrol.refused': {
    status: 403,
    title: 'The enrolment token is wrong',
    next: 'Copy the content of enrol.token in the data folder of the core.',
  },
  'operator.refused': {
    status: 401,
    title: 'Only the operator of the core may read this',
    next: 'Authorization: Bearer with the content of operator.token of the core, or user operator in the browser.',
  },
  'operator.reads-only': {
    status: 403,
    title: 'A browser may read here and change nothing',
    next: 'Use `npm run cloud -- publish`, `rollout`, `halt` or `block`, or send Authorization: Bearer with the content of operator.token.',
  },
  'operator.file': {
    status: 422,
    title: 'A file that opens the core to its operator cannot be read',
    next: '--data names the data folder of the core; from another machine copy its operator.token and tls/ca.pem and name them with --token and --ca.',
  },
  'batch.ahead': {
    status: 409,
    title: 'The batch follows entries that the core does not have',
    next: 'None: the gateway goes back to the mark in `acknowledged`.',
  },
  'batch.forked': {
    status: 409,
    title: 'The core has other entries under the numbers of this batch',
    next: 'None at the core. The data folder of the gateway was put back, or two boxes run from one copy of it: the gateway goes on in a new epoch, and its `kefu-edge doctor` says what to do.',
  },
  'core.storage': {
    status: 503,
    title: 'The core could not write to its disk',
    next: 'Free disk space at the core; the gateways keep their entries and try again.',
  },
  'core.failed': {
    status: 500,
    title: 'The core failed at this request',
    next: 'See the log of the core.',
  },
  'core.busy': {
    status: 503,
    title: 'The core has too many requests in hand',
    next: 'None: the gateways wait and try again.',
  },
  'core.token': {
    status: 500,
    title: 'A token of the core is too short to keep anybody out',
    next: 'Remove the file: the core makes a new one at its next start. Gateways that are enrolled go on; only new ones need the new enrol.token.',
  },
  'core.certificates': {
    status: 500,
    title: 'The authority in the tls folder of the core cannot be read',
    next: 'Put tls/ca.pem and tls/ca.key back from a backup. Without one remove the tls folder: the core makes a new authority, and each gateway needs its new ca.pem in cloud.caFile.',
  },
  'core.port': {
    status: 500,
    title: 'The core cannot listen there',
    next: 'Another program, perhaps another core, has the port, or the address is none of this machine: give another --port or --host.',
  },
  'core.in-use': {
    status: 409,
    title: 'Another cloud core is using this data folder',
    next: 'Stop that core, or give this one another folder with --data.',
  },
  'core.database': {
    status: 500,
    title: 'The database of the core cannot be opened',
    next: 'See that the folder of --data can be written and its disk has room. One of a newer core needs that core; a damaged core.db is put back from a backup: what gateways had delivered since then is not sent again (its page counts it as missing), and they name again who was erased.',
  },
  'sink.not-installed': {
    status: 500,
    title: 'The client of the engine that entries are handed to is not installed',
    next: 'Beside the core: npm install @nats-io/transport-node@3.4.0 @nats-io/jetstream@3.4.0 for --nats, npm install kafkajs@2.2.4 for --kafka.',
  },
  'checkpoint.invalid': {
    status: 422,
    title: 'The checkpoint is not a signed note of this gateway',
    next: 'Compare the ledger key that was enrolled with that of `kefu-edge ledger status`.',
  },
  'checkpoint.inconsistent': {
    status: 422,
    title: 'The checkpoint does not extend what this gateway has shown before',
    next: 'The ledger was cut or changed, or its folder put back: keep the disk as it is and run `kefu-edge ledger verify`. Where somebody has looked into it: `npm run cloud -- accept ID --reason TEXT` at the core.',
  },
  'release.unknown': {
    status: 404,
    title: 'There is no such release',
    next: '`npm run cloud -- releases` (GET /v1/releases) lists kind, name and serial of each.',
  },
  'release.content': {
    status: 422,
    title: 'What was named cannot be published',
    next: 'A pack is the folder with pack.yaml (check it: kefu-edge pack validate DIR); config, twin and announcement are a JSON file; a command is an operation and NAME=VALUE. Nothing was published.',
  },
  'release.expired': {
    status: 422,
    title: 'The release would have expired before any gateway takes it',
    next: 'expiresAtMs counts milliseconds since 1970 and lies in the future: a gateway that was away until then leaves the release out.',
  },
  'release.invalid': {
    status: 422,
    title: 'What the core sent does not verify',
    next: 'The signature, digest or term of the release is wrong; publish it again at the core.',
  },
  'counts.file': {
    status: 422,
    title: 'A file that was named cannot be used',
    next: 'make-key writes FILE (private, for read) and FILE.pub (public, for add-key and cloud.counts.keyFile) and never overwrites; --token names operator.token and --ca tls/ca.pem of the data folder of the core.',
  },
  'counts.unknown-key': {
    status: 422,
    title: 'The core does not know the key that was counted with',
    next: 'Tell it where FILE.pub of the key lies: npm run counts -- add-key FILE.pub …; or name the same cloud.counts.keyFile as the other branches. The branch sends the day again within the hour.',
  },
  'counts.no-sum': {
    status: 404,
    title: 'There is no sum of this key for that day',
    next: 'It is given out once three branches with this key and the same cloud.counts.intents have counted the day, which each does in the hour after midnight.',
  },
  'proxy.too-large': {
    status: 413,
    title: 'A proxy on the way to the core refuses requests of this size',
    next: 'Let the proxy take bodies of 8 MB (nginx: client_max_body_size 8m). Until then what it takes goes up in smaller requests; nothing is lost.',
  },
  'link.no-answer': {
    status: 504,
    title: 'The core did not answer',
    next: 'Check cloud.url, the network and `npm run cloud` or the service of the core.',
  },
  'link.certificate-term': {
    status: 495,
    title: 'The certificate of the core does not count at this time',
    next: 'Compare the clocks of this machine and of the core. A core whose clock is right makes a certificate that counts at its next start, or within an hour.',
  },
  'link.untrusted': {
    status: 495,
    title: 'The certificate of the core is not the one that is pinned',
    next: 'Copy tls/ca.pem from the data folder of the core and name it in cloud.caFile.',
  },
} as const satisfies Record<string, ErrorEntry>

export type CloudErrorCode = keyof typeof CLOUD_ERRORS

/** What cannot be handled where it happens. */
export class CloudError extends Error {
  readonly code: CloudErrorCode
  readonly detail: string | undefined

  constructor(code: CloudErrorCode, options: { detail?: string; cause?: unknown } = {}) {
    const { title } = CLOUD_ERRORS[code]
    super(options.detail ? `${title}: ${options.detail}` : title, { cause: options.cause })
    this.name = 'CloudError'
    this.code = code
    this.detail = options.detail
  }
}

/** RFC 9457 body of a refusal. */
export interface CloudProblem {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly code: CloudErrorCode
  readonly detail: string
}

export function toProblem(error: CloudError): CloudProblem {
  const { status, title, next } = CLOUD_ERRORS[error.code]
  return {
    type: `urn:kefu:cloud:${error.code}`,
    title,
    status,
    code: error.code,
    detail: error.detail ? `${error.detail}. ${next}` : next,
  }
}
