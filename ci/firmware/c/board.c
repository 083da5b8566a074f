/* The program of log.h on the board: its command line, and files of the host as devices. */

#include "board.h"
#include "log.h"

static int code(void)
{
    int32_t code = semihosting(SYS_ERRNO, NULL);
    return code != 0 ? (int)code : -1;
}

static int32_t host_open(const char *path, uint32_t mode)
{
    uint32_t block[3];
    uint32_t size = 0;
    while (path[size] != 0) {
        size++;
    }
    block[0] = (uint32_t)path;
    block[1] = mode;
    block[2] = size;
    return semihosting(SYS_OPEN, block);
}

/* ---- the platform: a file of the host as a device */

static uint32_t file;

static int file_read(void *context, void *buffer, size_t size, size_t *count)
{
    uint32_t block[3];
    int32_t missing;
    (void)context;
    block[0] = file;
    block[1] = (uint32_t)buffer;
    block[2] = size;
    missing = semihosting(SYS_READ, block); /* how many were not read; all of them at the end */
    if (missing < 0) {
        return code();
    }
    *count = size - (size_t)missing;
    return 0;
}

static int file_write(void *context, const void *bytes, size_t size, size_t *count)
{
    uint32_t block[3];
    int32_t missing;
    (void)context;
    block[0] = file;
    block[1] = (uint32_t)bytes;
    block[2] = size;
    missing = semihosting(SYS_WRITE, block);
    if (missing < 0) {
        return code();
    }
    *count = size - (size_t)missing;
    return 0;
}

static int file_seek(void *context, uint64_t offset)
{
    uint32_t block[2];
    (void)context;
    if (offset > INT32_MAX) {
        return -1; /* farther than semihosting goes */
    }
    block[0] = file;
    block[1] = (uint32_t)offset;
    return semihosting(SYS_SEEK, block) != 0 ? code() : 0;
}

static int file_size(void *context, uint64_t *size)
{
    int32_t end = semihosting(SYS_FLEN, &file);
    (void)context;
    if (end < 0) {
        return code();
    }
    *size = (uint64_t)end;
    return 0;
}

/* Semihosting has no sync: what this says is that the host's write was done. The entries outlive the device and
 * the emulator, not the host. On a device of your own make what was written durable here. */
static int file_sync(void *context)
{
    (void)context;
    return 0;
}

int platform_open(aof_device *device, const char *path, int writes)
{
    int32_t handle = host_open(path, writes ? MODE_UPDATE : MODE_READ);
    if (handle < 0) {
        return code();
    }
    file = (uint32_t)handle;
    device->context = NULL;
    device->read = file_read;
    device->write = file_write;
    device->seek = file_seek;
    device->size = file_size;
    device->sync = file_sync;
    return 0;
}

void platform_close(void)
{
    (void)semihosting(SYS_CLOSE, &file);
}

void platform_print(const char *text, size_t size)
{
    static uint32_t console; /* 0: not open; the host's handles begin at 1 */
    uint32_t block[3];
    if (console == 0) {
        console = (uint32_t)host_open(":tt", MODE_WRITE); /* standard output */
    }
    block[0] = console;
    block[1] = (uint32_t)text;
    block[2] = size;
    (void)semihosting(SYS_WRITE, block);
}

/* ---- the command line */

#define WORDS_MAX 8

/* Cuts the command line at its blanks: one word less than WORDS_MAX at most. */
static size_t cut(char *text, const char **words)
{
    size_t count = 0;
    while (*text != 0 && count < WORDS_MAX - 1) {
        while (*text == ' ') {
            *text++ = 0;
        }
        if (*text != 0) {
            words[count++] = text;
        }
        while (*text != 0 && *text != ' ') {
            text++;
        }
    }
    return count;
}

int start(void)
{
    static char line[256];
    const char *words[WORDS_MAX];
    uint32_t block[2];
    block[0] = (uint32_t)line;
    block[1] = sizeof line;
    if (semihosting(SYS_GET_CMDLINE, block) != 0) {
        return 2;
    }
    words[0] = "log";
    return log_run(1 + cut(line, words + 1), words);
}
