/* Loaded before libc (LD_PRELOAD): lets the n-th change of a file under a folder fail, or kill, or take its time.
   Counted as changes: write, pwrite, ftruncate, fsync, rename, and open where a file is to be made. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

enum { OFF, FULL, ONCE, KILL, SLOW };
static char folder[4096];
static long left = -1, counted = 0;
static int mode = OFF, micros = 0;

void disk_arm(const char *path, long at, int what, int slowness) {
    strncpy(folder, path, sizeof folder - 1);
    left = at;
    counted = 0;
    mode = what;
    micros = slowness;
}

long disk_count(void) { return counted; }

static int inside_path(const char *path) { return path && folder[0] && strncmp(path, folder, strlen(folder)) == 0; }

static int inside(int fd) {
    char link[64], path[4096];
    if (!folder[0]) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    if (n < 0) return 0;
    path[n] = 0;
    return inside_path(path);
}

/* 0: go on; 1: fail; 2: fail after half of it (the write on which the disk runs full) */
static int fails(void) {
    counted++;
    if (mode == SLOW) usleep(micros);
    if (left < 0 || mode == OFF || mode == SLOW) return 0;
    if (--left > 0) return 0;
    if (mode == KILL) kill(getpid(), SIGKILL);
    if (mode == ONCE) {
        if (left < 0) return 0;
        return 1;
    }
    int first = left == 0;
    left = 0;
    return first ? 2 : 1;
}

#define REAL(name) static __typeof__(&name) real; if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

ssize_t write(int fd, const void *data, size_t n) {
    REAL(write);
    int how = inside(fd) ? fails() : 0;
    if (how == 2 && n > 1) return real(fd, data, n / 2);
    if (how) { errno = ENOSPC; return -1; }
    return real(fd, data, n);
}
#define PWRITE(name, off)                                                 \
    ssize_t name(int fd, const void *data, size_t n, off at) {            \
        REAL(name);                                                       \
        int how = inside(fd) ? fails() : 0;                               \
        if (how == 2 && n > 1) return real(fd, data, n / 2, at);          \
        if (how) { errno = ENOSPC; return -1; }                           \
        return real(fd, data, n, at);                                     \
    }
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)
#define CUT(name, off)                                                    \
    int name(int fd, off size) {                                          \
        REAL(name);                                                       \
        if (inside(fd) && fails()) { errno = ENOSPC; return -1; }         \
        return real(fd, size);                                            \
    }
CUT(ftruncate, off_t)
CUT(ftruncate64, off64_t)
int fsync(int fd) {
    REAL(fsync);
    if (inside(fd) && fails()) { errno = ENOSPC; return -1; }
    return real(fd);
}
int fdatasync(int fd) {
    REAL(fdatasync);
    if (inside(fd) && fails()) { errno = ENOSPC; return -1; }
    return real(fd);
}
int rename(const char *from, const char *to) {
    REAL(rename);
    if (inside_path(to) && fails()) { errno = ENOSPC; return -1; }
    return real(from, to);
}
#define OPEN(name)                                                        \
    int name(const char *path, int flags, ...) {                          \
        REAL(name);                                                       \
        va_list rest;                                                     \
        va_start(rest, flags);                                            \
        mode_t rights = flags & O_CREAT ? va_arg(rest, mode_t) : 0;       \
        va_end(rest);                                                     \
        if (flags & O_CREAT && inside_path(path) && access(path, F_OK) != 0 && fails()) { \
            errno = ENOSPC;                                               \
            return -1;                                                    \
        }                                                                 \
        return real(path, flags, rights);                                 \
    }
OPEN(open)
OPEN(open64)
