/* Programs that are measured: how much flash and RAM the library takes in somebody's firmware, in C. `JOB` chooses
 * one (0: nothing, 1: verify, 2: append, 3: recover), `PROFILE` a profile. With `MEASURE` the program runs in an
 * emulator and prints how deep the stack was. Without it is linked and not run. */

#include "aof.h"
#include "board.h"

#define BUFFER_SIZE 512
#define FLASH_SIZE 4096

/* ---- a flash that is mapped into memory: as small as a driver can be, since it is counted */

static uint8_t flash[FLASH_SIZE];
static uint32_t flash_size, position;

static void copy(uint8_t *target, const uint8_t *source, size_t size)
{
    while (size-- > 0) {
        *target++ = *source++;
    }
}

static int flash_read(void *context, void *buffer, size_t size, size_t *count)
{
    size_t rest = flash_size - position;
    (void)context;
    *count = size < rest ? size : rest;
    copy(buffer, flash + position, *count);
    position += *count;
    return 0;
}

static int flash_write(void *context, const void *bytes, size_t size, size_t *count)
{
    size_t rest = FLASH_SIZE - position;
    (void)context;
    *count = size < rest ? size : rest;
    copy(flash + position, bytes, *count);
    position += *count;
    flash_size = position;
    return 0;
}

static int flash_seek(void *context, uint64_t offset)
{
    (void)context;
    position = offset < FLASH_SIZE ? (uint32_t)offset : FLASH_SIZE;
    return 0;
}

static int flash_length(void *context, uint64_t *size)
{
    (void)context;
    *size = flash_size;
    return 0;
}

static int flash_sync(void *context)
{
    (void)context;
    return 0;
}

static const aof_device device = {NULL, flash_read, flash_write, flash_seek, flash_length, flash_sync};
static const aof_options options = {.profile = PROFILE};
static uint64_t buffer[BUFFER_SIZE / 8];

/* ---- the jobs: each gives how many entries it counted, or -1 */

#if JOB == 1
static int32_t verify(void)
{
    aof_report report;
    if (aof_verify(&device, buffer, sizeof buffer, &options, NULL, NULL, &report, NULL) != AOF_OK) {
        return -1;
    }
    return (int32_t)report.entries;
}
#endif

#if JOB == 2 || (JOB != 0 && defined MEASURE)
/* Appends three entries to an empty log, with a checkpoint behind them. */
static int32_t append(void)
{
    aof_writer writer = {{0}};
    aof_request request = {0};
    int32_t entries;
    if (aof_writer_open(&writer, sizeof writer, &device, NULL, &options, NULL) != AOF_OK) {
        return -1;
    }
    request.operation = 6;
    for (entries = 0; entries < 3; entries++) {
        request.timestamp_ns++;
        if (aof_writer_append(&writer, &request, buffer, sizeof buffer, NULL, NULL) != AOF_OK) {
            return -1;
        }
    }
    return aof_writer_checkpoint(&writer, NULL) == AOF_OK ? entries : -1;
}
#endif

#if JOB == 3
/* Finds the log's end, and makes what stands behind it zero. */
static int32_t recover(void)
{
    aof_tail tail;
    if (aof_recover(&device, buffer, sizeof buffer, &options, &tail, NULL) != AOF_OK
        || aof_clean(&device, &tail, NULL) != AOF_OK) {
        return -1;
    }
    return (int32_t)tail.entries;
}
#endif

static int32_t job(void)
{
#if JOB == 1
    return verify();
#elif JOB == 3
    return recover();
#elif JOB == 2
    return append();
#else
    /* The driver and the buffer are what every firmware has. */
    return (int32_t)((uintptr_t)&device + (uintptr_t)buffer + (uintptr_t)&options);
#endif
}

#ifdef MEASURE

/* ---- how deep the stack was: painted before the job, looked at after it */

/* Bytes that are painted: more than any job takes; and those below the top that are not: the painting itself runs
 * there. */
#define PAINTED 8192
#define MARGIN 128
#define PAINT 0xa0f05afeu

static __attribute__((noinline)) uint32_t lowest(uintptr_t top)
{
    uintptr_t address = top - PAINTED;
    while (address < top - MARGIN && *(volatile uint32_t *)address == PAINT) {
        address += 4;
    }
    return (uint32_t)(top - address);
}

static __attribute__((noinline)) void paint(uintptr_t top)
{
    uintptr_t address;
    for (address = top - PAINTED; address < top - MARGIN; address += 4) {
        *(volatile uint32_t *)address = PAINT;
    }
}

static void print(const char *name, uint32_t number)
{
    static uint32_t console;
    char text[32];
    uint32_t block[3];
    size_t first = sizeof text;
    size_t size = 0;
    if (console == 0) {
        block[0] = (uint32_t) ":tt";
        block[1] = MODE_WRITE;
        block[2] = 3;
        console = (uint32_t)semihosting(SYS_OPEN, block);
    }
    text[--first] = '\n';
    do {
        text[--first] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    while (name[size] != 0) {
        size++;
    }
    first -= size;
    copy((uint8_t *)text + first, (const uint8_t *)name, size);
    block[0] = console;
    block[1] = (uint32_t)(text + first);
    block[2] = sizeof text - first;
    (void)semihosting(SYS_WRITE, block);
}

static __attribute__((noinline)) int32_t call(void)
{
    return job();
}

int start(void)
{
    uintptr_t top;
    int32_t entries;
#if JOB == 1
    /* A log of three entries, of which the second is damaged, and a torn tail. */
    if (append() != 3) {
        return 1;
    }
    flash[272 + 512 + 300] ^= 1;
    flash_size -= 100;
#elif JOB == 3
    /* A log of three entries, of which the last is torn: its header is whole. */
    if (append() != 3) {
        return 1;
    }
    flash_size -= 100;
#endif
    top = (uintptr_t)__builtin_frame_address(0) & ~(uintptr_t)15;
    paint(top);
    entries = call();
    print("stack ", lowest(top));
    print("entries ", (uint32_t)entries);
    return entries < 0;
}

#else

int start(void)
{
    return job();
}

#endif
