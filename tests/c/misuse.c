/* Wrong calls, and callbacks that lie: each has its code, and nothing else happens. */

#include "memory.h"

static unsigned char buffer[512];
static aof_reader reader;
static aof_writer writer;
static aof_failure failure;
static aof_entry entry;
static aof_options crc;

static void open_reader(const aof_device *device)
{
    EXPECT(AOF_OK, aof_reader_open(&reader, sizeof reader, device, buffer, sizeof buffer, &crc, &failure));
}

static void open_writer(const aof_device *device)
{
    EXPECT(AOF_OK, aof_writer_open(&writer, sizeof writer, device, NULL, &crc, &failure));
}

static void null_is_refused(void)
{
    aof_device device = memory_device(), lacking;
    aof_request request = {0};
    aof_report report;
    aof_tail tail = {0};
    aof_status status;
    EXPECT(AOF_ERROR_NULL, aof_reader_open(NULL, sizeof reader, &device, buffer, 512, &crc, &failure));
    EXPECT(AOF_ERROR_NULL, failure.error);
    EXPECT(AOF_ERROR_NULL, aof_reader_open(NULL, sizeof reader, &device, buffer, 512, &crc, NULL));
    EXPECT(AOF_ERROR_NULL, aof_reader_open(&reader, sizeof reader, NULL, buffer, 512, &crc, &failure));
    EXPECT(AOF_ERROR_NULL, aof_reader_open(&reader, sizeof reader, &device, NULL, 512, &crc, &failure));
    EXPECT(AOF_ERROR_NULL, aof_reader_next(NULL, &entry, &failure));
    EXPECT(AOF_ERROR_NULL, aof_reader_next_streamed(NULL, &entry, NULL, NULL, &failure));
    EXPECT(AOF_ERROR_NULL, aof_reader_next_header(NULL, &entry, &failure));
    EXPECT(AOF_ERROR_NULL, aof_reader_skip(NULL, NULL, &failure));
    EXPECT(AOF_ERROR_NULL, aof_reader_set_position(NULL, 0, NULL, &failure));
    EXPECT(AOF_ERROR_NULL, aof_reader_set_end(NULL, 0, &failure));
    EXPECT(AOF_ERROR_NULL, aof_reader_close(NULL));
    EXPECT(AOF_ERROR_NULL, aof_verify(NULL, buffer, 512, &crc, NULL, NULL, &report, &failure));
    EXPECT(AOF_ERROR_NULL, aof_verify(&device, NULL, 512, &crc, NULL, NULL, &report, &failure));
    EXPECT(AOF_ERROR_NULL, aof_verify(&device, buffer, 512, &crc, NULL, NULL, NULL, &failure));
    EXPECT(AOF_ERROR_NULL, aof_recover(NULL, buffer, 512, &crc, &tail, &failure));
    EXPECT(AOF_ERROR_NULL, aof_recover(&device, buffer, 512, &crc, NULL, &failure));
    EXPECT(AOF_ERROR_NULL, aof_clean(NULL, &tail, &failure));
    EXPECT(AOF_ERROR_NULL, aof_clean(&device, NULL, &failure));
    EXPECT(AOF_ERROR_NULL, aof_writer_open(NULL, sizeof writer, &device, NULL, &crc, &failure));
    EXPECT(AOF_ERROR_NULL, aof_writer_open(&writer, sizeof writer, NULL, NULL, &crc, &failure));
    EXPECT(AOF_ERROR_NULL, aof_writer_append(NULL, &request, "x", 1, NULL, &failure));
    EXPECT(AOF_ERROR_NULL, aof_writer_append_sealed(NULL, "x", 1, &failure));
    EXPECT(AOF_ERROR_NULL, aof_writer_checkpoint(NULL, &failure));
    EXPECT(AOF_ERROR_NULL, aof_writer_begin_checkpoint(NULL, &failure));
    EXPECT(AOF_ERROR_NULL, aof_writer_end_checkpoint(NULL, 1, &failure));
    EXPECT(AOF_ERROR_NULL, aof_writer_status(NULL, &status));
    EXPECT(AOF_ERROR_NULL, aof_writer_close(NULL));

    open_reader(&device);
    EXPECT(AOF_ERROR_NULL, aof_reader_next(&reader, NULL, &failure));
    EXPECT(AOF_OK, aof_reader_close(&reader));
    open_writer(&device);
    EXPECT(AOF_ERROR_NULL, aof_writer_append(&writer, NULL, "x", 1, NULL, &failure));
    EXPECT(AOF_ERROR_NULL, aof_writer_append(&writer, &request, NULL, 1, NULL, &failure));
    EXPECT(AOF_ERROR_NULL, aof_writer_append_sealed(&writer, NULL, 300, &failure));
    EXPECT(AOF_ERROR_NULL, aof_writer_status(&writer, NULL));
    EXPECT(AOF_OK, aof_writer_close(&writer));

    /* Callbacks that are needed. */
    lacking = device;
    lacking.read = NULL;
    EXPECT(AOF_ERROR_NULL, aof_reader_open(&reader, sizeof reader, &lacking, buffer, 512, &crc, &failure));
    EXPECT(AOF_ERROR_NULL, aof_recover(&lacking, buffer, 512, &crc, &tail, &failure));
    lacking = device;
    lacking.seek = NULL;
    EXPECT(AOF_ERROR_NULL, aof_reader_open(&reader, sizeof reader, &lacking, buffer, 512, &crc, &failure));
    EXPECT(AOF_ERROR_NULL, aof_writer_open(&writer, sizeof writer, &lacking, NULL, &crc, &failure));
    lacking = device;
    lacking.size = NULL;
    EXPECT(AOF_ERROR_NULL, aof_verify(&lacking, buffer, 512, &crc, NULL, NULL, &report, &failure));
    lacking = device;
    lacking.sync = NULL;
    EXPECT(AOF_ERROR_NULL, aof_writer_open(&writer, sizeof writer, &lacking, NULL, &crc, &failure));
    EXPECT(AOF_ERROR_NULL, aof_clean(&lacking, &tail, &failure));
    lacking = device;
    lacking.write = NULL;
    EXPECT(AOF_ERROR_NULL, aof_writer_open(&writer, sizeof writer, &lacking, NULL, &crc, &failure));
}

static void wrong_storage_is_refused(void)
{
    static uint64_t storage[AOF_WRITER_SIZE / 8 + 2];
    static uint64_t shared[1024 / 8];
    aof_device device = memory_device();
    aof_reader *misaligned = (aof_reader *)(void *)((unsigned char *)storage + 4);
    EXPECT(AOF_ERROR_STORAGE, aof_reader_open(&reader, 16, &device, buffer, 512, &crc, &failure));
    EXPECT(AOF_ERROR_STORAGE, aof_reader_open(&reader, 0, &device, buffer, 512, &crc, &failure));
    EXPECT(AOF_ERROR_STORAGE, aof_writer_open(&writer, 64, &device, NULL, &crc, &failure));
    EXPECT(AOF_ERROR_ALIGNMENT,
           aof_reader_open(misaligned, sizeof(aof_reader), &device, buffer, 512, &crc, &failure));
    EXPECT(AOF_ERROR_ALIGNMENT, aof_reader_next(misaligned, &entry, &failure));
    EXPECT(AOF_ERROR_ALIGNMENT, aof_reader_close(misaligned));
    EXPECT(AOF_ERROR_ALIGNMENT,
           aof_writer_open((aof_writer *)(void *)misaligned, sizeof(aof_writer), &device, NULL, &crc, &failure));
    open_reader(&device);
    EXPECT(AOF_ERROR_ALIGNMENT, aof_reader_next(&reader, (aof_entry *)(void *)misaligned, &failure));
    EXPECT(AOF_ERROR_ALIGNMENT, aof_reader_next(&reader, &entry, (aof_failure *)(void *)misaligned));
    EXPECT(AOF_OK, aof_reader_close(&reader));
    /* Buffer and storage overlap, by a byte. */
    EXPECT(AOF_ERROR_MEMORY, aof_reader_open((aof_reader *)(void *)shared, sizeof(aof_reader), &device,
                                             (unsigned char *)shared + sizeof(aof_reader) - 1, 512, &crc, &failure));
    EXPECT(AOF_OK, aof_reader_open((aof_reader *)(void *)shared, sizeof(aof_reader), &device,
                                   (unsigned char *)shared + sizeof(aof_reader), 512, &crc, &failure));
}

static void wrong_lengths_are_refused(void)
{
    aof_device device = memory_device();
    aof_request request = {0};
    aof_report report;
    EXPECT(AOF_ERROR_BUFFER, aof_reader_open(&reader, sizeof reader, &device, buffer, 271, &crc, &failure));
    EXPECT(272, failure.needed);
    EXPECT(AOF_ERROR_NOT_OPEN, aof_reader_next(&reader, &entry, &failure));
    EXPECT(AOF_ERROR_BUFFER, aof_verify(&device, buffer, 0, &crc, NULL, NULL, &report, &failure));
    EXPECT(AOF_ERROR_MEMORY, aof_reader_open(&reader, sizeof reader, &device, buffer, SIZE_MAX, &crc, &failure));
    /* Beyond the end of memory. */
    EXPECT(AOF_ERROR_MEMORY, aof_reader_open(&reader, sizeof reader, &device, (void *)(UINTPTR_MAX - 300), 512, &crc,
                                             &failure));
    open_writer(&device);
    EXPECT(AOF_ERROR_MEMORY, aof_writer_append(&writer, &request, buffer, SIZE_MAX, NULL, &failure));
    EXPECT(AOF_ERROR_MEMORY, aof_writer_append_sealed(&writer, buffer, (size_t)1 << (8 * sizeof(size_t) - 1), NULL));
    EXPECT(0, memory.end);
    EXPECT(AOF_OK, aof_writer_close(&writer));
    /* Above the size limit. */
    crc.message_size_max = 300;
    open_writer(&device);
    EXPECT(AOF_OK, aof_writer_append(&writer, &request, buffer, 44, NULL, &failure));
    EXPECT(AOF_ERROR_HEADER, aof_writer_append(&writer, &request, buffer, 45, NULL, &failure));
    EXPECT(AOF_RULE_SIZE, failure.rule);
    EXPECT(AOF_OK, aof_writer_close(&writer));
    crc.message_size_max = 0;
}

/* A count that was never set, say: it was believed, and so many links were cleared. */
static void histories_that_no_memory_has_are_refused(void)
{
    static aof_link links[4];
    aof_device device = memory_device();
    aof_report report;
    append_entries(&device, AOF_PROFILE_CRC, 2, 0);
    crc.history = links;
    crc.history_count = 0xffffffff;
    EXPECT(AOF_ERROR_MEMORY, aof_verify(&device, buffer, 512, &crc, NULL, NULL, &report, &failure));
    crc.history_count = AOF_HISTORY_COUNT_MAX + 1;
    EXPECT(AOF_ERROR_MEMORY, aof_verify(&device, buffer, 512, &crc, NULL, NULL, &report, &failure));
    crc.history = (aof_link *)(UINTPTR_MAX - 79); /* aligned; two links end behind the last byte */
    crc.history_count = 2;
    EXPECT(AOF_ERROR_MEMORY, aof_verify(&device, buffer, 512, &crc, NULL, NULL, &report, &failure));
    crc.history = links;
    crc.history_count = 4;
    EXPECT(AOF_OK, aof_verify(&device, buffer, 512, &crc, NULL, NULL, &report, &failure));
    EXPECT(2, links[2].op);
    crc.history = NULL;
    crc.history_count = 0;
}

/* A second open closes what was open: nothing of it goes on, and what it had not synced is not synced. */
static void opening_again_closes_what_was_open(void)
{
    aof_device device = memory_device();
    aof_request request = {0};
    aof_status status;
    aof_tail torn = {0};
    open_writer(&device);
    EXPECT(AOF_OK, aof_writer_append(&writer, &request, NULL, 0, NULL, &failure));
    EXPECT(AOF_ERROR_NULL, aof_writer_open(&writer, sizeof writer, NULL, NULL, &crc, &failure));
    EXPECT(AOF_OK, aof_writer_status(&writer, &status)); /* a wrong call changes nothing */
    EXPECT(1, status.unsynced);
    open_writer(&device);
    EXPECT(AOF_OK, aof_writer_status(&writer, &status));
    EXPECT(0, status.unsynced);
    EXPECT(0, status.last_op);
    EXPECT(0, memory.syncs);
    torn.torn_end = 1;
    EXPECT(AOF_ERROR_TORN, aof_writer_open(&writer, sizeof writer, &device, &torn, &crc, &failure));
    EXPECT(AOF_ERROR_NOT_OPEN, aof_writer_status(&writer, &status));

    open_reader(&device);
    EXPECT(AOF_ERROR_NULL, aof_reader_open(&reader, sizeof reader, NULL, buffer, 512, &crc, &failure));
    EXPECT(AOF_OK, aof_reader_next(&reader, &entry, &failure));
    open_reader(&device);
    EXPECT(AOF_OK, aof_reader_next(&reader, &entry, &failure)); /* the first one again */
    EXPECT(0, entry.offset);
    EXPECT(AOF_ERROR_BUFFER, aof_reader_open(&reader, sizeof reader, &device, buffer, 271, &crc, &failure));
    EXPECT(AOF_ERROR_NOT_OPEN, aof_reader_next(&reader, &entry, &failure));
}

static void what_is_not_open_is_refused(void)
{
    aof_device device = memory_device();
    aof_request request = {0};
    aof_status status;
    aof_reader closed = {{0}};
    EXPECT(AOF_ERROR_NOT_OPEN, aof_reader_next(&closed, &entry, &failure));
    EXPECT(AOF_ERROR_NOT_OPEN, aof_reader_close(&closed));
    open_reader(&device);
    EXPECT(AOF_OK, aof_reader_close(&reader));
    EXPECT(AOF_ERROR_NOT_OPEN, aof_reader_close(&reader));
    EXPECT(AOF_ERROR_NOT_OPEN, aof_reader_skip(&reader, NULL, &failure));
    open_writer(&device);
    /* A writer is no reader. */
    EXPECT(AOF_ERROR_NOT_OPEN, aof_reader_next((aof_reader *)(void *)&writer, &entry, &failure));
    EXPECT(AOF_OK, aof_writer_close(&writer));
    EXPECT(AOF_ERROR_NOT_OPEN, aof_writer_append(&writer, &request, NULL, 0, NULL, &failure));
    EXPECT(AOF_ERROR_NOT_OPEN, aof_writer_status(&writer, &status));
}

static void unknown_profiles_are_refused(void)
{
    aof_device device = memory_device();
    aof_options options = {0};
    aof_tail tail;
    EXPECT(AOF_ERROR_PROFILE, aof_writer_open(&writer, sizeof writer, &device, NULL, &options, &failure));
    EXPECT(AOF_ERROR_PROFILE, aof_writer_open(&writer, sizeof writer, &device, NULL, NULL, &failure));
    EXPECT(AOF_ERROR_PROFILE, aof_recover(&device, buffer, 512, &options, &tail, &failure));
    options.profile = 3;
    EXPECT(AOF_ERROR_PROFILE, aof_reader_open(&reader, sizeof reader, &device, buffer, 512, &options, &failure));
    options.profile = -1;
    EXPECT(AOF_ERROR_PROFILE, aof_writer_open(&writer, sizeof writer, &device, NULL, &options, &failure));
}

/* A callback's own code comes back, whatever it is. */
static void codes_of_callbacks_come_back(void)
{
    aof_device device = memory_device();
    aof_request request = {0};
    aof_report report;
    append_entries(&device, AOF_PROFILE_CRC, 2, 0);
    memory.fails = -4711;
    EXPECT(AOF_ERROR_DEVICE, aof_reader_open(&reader, sizeof reader, &device, buffer, 512, &crc, &failure));
    EXPECT(-4711, failure.device);
    open_reader(&device);
    memory.fails = 5;
    EXPECT(AOF_ERROR_DEVICE, aof_reader_next(&reader, &entry, &failure));
    EXPECT(5, failure.device);
    EXPECT(AOF_OK, aof_reader_next(&reader, &entry, &failure)); /* the step may be tried again */
    EXPECT(1, entry.header.op);
    EXPECT(0, failure.device);
    EXPECT(AOF_OK, aof_reader_close(&reader));
    memory.fails = 7;
    EXPECT(AOF_ERROR_DEVICE, aof_verify(&device, buffer, 512, &crc, NULL, NULL, &report, &failure));
    EXPECT(7, failure.device);

    /* A writer that failed has failed for good. */
    device = memory_device();
    open_writer(&device);
    memory.fails = 9;
    EXPECT(AOF_ERROR_DEVICE, aof_writer_append(&writer, &request, NULL, 0, NULL, &failure));
    EXPECT(9, failure.device);
    EXPECT(AOF_ERROR_FAILED, aof_writer_append(&writer, &request, NULL, 0, NULL, &failure));
    EXPECT(AOF_ERROR_FAILED, aof_writer_checkpoint(&writer, &failure));
    device = memory_device();
    open_writer(&device);
    memory.fails = 11;
    EXPECT(AOF_ERROR_DEVICE, aof_writer_checkpoint(&writer, &failure));
    EXPECT(11, failure.device);
    EXPECT(AOF_ERROR_FAILED, aof_writer_checkpoint(&writer, &failure));
    /* A full device. */
    device = memory_device();
    memory.size = 500;
    open_writer(&device);
    EXPECT(AOF_OK, aof_writer_append(&writer, &request, NULL, 0, NULL, &failure));
    EXPECT(AOF_ERROR_FULL, aof_writer_append(&writer, &request, NULL, 0, NULL, &failure));
}

/* A callback that claims more than it was asked for, or does not say how many bytes there were. */
static void callbacks_that_lie_are_not_believed(void)
{
    aof_device device = memory_device();
    aof_request request = {0};
    aof_tail tail = {0};
    append_entries(&device, AOF_PROFILE_CRC, 1, 0);
    open_reader(&device);
    memory.lies = 300;
    EXPECT(AOF_ERROR_CALLBACK, aof_reader_next(&reader, &entry, &failure));
    memory.lies = (size_t)0 - 1;
    memory.end = 0;
    EXPECT(AOF_ERROR_CALLBACK, aof_reader_next(&reader, &entry, &failure));
    memory.lies = 0;
    memory.silent = 1;
    EXPECT(AOF_ERROR_CALLBACK, aof_reader_next(&reader, &entry, &failure));
    EXPECT(AOF_ERROR_CALLBACK, aof_reader_open(&reader, sizeof reader, &device, buffer, 512, &crc, &failure));
    EXPECT(AOF_ERROR_CALLBACK, aof_recover(&device, buffer, 512, &crc, &tail, &failure));

    device = memory_device();
    open_writer(&device);
    memory.lies = 1;
    EXPECT(AOF_ERROR_CALLBACK, aof_writer_append(&writer, &request, NULL, 0, NULL, &failure));
    EXPECT(AOF_ERROR_FAILED, aof_writer_append(&writer, &request, NULL, 0, NULL, &failure));
    device = memory_device();
    open_writer(&device);
    memory.silent = 1;
    EXPECT(AOF_ERROR_CALLBACK, aof_writer_append(&writer, &request, NULL, 0, NULL, &failure));
    device = memory_device();
    tail.torn_end = 10;
    memory.lies = 1;
    EXPECT(AOF_ERROR_CALLBACK, aof_clean(&device, &tail, &failure));
}

/* A device that has fewer bytes than it said. */
static uint64_t claimed;

static int claim(void *context, uint64_t *size)
{
    (void)context;
    *size = claimed;
    return 0;
}

static void device_that_shrinks_is_told(void)
{
    aof_device device = memory_device();
    aof_tail tail;
    aof_report report;
    append_entries(&device, AOF_PROFILE_CRC, 2, 0);
    claimed = 600;
    device.size = claim;
    EXPECT(AOF_ERROR_SHRUNK, aof_recover(&device, buffer, 512, &crc, &tail, &failure));
    EXPECT(544, failure.offset);
    EXPECT(600, failure.needed);
    EXPECT(AOF_ERROR_SHRUNK, aof_verify(&device, buffer, 512, &crc, NULL, NULL, &report, &failure));
    EXPECT(544, failure.offset);
    EXPECT(600, failure.needed);
    EXPECT(0, report.sound);
    EXPECT(2, report.entries);
    EXPECT(AOF_OK, aof_reader_open(&reader, sizeof reader, &device, buffer, 512, &crc, &failure));
    EXPECT(AOF_OK, aof_reader_next(&reader, &entry, &failure));
    EXPECT(AOF_OK, aof_reader_next(&reader, &entry, &failure));
    EXPECT(AOF_ERROR_SHRUNK, aof_reader_next(&reader, &entry, &failure));
    EXPECT(AOF_ERROR_SHRUNK, aof_reader_next_streamed(&reader, &entry, NULL, NULL, &failure));
    EXPECT(AOF_ERROR_SHRUNK, aof_reader_next_header(&reader, &entry, &failure));
    EXPECT(AOF_OK, aof_reader_close(&reader));
    claimed = AOF_NOWHERE - 1; /* the largest there is */
    EXPECT(AOF_ERROR_SHRUNK, aof_recover(&device, buffer, 512, &crc, &tail, &failure));
}

/* Callbacks that call the library again. */

static aof_error again_next, again_close, again_open;
static aof_device again_device;

static int call_again(void)
{
    again_next = aof_reader_next(&reader, &entry, &failure);
    again_close = aof_reader_close(&reader);
    again_open = aof_reader_open(&reader, sizeof reader, &again_device, buffer, 512, &crc, NULL);
    return 0;
}

static void reader_at_work_is_not_entered_again(void)
{
    aof_device device = memory_device();
    append_entries(&device, AOF_PROFILE_CRC, 1, 0);
    again_device = device;
    open_reader(&device);
    memory.meanwhile = call_again;
    EXPECT(AOF_OK, aof_reader_next(&reader, &entry, &failure));
    EXPECT(AOF_ERROR_BUSY, again_next);
    EXPECT(AOF_ERROR_BUSY, again_close);
    EXPECT(AOF_ERROR_BUSY, again_open);
    EXPECT(1, entry.header.op);
    EXPECT(AOF_END, aof_reader_next(&reader, &entry, &failure));
}

/* Callers that have had enough. */

static int pieces;

static int stop_at_the_second_piece(void *context, const uint8_t *piece, size_t size)
{
    (void)context;
    (void)piece;
    EXPECT(1, size > 0);
    return ++pieces == 2 ? 77 : 0;
}

static int stop_at_once(void *context, const aof_finding *finding)
{
    (void)context;
    EXPECT(AOF_FINDING_HEADER_CHECKSUM, finding->kind);
    return -3;
}

static void callers_may_stop(void)
{
    aof_device device = memory_device();
    aof_report report;
    append_entries(&device, AOF_PROFILE_CRC, 2, 2000);
    EXPECT(AOF_OK, aof_reader_open(&reader, sizeof reader, &device, buffer, 272, &crc, &failure));
    EXPECT(AOF_OK, aof_reader_next_streamed(&reader, &entry, stop_at_the_second_piece, NULL, &failure));
    EXPECT(0, pieces);
    EXPECT(AOF_ERROR_STOPPED, aof_reader_next_streamed(&reader, &entry, stop_at_the_second_piece, NULL, &failure));
    EXPECT(77, failure.device);
    EXPECT(2, pieces);
    EXPECT(2, entry.header.op); /* whole all the same, and passed */
    EXPECT(AOF_END, aof_reader_next(&reader, &entry, &failure));
    memory.bytes[100] ^= 1;
    EXPECT(AOF_ERROR_STOPPED, aof_verify(&device, buffer, 512, &crc, stop_at_once, NULL, &report, &failure));
    EXPECT(-3, failure.device);
    EXPECT(1, report.damages);
    EXPECT(0, report.sound);
}

static void entries_that_are_none_are_not_appended(void)
{
    static unsigned char log[MEMORY_SIZE];
    aof_device device = memory_device();
    append_entries(&device, AOF_PROFILE_CRC, 2, 50);
    memcpy(log, memory.bytes, sizeof log);
    device = memory_device();
    open_writer(&device);
    EXPECT(AOF_ERROR_HEADER, aof_writer_append_sealed(&writer, log, 271, &failure));
    EXPECT(AOF_RULE_SIZE, failure.rule);
    EXPECT(AOF_ERROR_HEADER, aof_writer_append_sealed(&writer, log, 273, &failure));
    EXPECT(AOF_ERROR_HEADER, aof_writer_append_sealed(&writer, log, 0, &failure));
    log[20] ^= 1;
    EXPECT(AOF_ERROR_INVALID, aof_writer_append_sealed(&writer, log, 272, &failure));
    EXPECT(AOF_FINDING_HEADER_CHECKSUM, failure.finding);
    log[272 + 300] ^= 1;
    EXPECT(AOF_ERROR_INVALID, aof_writer_append_sealed(&writer, log + 272, 322, &failure));
    EXPECT(AOF_FINDING_BODY_CHECKSUM, failure.finding);
    EXPECT(2, failure.op);
    EXPECT(0, memory.end);
    log[272 + 300] ^= 1;
    EXPECT(AOF_OK, aof_writer_append_sealed(&writer, log + 272, 322, &failure));
}

int main(void)
{
    crc.profile = AOF_PROFILE_CRC;
    null_is_refused();
    wrong_storage_is_refused();
    wrong_lengths_are_refused();
    histories_that_no_memory_has_are_refused();
    opening_again_closes_what_was_open();
    what_is_not_open_is_refused();
    unknown_profiles_are_refused();
    codes_of_callbacks_come_back();
    callbacks_that_lie_are_not_believed();
    device_that_shrinks_is_told();
    reader_at_work_is_not_entered_again();
    callers_may_stop();
    entries_that_are_none_are_not_appended();
    return failed;
}
