/* The program on a desktop: a log is a file of stdio. For tests, with sanitizers. */

#include "log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static FILE *file;

static int code(void)
{
    return errno != 0 ? errno : -1;
}

static int file_read(void *context, void *buffer, size_t size, size_t *count)
{
    (void)context;
    *count = fread(buffer, 1, size, file);
    return ferror(file) ? code() : 0;
}

static int file_write(void *context, const void *bytes, size_t size, size_t *count)
{
    (void)context;
    *count = fwrite(bytes, 1, size, file);
    return ferror(file) ? code() : 0;
}

static int file_seek(void *context, uint64_t offset)
{
    (void)context;
    return fseeko(file, (off_t)offset, SEEK_SET) != 0 ? code() : 0;
}

static int file_size(void *context, uint64_t *size)
{
    off_t end;
    (void)context;
    if (fseeko(file, 0, SEEK_END) != 0) {
        return code();
    }
    end = ftello(file);
    *size = (uint64_t)end;
    return end < 0 ? code() : 0;
}

static int file_sync(void *context)
{
    (void)context;
    return fflush(file) != 0 || fsync(fileno(file)) != 0 ? code() : 0;
}

int platform_open(aof_device *device, const char *path, int writes)
{
    file = fopen(path, writes ? "r+b" : "rb");
    device->context = NULL;
    device->read = file_read;
    device->write = file_write;
    device->seek = file_seek;
    device->size = file_size;
    device->sync = file_sync;
    return file == NULL ? code() : 0;
}

void platform_close(void)
{
    (void)fclose(file);
}

void platform_print(const char *text, size_t size)
{
    (void)fwrite(text, 1, size, stdout);
}

/* `log guide FILE` runs the code of the guide. */
int main(int count, char **words)
{
    if (count == 3 && strcmp(words[1], "guide") == 0) {
        unsigned char buffer[512];
        aof_device device;
        aof_failure failure;
        aof_error error;
        if (platform_open(&device, words[2], 1) != 0) {
            return 2;
        }
        error = log_one(&device, buffer, sizeof buffer, &failure);
        platform_close();
        puts(aof_error_message(error));
        return error == AOF_OK ? 0 : 1;
    }
    return log_run((size_t)count, (const char *const *)words);
}
