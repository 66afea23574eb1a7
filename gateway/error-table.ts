/**
 * Every error code: what happened and what the operator does next.
 *
 * A refusal of a device's message becomes a Problem (RFC 9457) with this code, title and status; the
 * operator's manual is made from this table. `{detail}` is filled in where the error is raised.
 */

interface ErrorEntry {
  readonly status: number
  readonly title: string
  /** The operator's or device maker's next step. */
  readonly next: string
}

export const ERRORS = {
  'message.not-json': {
    status: 400,
    title: 'The message is not valid JSON',
    next: 'Send one UTF-8 JSON object per message.',
  },
  'message.not-msgpack': {
    status: 400,
    title: 'The message is not valid MessagePack',
    next: 'Send one MessagePack map per message, or use JSON.',
  },
  'message.not-utf8': {
    status: 400,
    title: 'The message is not well-formed UTF-8',
    next: 'Encode all text as UTF-8 before sending.',
  },
  'message.too-deep': {
    status: 400,
    title: 'The message is nested too deeply',
    next: 'The contract needs at most 8 levels; look for a loop in the sender.',
  },
  'message.too-large': {
    status: 413,
    title: 'The message is larger than the gateway accepts',
    next: 'Send at most the size named in detail, in several messages where it is more.',
  },
  'message.invalid': {
    status: 422,
    title: 'A field is missing or has the wrong type',
    next: 'Compare the field named here with the schema of the message in the contract.',
  },
  'message.not-served': {
    status: 422,
    title: 'This version of the gateway does not serve the field',
    next: 'Leave the field out. Forms and attachments of an ask are part of the contract, and not served yet.',
  },
  'message.unknown-type': {
    status: 404,
    title: 'The gateway knows no message of this name',
    next: 'Use ask, played, feedback, event or reported.',
  },
  'answer.erased': {
    status: 410,
    title: 'The answer was erased with the personal data of its subject',
    next: 'Ask again with a new id.',
  },
  'topic.unknown': {
    status: 404,
    title: 'The topic is not part of the contract',
    next: 'Publish to kefu/v1/{deviceId}/ask, played, feedback, event or reported.',
  },
  'topic.denied': {
    status: 403,
    title: 'The configuration denies this topic',
    next: 'See denySubscribe under permissions in kefu-edge.yaml.',
  },
  'topic.not-yours': {
    status: 403,
    title: 'The topic belongs to another device',
    next: 'A device publishes and subscribes under its own id only; check the device id in its settings.',
  },
  'auth.missing': {
    status: 401,
    title: 'No credentials were given',
    next: 'HTTP: Authorization: Bearer TOKEN. MQTT: user name = device id, password = token. Make one with: kefu-edge device add ID --kind KIND',
  },
  'auth.refused': {
    status: 401,
    title: 'The device or its token is not known',
    next: 'Check the device id and token; make a new token with: kefu-edge device add ID --kind KIND --replace',
  },
  'auth.client-id': {
    status: 401,
    title: 'The MQTT client id is not that of the device',
    next: 'Use the device id as client id and as user name (mosquitto: -i ID -u ID); a second connection of the same device is ID:name.',
  },
  'auth.disabled': {
    status: 403,
    title: 'The device is switched off in the registry',
    next: 'Enable it with: kefu-edge device enable ID',
  },
  'auth.certificate': {
    status: 401,
    title: 'The client certificate is of another device',
    next: 'The CN or a DNS name of the certificate must be the device id, and the MQTT client id as well.',
  },
  'auth.no-certificate': {
    status: 401,
    title: 'No client certificate of the site was shown',
    next: 'Devices show one of tls.caFile on this port (tls.requireClientCertificate); issue the device one.',
  },
  'auth.certificate-expired': {
    status: 401,
    title: 'The client certificate, or one of those that issued it, has expired',
    next: 'Issue the device a new one. If it should not have: kefu-edge doctor says whether the clock of the box is right.',
  },
  'auth.certificate-early': {
    status: 401,
    title: 'The client certificate, or one of those that issued it, is not valid yet',
    next: 'Compare the clock of whoever issued it with that of the box (kefu-edge doctor).',
  },
  'auth.admin': {
    status: 401,
    title: 'The admin token is missing or wrong',
    next: 'Send Authorization: Bearer and the content of admin.token in the data folder.',
  },
  'auth.hello-timeout': {
    status: 408,
    title: 'The first frame (hello) did not come in time',
    next: 'Send {"type":"hello","deviceId":…,"token":…} within 5 seconds of connecting.',
  },
  'auth.backing-off': {
    status: 429,
    title: 'Too many failed logins from this address',
    next: 'Wait for the time named in detail, then log in with the right token.',
  },
  'enroll.claim-refused': {
    status: 403,
    title: 'The claim code is not valid',
    next: 'Make a new claim code: kefu-edge device claim --kind KIND for a new device, --device ID for another box in the place of one that is there. Each is good once, for an hour; one made for a device serves no other id.',
  },
  'permissions.changed': {
    status: 403,
    title: 'What the device may do has changed',
    next: 'Connect and subscribe anew. The operator sees what is left with: kefu-edge permissions --device ID',
  },
  'limit.rate': {
    status: 429,
    title: 'The device sends faster than it may',
    next: 'Slow down to the rate named in detail; see limits in kefu-edge.yaml.',
  },
  'limit.overloaded': {
    status: 503,
    title: 'The gateway is busy',
    next: 'Try again after a moment; the same ask id is answered once.',
  },
  'limit.no-room': {
    status: 503,
    title: 'There is no room for the message',
    next: 'It was not passed on, whatever a PUBACK of MQTT 3.1.1 says: send it again later. The log names a queue that is full; mqtt.maxQueuedMessages, queueOverflow and maxRetained set what is kept.',
  },
  'http.not-found': {
    status: 404,
    title: 'There is nothing at this address',
    next: 'See the list of addresses in the contract (POST /v1/ask, GET /healthz …).',
  },
  'http.method-not-allowed': {
    status: 405,
    title: 'This address does not take this method',
    next: 'Use the method named in detail.',
  },
  'http.unsupported-media-type': {
    status: 415,
    title: 'The content type is not supported',
    next: 'Send application/json (or application/msgpack).',
  },
  'session.not-yours': {
    status: 403,
    title: 'The session belongs to another subject',
    next: 'Leave out `session`, or send the subject that the session was opened for.',
  },
  'listen.failed': {
    status: 500,
    title: 'A port cannot be opened',
    next: 'In use: free the port or choose another (KEFU_HTTP_PORT, KEFU_MQTT_PORT, or http.port and mqtt.port in kefu-edge.yaml; 0 takes any free one). Not available: http.host or mqtt.host is no address of this machine. Access: ports below 1024 want a right of their own.',
  },
  'gateway.not-running': {
    status: 409,
    title: 'This needs a running gateway',
    next: 'Start it with kefu-edge start, then try again.',
  },
  'storage.open-failed': {
    status: 500,
    title: 'The database cannot be opened',
    next: 'Check that the data folder exists, is writable and is not in use by another gateway.',
  },
  'storage.in-use': {
    status: 409,
    title: 'Another gateway or a command is using this data folder',
    next: 'Stop that gateway (its process id stands in run.json), let the command end, or give this one another folder with --data.',
  },
  'storage.no-box': {
    status: 404,
    title: 'There is no box in this data folder',
    next: 'Name the folder of the box with --data DIR; nothing was made or changed here.',
  },
  'storage.newer-schema': {
    status: 500,
    title: 'The database was written by a newer version',
    next: 'Start the newer version, or restore a backup made with this one.',
  },
  'storage.older-schema': {
    status: 500,
    title: 'The database has an older schema',
    next: 'Start the gateway once with this version; it brings the database up to date.',
  },
  'storage.write-failed': {
    status: 503,
    title: 'The data folder could not be written',
    next: 'Nothing was accepted. Check free space and health of the disk (kefu-edge doctor); the device sends again.',
  },
  'storage.closed': {
    status: 503,
    title: 'The gateway is shutting down',
    next: 'Send again after the restart.',
  },
  'clock.before-program': {
    status: 409,
    title: 'The clock of the box is before this program was made',
    next: 'Set it first (timedatectl or NTP). It says {detail}.',
  },
  'config.invalid': {
    status: 500,
    title: 'The configuration is not valid',
    next: 'Mend the option named in detail in kefu-edge.yaml or the environment.',
  },
  'config.unreadable': {
    status: 500,
    title: 'The configuration file cannot be read',
    next: 'Check the path and the permissions: {detail}',
  },
  'pack.invalid': {
    status: 422,
    title: 'The pack has errors',
    next: 'Mend what the list names, then run: kefu-edge pack validate DIR',
  },
  'pack.score-lower': {
    status: 409,
    title: 'The pack answers too few of its test questions, or fewer than the version before',
    next: 'Look at the questions that broke (listed), mend examples or tests, and install again. Nothing was changed.',
  },
  'pack.risk-lower': {
    status: 409,
    title: 'The pack no longer understands questions of high risk that the one before understood',
    next: 'Give each listed question to its intent, among its questions or templates, and install again. Nothing was changed.',
  },
  'pack.drowns-another': {
    status: 409,
    title: 'Among all packs, emergencies or calls for a person go unheard that were heard before',
    next: 'Give each listed question to its intent, among the questions or templates of its pack, or take out of the new pack what sounds like it. Nothing was changed.',
  },
  'pack.not-installed': {
    status: 404,
    title: 'No pack of this name and version is installed',
    next: 'List what is there with: kefu-edge pack list',
  },
  'device.exists': {
    status: 409,
    title: 'A device with this id exists',
    next: 'Choose another id, or give it a new token with --replace.',
  },
  'twin.too-large': {
    status: 413,
    title: 'The twin of the device is larger than the gateway keeps',
    next: 'Keep settings and readings in the twin, few and short; send the rest as events.',
  },
  'device.unknown': {
    status: 404,
    title: 'No device with this id',
    next: 'List devices with: kefu-edge device list',
  },
  'device.password': {
    status: 422,
    title: 'The password is too short or too long',
    next: 'Choose 10 characters or more, best a sentence; detail names the bounds.',
  },
  'device.invalid': {
    status: 422,
    title: 'The device id, kind or group is not valid',
    next: 'Ids are 1–64 letters, digits, dot, dash, underscore and start with a letter or digit; kinds and groups are 1–32 lower-case letters, digits, dash and start with a letter.',
  },
  'ledger.acknowledged-unknown': {
    status: 409,
    title: 'The cloud core acknowledges entries that this box does not have',
    next: 'The data folder is older than what the core has: restore it with kefu-edge restore, which opens a new epoch.',
  },
  'counts.refused': {
    status: 502,
    title: 'The cloud core does not take the counts of this branch',
    next: 'They are sent again in an hour. {detail}',
  },
  'ledger.cosignature-refused': {
    status: 422,
    title: 'A cosignature does not belong to the checkpoint',
    next: 'Check the verifier key of the cloud core in kefu-edge.yaml: {detail}',
  },
  'ledger.corrupt': {
    status: 500,
    title: 'The ledger does not match its own record',
    next: 'Keep the file as it is and run: kefu-edge ledger verify --json',
  },
  'ledger.entry-too-large': {
    status: 413,
    title: 'One record is larger than the ledger takes',
    next: 'An entry holds at most 65,535 bytes; send long texts in parts: {detail}',
  },
  'ledger.export-not-empty': {
    status: 409,
    title: 'The folder for the export is not empty',
    next: 'Name a new or an empty folder: {detail}',
  },
  'ledger.export-not-written': {
    status: 500,
    title: 'The export could not be written',
    next: 'Name a folder that you may write to and that has room, and export again: what is there is not whole.',
  },
  'ledger.export-unreadable': {
    status: 422,
    title: 'The folder is not a ledger export',
    next: 'Name a folder made by: kefu-edge ledger export DIR',
  },
  'ledger.held': {
    status: 409,
    title: 'The data of this subject is under legal hold',
    next: 'Lift the hold first: kefu-edge subject release ID --kind KIND',
  },
  'ledger.no-cosigner': {
    status: 409,
    title: 'No key of the cloud core is pinned yet, so its cosignature cannot be judged',
    next: 'The gateway enrols by itself while cloud.enrolToken is set: set it to the present one of the core. Or put the verifier key of the core into cloud.cosigners.',
  },
  'ledger.key-files': {
    status: 500,
    title: 'The key files of the box cannot be used',
    next: 'Restore the folder keys/ of the data folder from the backup, readable by its owner alone: {detail}',
  },
  'ledger.key-unreadable': {
    status: 500,
    title: 'A data key cannot be opened with the master key of this box',
    next: 'Put back the master key that belongs to this data folder (keys/master.key): {detail}',
  },
  'ledger.lane-full': {
    status: 503,
    title: 'The ledger lane is full',
    next: 'The cloud has been away for too long: bring the link back, or raise limits.ledgerMaxPending (lane critical: limits.ledgerMaxPendingCritical) in kefu-edge.yaml where the disk has room.',
  },
  'ledger.not-quarantined': {
    status: 404,
    title: 'The core has not refused this entry',
    next: 'Look at the list with: kefu-edge ledger quarantined. Nothing was noted.',
  },
  'ledger.not-held': {
    status: 404,
    title: 'There is no legal hold for this person',
    next: 'Check ID and kind: kefu-edge subject holds lists when each was set, and why. Nothing was changed.',
  },
  'ledger.no-lost-end': {
    status: 404,
    title: 'No end of the record was lost before this epoch',
    next: 'Look at what is missing with: kefu-edge ledger verify. Nothing was noted.',
  },
  'ledger.no-checkpoint': {
    status: 409,
    title: 'The ledger has no signed checkpoint yet',
    next: 'Let the gateway run for a minute or stop it in order; both write one.',
  },
  'backup.exists': {
    status: 409,
    title: 'There is a file of this name already',
    next: 'Name another file, or a folder: the file then gets its name from the time.',
  },
  'bundle.not-written': {
    status: 500,
    title: 'The support bundle could not be written',
    next: 'Name a file in a folder that is there, that you may write to, and that has room.',
  },
  'backup.failed': {
    status: 500,
    title: 'The backup could not be made',
    next: 'Nothing was left behind. Check the folder, its rights and its free space, and try again.',
  },
  'backup.unreadable': {
    status: 422,
    title: 'The file is not a whole backup',
    next: 'Nothing was changed. Take another copy of the backup, or an older one.',
  },
  'backup.folder-not-empty': {
    status: 409,
    title: 'The data folder is not empty',
    next: 'Name a new folder with --data, or put the old one aside by adding --force.',
  },
  'schedule.unknown-job': {
    status: 404,
    title: 'There is no job of this name',
    next: 'Look at the list of jobs with: kefu-edge status',
  },
  'schedule.job-failed': {
    status: 500,
    title: 'The job was begun and failed',
    next: 'Look at what it says with: kefu-edge status; mend that and order it again.',
  },
  'schedule.job-running': {
    status: 409,
    title: 'The job runs already, or the gateway is stopping',
    next: 'Wait until it has ended (kefu-edge status) and order it again.',
  },
  'release.not-said': {
    status: 409,
    title: 'No device here says the announcement',
    next: 'The outcome at each device says why. duplicate: this id was announced before; publish with another one or none. expired, quiet: set a later expiresAt, or priority urgent. queue-full: wait until what the device has to say is said.',
  },
  internal: {
    status: 500,
    title: 'The gateway made a mistake',
    next: 'Nothing was accepted; the device may send again. Please report the log lines with this code.',
  },
} as const satisfies Record<string, ErrorEntry>

export type ErrorCode = keyof typeof ERRORS
