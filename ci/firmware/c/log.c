/* See log.h. Freestanding C99: nothing but aof.h and what a platform gives. */

#include "log.h"

/* Entries between two checkpoints. */
#define CHECKPOINT_ENTRIES 8
/* Ops that are remembered, to see a fork where the log went back: 40 bytes each. The desktop remembers all. */
#ifndef HISTORY
#define HISTORY 8
#endif
/* Findings that a report has room for. */
#ifndef FINDINGS_MAX
#define FINDINGS_MAX 16
#endif
/* The largest body among the samples, bytes. */
#define BODY_SIZE_MAX 1000

/* The library's header and the library have to be of one version. */
static int same_version(void)
{
    return aof_abi_version() == AOF_ABI_VERSION;
}

/* ---- printing */

static void print(const char *text)
{
    size_t size = 0;
    while (text[size] != 0) {
        size++;
    }
    platform_print(text, size);
}

static void print_number(uint64_t number)
{
    char digits[20];
    size_t first = sizeof digits;
    do {
        digits[--first] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    platform_print(digits + first, sizeof digits - first);
}

static void print_line(const char *name, uint64_t number)
{
    print(name);
    print(" ");
    print_number(number);
    print("\n");
}

/* A checksum is printed as the number that it is: the last byte first. */
static void print_checksum(const char *name, const uint8_t checksum[16])
{
    static const char hex[] = "0123456789abcdef";
    char digits[32];
    size_t index;
    for (index = 0; index < 16; index++) {
        digits[2 * index] = hex[checksum[15 - index] >> 4];
        digits[2 * index + 1] = hex[checksum[15 - index] & 15];
    }
    print(name);
    print(" ");
    platform_print(digits, sizeof digits);
    print("\n");
}

/* What, where, and what to do. */
static int refused(const aof_failure *failure)
{
    if (failure->offset != AOF_NOWHERE) {
        print("byte ");
        print_number(failure->offset);
        if (failure->op > 0) {
            print(" (op ");
            print_number(failure->op);
            print(")");
        }
        print(": ");
    }
    if (failure->finding != 0) {
        print(aof_finding_name(failure->finding));
        print(": ");
    }
    print(aof_error_message(failure->error));
    if (failure->device != 0) {
        print(", code ");
        print_number((uint64_t)(uint32_t)failure->device);
    }
    print("\n");
    return 1;
}

/* ---- read */

/* Findings are printed behind the figures: until then they are kept here. */
static struct {
    size_t count;
    struct {
        int32_t kind;
        uint64_t offset;
    } findings[FINDINGS_MAX];
} found;

static int note(void *context, const aof_finding *finding)
{
    (void)context;
    if (found.count == FINDINGS_MAX) {
        return 1;
    }
    found.findings[found.count].kind = finding->kind;
    found.findings[found.count].offset = finding->offset;
    found.count++;
    return 0;
}

static void print_report(const aof_report *report)
{
    size_t index;
    print(report->profile == AOF_PROFILE_CRC ? "profile crc\n" : "profile tigerbeetle\n");
    print_line("bytes", report->bytes);
    print_line("entries", report->entries);
    if (report->entries > 0) {
        print_checksum("first_checksum", report->first_checksum);
        print_checksum("last_checksum", report->last_checksum);
        print_line("first_op", report->first_op);
        print_line("last_op", report->last_op);
    }
    print(report->sound ? "sound true\n" : "sound false\n");
    for (index = 0; index < found.count; index++) {
        int32_t kind = found.findings[index].kind;
        print(kind <= AOF_FINDING_TORN_TAIL ? "damage " : "chain ");
        print_line(aof_finding_name(kind), found.findings[index].offset);
    }
}

/* Verifies a log of the platform, and goes on behind damage. */
static int log_read(const aof_device *device)
{
    static uint64_t buffer[64];
    static aof_link history[HISTORY];
    aof_options options = {0};
    aof_report report;
    aof_failure failure;
    options.history = history;
    options.history_count = HISTORY;
    found.count = 0;
    if (aof_verify(device, buffer, sizeof buffer, &options, note, NULL, &report, &failure) != AOF_OK) {
        return refused(&failure);
    }
    print_report(&report);
    return 0;
}

/* ---- append */

/* The entries that all writing programs write: op for op the same ones everywhere (kit/src/sample.rs). */
static size_t sample(uint64_t op, aof_request *request, uint8_t body[BODY_SIZE_MAX])
{
    static const uint16_t sizes[8] = {0, 1, 15, 16, 33, 128, 240, BODY_SIZE_MAX};
    static const aof_request nothing = {0};
    uint8_t value = 0;
    size_t index;
    *request = nothing;
    request->operation = 147; /* create_transfers */
    request->timestamp_ns = op;
    for (index = 0; index < BODY_SIZE_MAX; index++) {
        value = (uint8_t)(value * 13 + 7);
        body[index] = value;
    }
    return sizes[(op - 1) % 8];
}

/* Appends `count` entries and makes the last checkpoint. */
static aof_error append_some(aof_writer *writer, uint64_t count, uint64_t *op, aof_failure *failure)
{
    static uint8_t body[BODY_SIZE_MAX];
    aof_error error = AOF_OK;
    while (error == AOF_OK && count > 0) {
        aof_request request;
        size_t body_size = sample(*op + 1, &request, body);
        error = aof_writer_append(writer, &request, body, body_size, NULL, failure);
        if (error == AOF_ERROR_UNSYNCED) {
            error = aof_writer_checkpoint(writer, failure);
        } else if (error == AOF_OK) {
            *op += 1;
            count--;
        }
    }
    return error == AOF_OK ? aof_writer_checkpoint(writer, failure) : error;
}

/* Recovers a log, appends to it, and verifies it whole. Without a count it appends until the power goes, and
 * tells how far it is. */
static int log_append(const aof_device *device, int32_t profile, uint64_t count)
{
    static uint64_t buffer[64];
    static aof_writer writer;
    aof_options options = {0};
    aof_failure failure;
    aof_tail tail;
    uint64_t op;
    options.profile = profile;
    options.unsynced_max = CHECKPOINT_ENTRIES;
    if (count == 0) {
        print("recovering\n");
    }
    if (aof_recover(device, buffer, sizeof buffer, &options, &tail, &failure) != AOF_OK
        || aof_clean(device, &tail, &failure) != AOF_OK
        || aof_writer_open(&writer, sizeof writer, device, &tail, &options, &failure) != AOF_OK) {
        return refused(&failure);
    }
    op = tail.last.op;
    if (count == 0) {
        print_line("appending", op);
        while (append_some(&writer, CHECKPOINT_ENTRIES, &op, &failure) == AOF_OK) {
            print_line("checkpoint", op);
        }
        return refused(&failure);
    }
    if (append_some(&writer, count, &op, &failure) != AOF_OK) {
        return refused(&failure);
    }
    (void)aof_writer_close(&writer);
    return log_read(device);
}

/* ---- the command line */

static int same(const char *one, const char *other)
{
    while (*one != 0 && *one == *other) {
        one++;
        other++;
    }
    return *one == *other;
}

static uint64_t number_of(const char *text)
{
    uint64_t number = 0;
    for (; *text >= '0' && *text <= '9'; text++) {
        number = number * 10 + (uint64_t)(*text - '0');
    }
    return number;
}

int log_run(size_t count, const char *const *words)
{
    int reads = count == 3 && same(words[1], "read");
    int appends = (count == 4 || count == 5) && same(words[1], "append");
    aof_device device;
    int code;
    if (!same_version()) {
        print("aof.h is not of the version of the library: compile with the header beside it\n");
        return 2;
    }
    if (!reads && !appends) {
        print("Usage: log read FILE | log append FILE tigerbeetle|crc [COUNT]\n");
        return 2;
    }
    code = platform_open(&device, words[2], appends);
    if (code != 0) {
        print(words[2]);
        print_line(": not opened, code", (uint64_t)(uint32_t)code);
        return 1;
    }
    if (reads) {
        code = log_read(&device);
    } else {
        int32_t profile = same(words[3], "crc") ? AOF_PROFILE_CRC : AOF_PROFILE_TIGERBEETLE;
        code = log_append(&device, profile, count == 5 ? number_of(words[4]) : 0);
    }
    platform_close();
    return code;
}
