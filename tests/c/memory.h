/* A device in memory, with ways to misbehave; and checks that say what they expected. */
#ifndef MEMORY_H
#define MEMORY_H

#include "aof.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MEMORY_SIZE 16384

struct memory {
    unsigned char bytes[MEMORY_SIZE];
    uint64_t size; /* of the device; writes behind it are refused */
    uint64_t end;  /* of what is on it */
    uint64_t position;
    int fails;       /* the code of the next call; 0: none fails */
    size_t lies;     /* added to the counts of reads and writes */
    int silent;      /* counts and sizes are not set */
    int syncs;       /* how many there were */
    int (*meanwhile)(void); /* called by each read */
};

static struct memory memory;

static int fails(void)
{
    int code = memory.fails;
    memory.fails = 0;
    return code;
}

static int memory_read(void *context, void *buffer, size_t size, size_t *count)
{
    struct memory *device = (struct memory *)context;
    uint64_t rest = device->end > device->position ? device->end - device->position : 0;
    size_t read = size < rest ? size : (size_t)rest;
    if (device->meanwhile != NULL) {
        device->meanwhile();
    }
    memcpy(buffer, device->bytes + device->position, read);
    device->position += read;
    if (!device->silent) {
        *count = read + device->lies;
    }
    return fails();
}

static int memory_write(void *context, const void *bytes, size_t size, size_t *count)
{
    struct memory *device = (struct memory *)context;
    size_t room = (size_t)(device->size - device->position);
    size_t written = size < room ? size : room;
    memcpy(device->bytes + device->position, bytes, written);
    device->position += written;
    if (device->end < device->position) {
        device->end = device->position;
    }
    if (!device->silent) {
        *count = written + device->lies;
    }
    return fails();
}

static int memory_seek(void *context, uint64_t offset)
{
    struct memory *device = (struct memory *)context;
    device->position = offset < device->size ? offset : device->size;
    return fails();
}

static int memory_size(void *context, uint64_t *size)
{
    struct memory *device = (struct memory *)context;
    if (!device->silent) {
        *size = device->end;
    }
    return fails();
}

static int memory_sync(void *context)
{
    struct memory *device = (struct memory *)context;
    device->syncs++;
    return fails();
}

/* An empty device. */
static aof_device memory_device(void)
{
    aof_device device;
    memset(&memory, 0, sizeof memory);
    memory.size = MEMORY_SIZE;
    device.context = &memory;
    device.read = memory_read;
    device.write = memory_write;
    device.seek = memory_seek;
    device.size = memory_size;
    device.sync = memory_sync;
    return device;
}

static int failed;

/* Whether two numbers are the same; says so if not. */
#define EXPECT(expected, actual) expect(__LINE__, #actual, (uint64_t)(int64_t)(expected), (uint64_t)(int64_t)(actual))

static void expect(int line, const char *what, uint64_t expected, uint64_t actual)
{
    if (expected != actual) {
        failed = 1;
        printf("line %d: %s is %lld, expected %lld\n", line, what, (long long)actual, (long long)expected);
    }
}

/* Opens a writer over `device` and appends `count` entries whose bodies have 0, 1, 2 ... times `step` bytes. */
static void append_entries(const aof_device *device, int32_t profile, int count, size_t step)
{
    static unsigned char body[4096];
    aof_writer writer = {{0}};
    aof_options options = {0};
    aof_request request = {0};
    int index;
    options.profile = profile;
    request.operation = 6;
    EXPECT(AOF_OK, aof_writer_open(&writer, sizeof writer, device, NULL, &options, NULL));
    for (index = 0; index < count; index++) {
        request.timestamp_ns = (uint64_t)index + 1;
        memset(body, index, sizeof body);
        EXPECT(AOF_OK, aof_writer_append(&writer, &request, body, (size_t)index * step, NULL, NULL));
    }
    EXPECT(AOF_OK, aof_writer_checkpoint(&writer, NULL));
    EXPECT(AOF_OK, aof_writer_close(&writer));
}

#endif
