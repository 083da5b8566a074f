// A disk with a bad sector: reads of one file that touch a range of bytes fail. Preloaded into the command.
//
//   BAD_NAME    how the file's name ends
//   BAD_FROM    the first byte that cannot be read
//   BAD_UNTIL   the first one that can be read again
//   BAD_ERROR   the error's number
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static int is_bad(int fd, size_t size, off_t offset) {
    const char *name = getenv("BAD_NAME");
    const char *from = getenv("BAD_FROM");
    const char *until = getenv("BAD_UNTIL");
    const char *error = getenv("BAD_ERROR");
    if (name == NULL || from == NULL || until == NULL || error == NULL) return 0;
    if (offset >= atoll(until) || offset + (off_t)size <= atoll(from)) return 0;
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < (ssize_t)strlen(name) || strncmp(path + length - strlen(name), name, strlen(name)) != 0) return 0;
    errno = atoi(error);
    return 1;
}

ssize_t pread64(int fd, void *buffer, size_t size, off_t offset) {
    static ssize_t (*real)(int, void *, size_t, off_t);
    if (is_bad(fd, size, offset)) return -1;
    if (real == NULL) real = (ssize_t (*)(int, void *, size_t, off_t))dlsym(RTLD_NEXT, "pread64");
    return real(fd, buffer, size, offset);
}

ssize_t read(int fd, void *buffer, size_t size) {
    static ssize_t (*real)(int, void *, size_t);
    off_t offset = lseek(fd, 0, SEEK_CUR);
    if (offset >= 0 && is_bad(fd, size, offset)) return -1;
    if (real == NULL) real = (ssize_t (*)(int, void *, size_t))dlsym(RTLD_NEXT, "read");
    return real(fd, buffer, size);
}

ssize_t copy_file_range(int in, off_t *in_at, int out, off_t *out_at, size_t size, unsigned flags) {
    static ssize_t (*real)(int, off_t *, int, off_t *, size_t, unsigned);
    off_t offset = in_at != NULL ? *in_at : lseek(in, 0, SEEK_CUR);
    if (is_bad(in, size, offset)) return -1;
    if (real == NULL) real = (ssize_t (*)(int, off_t *, int, off_t *, size_t, unsigned))dlsym(RTLD_NEXT, "copy_file_range");
    return real(in, in_at, out, out_at, size, flags);
}
