/*
 * Preloaded into a gateway or a core under test (LD_PRELOAD). Three things, all off unless asked for:
 *
 * 1. A journal of what the program writes to files of one folder and what it has synced, in the order it
 *    happened. With it the folder is made again as a disk may leave it at a power cut: what was written
 *    after a file's last fsync may be there, not be there, or be torn (power-cut.ts has the model).
 * 2. A disk that refuses: a budget of bytes (then ENOSPC, with short writes at the border), or an error
 *    for everything that changes it (EROFS, EIO).
 * 3. A wall clock that is wrong by so many milliseconds; the monotonic clock stays.
 *
 * KEFU_FAULTS_FOLDER   absolute path of the folder, without a slash at its end
 * KEFU_FAULTS_JOURNAL  file for 1, appended to
 * KEFU_FAULTS_CONTROL  file of `struct control`, mapped and read at each call, for 2 and 3
 *
 * Not covered: memory-mapped writes (SQLite maps only its -shm file, which no power cut survives), io_uring
 * (switched off by UV_USE_IO_URING=0), copy_file_range and sendfile.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

struct control {
  int64_t clock_offset_ms;
  /* Bytes that may still be written; negative: no limit. */
  int64_t bytes_left;
  /* 0: the disk takes everything. */
  int64_t refuse_errno;
  /* How often one of these took effect. */
  int64_t bites;
};

enum kind { OPEN = 1, WRITE = 2, TRUNCATE = 3, SYNC = 4, RENAME = 5, UNLINK = 6 };

/* One record of the journal; `length` bytes follow: data, or a path, or two paths with a NUL between. */
struct record {
  uint32_t magic;
  uint32_t kind;
  uint64_t inode;
  uint64_t offset;
  uint64_t length;
};
#define MAGIC 0x4b464a31u
/* File descriptors above this are not of files in the folder: a box holds a dozen of those. */
#define MAX_FD 65536

static const char *folder;
static size_t folder_length;
static int journal = -1;
static volatile struct control *control;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/* Inode of the files of the folder that are open for writing or syncing; 0 elsewhere. */
static ino_t inode_of[MAX_FD];

#define REAL(type, name, ...) \
  static type (*real_##name)(__VA_ARGS__); \
  if (!real_##name) *(void **)&real_##name = dlsym(RTLD_NEXT, #name)

__attribute__((constructor)) static void begin(void) {
  folder = getenv("KEFU_FAULTS_FOLDER");
  folder_length = folder ? strlen(folder) : 0;
  const char *control_file = getenv("KEFU_FAULTS_CONTROL");
  if (control_file) {
    int fd = open(control_file, O_RDWR | O_CLOEXEC);
    if (fd >= 0) {
      void *page = mmap(NULL, sizeof(struct control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
      if (page != MAP_FAILED) control = page;
      close(fd);
    }
  }
  const char *journal_file = getenv("KEFU_FAULTS_JOURNAL");
  if (journal_file) {
    int fd = open(journal_file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (fd >= 0) journal = fd;
  }
}

static int is_ours(const char *path) {
  return folder_length > 0 && strncmp(path, folder, folder_length) == 0 && path[folder_length] == '/';
}

/* The number may have been given to a socket since, where its file was closed past `close` below. */
static ino_t ours(int fd) {
  if (fd < 0 || fd >= MAX_FD || !inode_of[fd]) return 0;
  struct stat is;
  int kept = errno;
  if (fstat(fd, &is) != 0 || !S_ISREG(is.st_mode) || is.st_ino != inode_of[fd]) inode_of[fd] = 0;
  errno = kept;
  return inode_of[fd];
}

/* One writev with O_APPEND: a SIGKILL leaves at most the last record incomplete, and the reader drops it. */
static void note(enum kind kind, uint64_t inode, uint64_t offset, const void *bytes, size_t length) {
  if (journal < 0) return;
  REAL(ssize_t, writev, int, const struct iovec *, int);
  struct record record = {MAGIC, kind, inode, offset, length};
  struct iovec parts[2] = {{&record, sizeof record}, {(void *)bytes, length}};
  int kept = errno;
  if (real_writev(journal, parts, 2) < 0) abort();
  errno = kept;
}

static void bit(void) { __atomic_add_fetch(&control->bites, 1, __ATOMIC_RELAXED); }

/* How much of a write of `wanted` bytes the disk takes; -1 with errno when nothing. */
static ssize_t admit(size_t wanted) {
  if (!control) return (ssize_t)wanted;
  if (control->refuse_errno) {
    bit();
    errno = (int)control->refuse_errno;
    return -1;
  }
  int64_t left = control->bytes_left;
  if (left < 0) return (ssize_t)wanted;
  if (left < (int64_t)wanted) bit();
  if (left == 0) {
    errno = ENOSPC;
    return -1;
  }
  int64_t taken = left < (int64_t)wanted ? left : (int64_t)wanted;
  control->bytes_left = left - taken;
  return (ssize_t)taken;
}

static int refuses(void) {
  if (!control || !control->refuse_errno) return 0;
  bit();
  errno = (int)control->refuse_errno;
  return 1;
}

static int opened(int fd, const char *path, int flags) {
  if (fd < 0 || fd >= MAX_FD) return fd;
  inode_of[fd] = 0;
  struct stat is;
  if (!is_ours(path) || fstat(fd, &is) != 0 || !S_ISREG(is.st_mode)) return fd;
  inode_of[fd] = is.st_ino;
  note(OPEN, is.st_ino, 0, path + folder_length + 1, strlen(path + folder_length + 1));
  if (flags & O_TRUNC) note(TRUNCATE, is.st_ino, 0, NULL, 0);
  return fd;
}

#define CHANGES (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC)

static int open_any(const char *name, int dir, const char *path, int flags, mode_t mode) {
  REAL(int, openat64, int, const char *, int, ...);
  (void)name;
  int is_in = is_ours(path);
  if (is_in && (flags & CHANGES) && refuses()) return -1;
  if (!is_in) return real_openat64(dir, path, flags, mode);
  pthread_mutex_lock(&lock);
  int fd = opened(real_openat64(dir, path, flags, mode), path, flags);
  pthread_mutex_unlock(&lock);
  return fd;
}

#define MODE_OF(flags) \
  mode_t mode = 0; \
  if ((flags) & (O_CREAT | O_TMPFILE)) { \
    va_list more; \
    va_start(more, flags); \
    mode = va_arg(more, mode_t); \
    va_end(more); \
  }

int open(const char *path, int flags, ...) {
  MODE_OF(flags)
  return open_any("open", AT_FDCWD, path, flags, mode);
}
int open64(const char *path, int flags, ...) {
  MODE_OF(flags)
  return open_any("open64", AT_FDCWD, path, flags, mode);
}
int openat(int dir, const char *path, int flags, ...) {
  MODE_OF(flags)
  return open_any("openat", dir, path, flags, mode);
}
int openat64(int dir, const char *path, int flags, ...) {
  MODE_OF(flags)
  return open_any("openat64", dir, path, flags, mode);
}

int close(int fd) {
  REAL(int, close, int);
  if (fd >= 0 && fd < MAX_FD) inode_of[fd] = 0;
  return real_close(fd);
}

static ssize_t write_at(int fd, const void *bytes, size_t length, off64_t offset, int is_positioned) {
  REAL(ssize_t, pwrite64, int, const void *, size_t, off64_t);
  REAL(ssize_t, write, int, const void *, size_t);
  ino_t inode = ours(fd);
  if (!inode) return is_positioned ? real_pwrite64(fd, bytes, length, offset) : real_write(fd, bytes, length);
  pthread_mutex_lock(&lock);
  ssize_t taken = admit(length);
  if (taken >= 0) {
    if (!is_positioned) {
      int flags = fcntl(fd, F_GETFL);
      offset = lseek64(fd, 0, flags & O_APPEND ? SEEK_END : SEEK_CUR);
    }
    taken = is_positioned ? real_pwrite64(fd, bytes, (size_t)taken, offset)
                          : real_write(fd, bytes, (size_t)taken);
    if (taken > 0) note(WRITE, inode, (uint64_t)offset, bytes, (size_t)taken);
  }
  pthread_mutex_unlock(&lock);
  return taken;
}

ssize_t write(int fd, const void *bytes, size_t length) { return write_at(fd, bytes, length, 0, 0); }
ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset) {
  return write_at(fd, bytes, length, offset, 1);
}
ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t offset) {
  return write_at(fd, bytes, length, offset, 1);
}

/* A write of parts, part by part: an end within is a short write, which every caller must stand. */
static ssize_t write_parts(int fd, const struct iovec *parts, int count, off64_t offset, int is_positioned) {
  ssize_t total = 0;
  for (int n = 0; n < count; n++) {
    ssize_t taken = write_at(fd, parts[n].iov_base, parts[n].iov_len, offset + total, is_positioned);
    if (taken < 0) return total > 0 ? total : -1;
    total += taken;
    if ((size_t)taken < parts[n].iov_len) break;
  }
  return total;
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
  REAL(ssize_t, writev, int, const struct iovec *, int);
  return ours(fd) ? write_parts(fd, parts, count, 0, 0) : real_writev(fd, parts, count);
}
ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset) {
  REAL(ssize_t, pwritev, int, const struct iovec *, int, off_t);
  return ours(fd) ? write_parts(fd, parts, count, offset, 1) : real_pwritev(fd, parts, count, offset);
}
ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t offset) {
  REAL(ssize_t, pwritev64, int, const struct iovec *, int, off64_t);
  return ours(fd) ? write_parts(fd, parts, count, offset, 1) : real_pwritev64(fd, parts, count, offset);
}

static int truncate_to(int fd, off64_t length) {
  REAL(int, ftruncate64, int, off64_t);
  ino_t inode = ours(fd);
  if (!inode) return real_ftruncate64(fd, length);
  if (refuses()) return -1;
  pthread_mutex_lock(&lock);
  int result = real_ftruncate64(fd, length);
  if (result == 0) note(TRUNCATE, inode, (uint64_t)length, NULL, 0);
  pthread_mutex_unlock(&lock);
  return result;
}
int ftruncate(int fd, off_t length) { return truncate_to(fd, length); }
int ftruncate64(int fd, off64_t length) { return truncate_to(fd, length); }

/* The program may rely on it only after the call: so the note is made after it too. */
static int synced(int fd, int result) {
  ino_t inode = ours(fd);
  if (result == 0 && inode) {
    pthread_mutex_lock(&lock);
    note(SYNC, inode, 0, NULL, 0);
    pthread_mutex_unlock(&lock);
  }
  return result;
}

/* On a folder the inode is 0: everything that happened to names is on disk then. */
static int synced_names(int fd, int result) {
  struct stat is;
  if (result == 0 && journal >= 0 && fstat(fd, &is) == 0 && S_ISDIR(is.st_mode)) {
    pthread_mutex_lock(&lock);
    note(SYNC, 0, 0, NULL, 0);
    pthread_mutex_unlock(&lock);
  }
  return result;
}

static int refuses_sync(int fd) {
  if (!ours(fd) || !control || !control->refuse_errno) return 0;
  errno = EIO;
  return 1;
}
int fsync(int fd) {
  REAL(int, fsync, int);
  return refuses_sync(fd) ? -1 : synced_names(fd, synced(fd, real_fsync(fd)));
}
int fdatasync(int fd) {
  REAL(int, fdatasync, int);
  return refuses_sync(fd) ? -1 : synced(fd, real_fdatasync(fd));
}

int rename(const char *from, const char *to) {
  REAL(int, rename, const char *, const char *);
  if (!is_ours(from) || !is_ours(to)) return real_rename(from, to);
  if (refuses()) return -1;
  pthread_mutex_lock(&lock);
  int result = real_rename(from, to);
  if (result == 0) {
    const char *names[] = {from + folder_length + 1, to + folder_length + 1};
    char both[8192];
    int length = snprintf(both, sizeof both, "%s%c%s", names[0], 0, names[1]);
    note(RENAME, 0, 0, both, (size_t)length);
  }
  pthread_mutex_unlock(&lock);
  return result;
}

int unlink(const char *path) {
  REAL(int, unlink, const char *);
  if (!is_ours(path)) return real_unlink(path);
  if (refuses()) return -1;
  pthread_mutex_lock(&lock);
  int result = real_unlink(path);
  if (result == 0) note(UNLINK, 0, 0, path + folder_length + 1, strlen(path + folder_length + 1));
  pthread_mutex_unlock(&lock);
  return result;
}

int clock_gettime(clockid_t id, struct timespec *now) {
  REAL(int, clock_gettime, clockid_t, struct timespec *);
  int result = real_clock_gettime(id, now);
  if (result == 0 && control && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) {
    int64_t offset = control->clock_offset_ms;
    if (offset) bit();
    int64_t ns = now->tv_nsec + (offset % 1000) * 1000000;
    now->tv_sec += offset / 1000;
    if (ns < 0) ns += 1000000000, now->tv_sec -= 1;
    if (ns >= 1000000000) ns -= 1000000000, now->tv_sec += 1;
    now->tv_nsec = ns;
  }
  return result;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
  (void)zone;
  struct timespec precise;
  int result = clock_gettime(CLOCK_REALTIME, &precise);
  now->tv_sec = precise.tv_sec;
  now->tv_usec = precise.tv_nsec / 1000;
  return result;
}

time_t time(time_t *where) {
  struct timespec precise;
  clock_gettime(CLOCK_REALTIME, &precise);
  if (where) *where = precise.tv_sec;
  return precise.tv_sec;
}
