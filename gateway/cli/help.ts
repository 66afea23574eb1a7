/** What `kefu-edge --help` says. */
export const HELP = `kefu-edge: the edge gateway for intelligent customer service (客服边缘网关)

  start [--data DIR] [--config FILE] [--demo]       run the gateway
  device add ID --kind KIND [--group G] [--replace] add a device; prints JSON with its token
  device add ID --kind staff --password-stdin       the same with a password instead of a token
  device update ID [--kind KIND] [--group G]        in force at once, for who is connected too
  device list | enable ID … | disable ID … | remove ID …
  device claim --kind KIND [--group G]              a claim code for a device straight out of its box
  device claim --device ID                          a claim code for another box in the place of this device
  permissions [--device ID]                         who may use which topics
  reload                                            permissions and certificates anew, without a restart
  twin ID [FIELD=VALUE …] | --group G FIELD=VALUE … what a device should be and what it says it is
  ask "…" [--explain] [--lang zh|en] [--session S]  ask the box a question
  announce "…" --device ID … | --group G …          have devices say it (kefu-edge announce --help)
  pack validate DIR | install DIR | list | rollback NAME | remove NAME
  language train|predict|evaluate …                 (kefu-edge language --help)
  ledger verify|status|quarantined|handled|export … (kefu-edge ledger --help)
  subject export|erase …                            what is kept of a person
  status                                            the box in one look
  doctor                                            what is wrong, and what to do
  clock accept                                      the clock is right, though it was later once
  config                                            every option, its default and its value here
  backup FILE|DIR                                   copy everything while the box runs
  restore FILE --data DIR [--force]                 make a data folder from a backup
  support-bundle FILE                               what a supporter needs, without personal data
  version                                           of this program; also --version

Every command takes --data DIR (default: KEFU_DATA, else ./.kefu), --config FILE and --json.
Exit codes: 0 done, 1 found wrong, 2 used wrong.`
