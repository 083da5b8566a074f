/* The interface as it is meant to be used. */

#include "memory.h"

static unsigned char buffer[512];

/* What was appended is read again: whole, in pieces, headers only. */

static struct {
    size_t size;
    unsigned char first;
} pieces;

static int take(void *context, const uint8_t *piece, size_t size)
{
    EXPECT(1, context == &pieces);
    pieces.first = piece[0];
    pieces.size += size;
    return 0;
}

static void entries_are_read_whole_in_pieces_and_by_their_headers(int32_t profile)
{
    aof_device device = memory_device();
    aof_reader reader = {{0}};
    aof_failure failure;
    aof_entry entry;
    uint8_t parent[16];
    int index;
    append_entries(&device, profile, 4, 100);
    EXPECT(4 * 272 + 600, memory.end);
    memset(&pieces, 0, sizeof pieces);

    /* The profile is the one that the log tells. */
    EXPECT(AOF_OK, aof_reader_open(&reader, sizeof reader, &device, buffer, sizeof buffer, NULL, &failure));
    EXPECT(AOF_OK, failure.error);
    for (index = 0; index < 3; index++) { /* the last does not fit the buffer */
        EXPECT(AOF_OK, aof_reader_next(&reader, &entry, &failure));
        EXPECT(index + 1, entry.header.op);
        EXPECT(index, entry.header.commit);
        EXPECT(index + 1, entry.header.timestamp_ns);
        EXPECT(6, entry.header.operation);
        EXPECT(index * 100, entry.body_size);
        EXPECT(256 + index * 100, entry.header.size);
        EXPECT(1, entry.body != NULL && entry.body + entry.body_size <= buffer + sizeof buffer);
        if (index > 0) {
            EXPECT(0, memcmp(parent, entry.header.parent, 16));
            EXPECT(index, entry.body[0]);
        }
        memcpy(parent, entry.header.checksum, 16);
    }
    EXPECT(AOF_ERROR_BUFFER, aof_reader_next(&reader, &entry, &failure));
    EXPECT(572, failure.needed);
    EXPECT(3 * 272 + 300, failure.offset);
    EXPECT(AOF_OK, aof_reader_next_streamed(&reader, &entry, take, &pieces, &failure));
    EXPECT(300, pieces.size);
    EXPECT(3, pieces.first);
    EXPECT(300, entry.body_size);
    EXPECT(1, entry.body == NULL);
    EXPECT(AOF_END, aof_reader_next_streamed(&reader, &entry, take, &pieces, &failure));
    EXPECT(AOF_END, aof_reader_next(&reader, &entry, &failure));
    EXPECT(AOF_END, failure.error);
    EXPECT(AOF_OK, aof_reader_close(&reader));

    EXPECT(AOF_OK, aof_reader_open(&reader, sizeof reader, &device, buffer, 272, NULL, &failure));
    for (index = 1; index <= 4; index++) {
        EXPECT(AOF_OK, aof_reader_next_header(&reader, &entry, &failure));
        EXPECT(index, entry.header.op);
    }
    EXPECT(AOF_END, aof_reader_next_header(&reader, &entry, NULL));
}

static void damage_is_told_and_skipped(void)
{
    aof_device device = memory_device();
    aof_reader reader = {{0}};
    aof_failure failure;
    aof_entry entry;
    uint64_t offset = 0;
    append_entries(&device, AOF_PROFILE_CRC, 3, 50);
    memory.bytes[272 + 272 + 10] ^= 1; /* in the body of op 2 */
    EXPECT(AOF_OK, aof_reader_open(&reader, sizeof reader, &device, buffer, sizeof buffer, NULL, NULL));
    EXPECT(AOF_OK, aof_reader_next(&reader, &entry, NULL));
    EXPECT(AOF_ERROR_DAMAGE, aof_reader_next(&reader, &entry, &failure));
    EXPECT(AOF_FINDING_BODY_CHECKSUM, failure.finding);
    EXPECT(272, failure.offset);
    EXPECT(2, failure.op);
    EXPECT(AOF_OK, aof_reader_skip(&reader, &offset, NULL));
    EXPECT(272 + 322, offset);
    EXPECT(AOF_OK, aof_reader_next(&reader, &entry, NULL));
    EXPECT(3, entry.header.op);
    EXPECT(AOF_OK, aof_reader_close(&reader));

    /* A torn tail: how much is missing. */
    memory.end -= 7;
    EXPECT(AOF_OK, aof_reader_open(&reader, sizeof reader, &device, buffer, sizeof buffer, NULL, NULL));
    EXPECT(AOF_OK, aof_reader_next(&reader, &entry, NULL));
    EXPECT(AOF_OK, aof_reader_skip(&reader, NULL, NULL));
    EXPECT(AOF_ERROR_DAMAGE, aof_reader_next(&reader, &entry, &failure));
    EXPECT(AOF_FINDING_TORN_TAIL, failure.finding);
    EXPECT(7, failure.needed);
}

static void break_of_the_chain_is_told_if_asked_for(void)
{
    aof_device device = memory_device();
    aof_reader reader = {{0}};
    aof_options options = {0};
    aof_failure failure;
    aof_entry entry;
    append_entries(&device, AOF_PROFILE_CRC, 3, 0);
    memmove(memory.bytes + 272, memory.bytes + 544, 272); /* op 2 is gone */
    memory.end = 544;
    options.chain_check = 1;
    EXPECT(AOF_OK, aof_reader_open(&reader, sizeof reader, &device, buffer, sizeof buffer, &options, NULL));
    EXPECT(AOF_OK, aof_reader_next(&reader, &entry, NULL));
    EXPECT(AOF_ERROR_CHAIN, aof_reader_next(&reader, &entry, &failure));
    EXPECT(AOF_FINDING_GAP, failure.finding);
    EXPECT(3, failure.op);
    EXPECT(AOF_OK, aof_reader_skip(&reader, NULL, NULL));
    EXPECT(AOF_OK, aof_reader_next(&reader, &entry, NULL));
    EXPECT(3, entry.header.op);
}

/* A torn tail is found, cleaned, and appended over. */
static void tail_is_recovered_and_the_chain_goes_on(int32_t profile)
{
    aof_device device = memory_device();
    aof_options options = {0};
    aof_request request = {0};
    aof_failure failure;
    aof_tail tail;
    aof_writer writer = {{0}};
    aof_link link;
    aof_status status;
    aof_report report;
    uint8_t last[16];
    options.profile = profile;
    EXPECT(AOF_OK, aof_recover(&device, buffer, sizeof buffer, &options, &tail, &failure));
    EXPECT(0, tail.entries + tail.end + tail.last.op); /* an empty log is one */

    append_entries(&device, profile, 3, 50);
    memory.end -= 20;
    EXPECT(AOF_OK, aof_recover(&device, buffer, sizeof buffer, &options, &tail, &failure));
    EXPECT(2, tail.entries);
    EXPECT(2, tail.last.op);
    EXPECT(272 + 322, tail.end);
    EXPECT(tail.end, tail.torn_start);
    EXPECT(1, tail.torn_end > tail.torn_start);
    memcpy(last, tail.last.checksum, 16);
    EXPECT(AOF_ERROR_TORN, aof_writer_open(&writer, sizeof writer, &device, &tail, &options, &failure));
    EXPECT(272 + 322, failure.offset);
    memory.syncs = 0;
    EXPECT(AOF_OK, aof_clean(&device, &tail, &failure));
    EXPECT(tail.torn_start, tail.torn_end);
    EXPECT(1, memory.syncs >= 2);
    EXPECT(0, memory.bytes[tail.end]);

    EXPECT(AOF_OK, aof_writer_open(&writer, sizeof writer, &device, &tail, &options, &failure));
    request.operation = 6;
    EXPECT(AOF_OK, aof_writer_append(&writer, &request, buffer, 300, &link, &failure));
    EXPECT(3, link.op);
    EXPECT(0, memcmp(last, link.parent, 16));
    EXPECT(AOF_OK, aof_writer_status(&writer, &status));
    EXPECT(572, status.size);
    EXPECT(3, status.last_op);
    EXPECT(1, status.unsynced);
    EXPECT(AOF_STATE_WRITING, status.state);
    EXPECT(AOF_OK, aof_writer_checkpoint(&writer, &failure));
    EXPECT(AOF_OK, aof_writer_status(&writer, &status));
    EXPECT(0, status.unsynced);

    EXPECT(AOF_OK, aof_verify(&device, buffer, sizeof buffer, NULL, NULL, NULL, &report, &failure));
    EXPECT(profile, report.profile);
    EXPECT(3, report.entries);
    EXPECT(1, report.first_op);
    EXPECT(3, report.last_op);
    EXPECT(1, report.sound);
    EXPECT(0, memcmp(report.last_checksum, link.checksum, 16));
}

/* A checkpoint whose sync the caller makes; the bound of unsynced entries. */
static void checkpoint_can_be_made_by_the_caller(void)
{
    aof_device device = memory_device();
    aof_options options = {0};
    aof_request request = {0};
    aof_failure failure;
    aof_writer writer = {{0}};
    aof_status status;
    options.profile = AOF_PROFILE_CRC;
    options.unsynced_max = 2;
    request.operation = 6;
    EXPECT(AOF_OK, aof_writer_open(&writer, sizeof writer, &device, NULL, &options, NULL));
    EXPECT(AOF_ERROR_NOT_CHECKPOINTING, aof_writer_end_checkpoint(&writer, 1, NULL));
    EXPECT(AOF_OK, aof_writer_append(&writer, &request, NULL, 0, NULL, NULL));
    EXPECT(AOF_OK, aof_writer_begin_checkpoint(&writer, NULL));
    EXPECT(AOF_OK, aof_writer_append(&writer, &request, NULL, 0, NULL, NULL));
    EXPECT(AOF_ERROR_UNSYNCED, aof_writer_append(&writer, &request, NULL, 0, NULL, &failure));
    EXPECT(2, failure.needed);
    EXPECT(AOF_ERROR_CHECKPOINTING, aof_writer_begin_checkpoint(&writer, NULL));
    EXPECT(AOF_OK, aof_writer_status(&writer, &status));
    EXPECT(AOF_STATE_CHECKPOINTING, status.state);
    EXPECT(AOF_OK, aof_writer_end_checkpoint(&writer, 1, NULL));
    EXPECT(AOF_OK, aof_writer_status(&writer, &status));
    EXPECT(1, status.unsynced);
    EXPECT(0, memory.syncs);
    EXPECT(AOF_OK, aof_writer_begin_checkpoint(&writer, NULL));
    EXPECT(AOF_ERROR_FAILED, aof_writer_end_checkpoint(&writer, 0, NULL));
    EXPECT(AOF_ERROR_FAILED, aof_writer_append(&writer, &request, NULL, 0, NULL, NULL));
}

/* A log copied entry by entry, sealed as they are, is the same to the byte. A first header is taken over. */
static void sealed_entries_are_appended_as_they_are(int32_t profile)
{
    static unsigned char log[MEMORY_SIZE];
    aof_device device = memory_device();
    aof_options options = {0};
    aof_header first = {0};
    aof_writer writer = {{0}};
    aof_request request = {0};
    aof_reader reader = {{0}};
    aof_entry entry;
    uint64_t size, offset;
    options.profile = profile;
    options.first = &first;
    first.op = 41;
    first.commit = 40;
    first.cluster[0] = 7;
    first.parent[15] = 9;
    first.view = 3;
    first.release = 1 << 16;
    first.replica = 2;
    EXPECT(AOF_OK, aof_writer_open(&writer, sizeof writer, &device, NULL, &options, NULL));
    request.operation = 147;
    request.client[3] = 5;
    request.request = 6;
    request.request_checksum[1] = 8;
    EXPECT(AOF_OK, aof_writer_append(&writer, &request, "one", 3, NULL, NULL));
    EXPECT(AOF_OK, aof_writer_append(&writer, &request, "three", 5, NULL, NULL));
    EXPECT(AOF_OK, aof_writer_close(&writer));

    EXPECT(AOF_OK, aof_reader_open(&reader, sizeof reader, &device, buffer, sizeof buffer, NULL, NULL));
    EXPECT(AOF_OK, aof_reader_next(&reader, &entry, NULL));
    EXPECT(41, entry.header.op);
    EXPECT(40, entry.header.commit);
    EXPECT(7, entry.header.cluster[0]);
    EXPECT(9, entry.header.parent[15]);
    EXPECT(3, entry.header.view);
    EXPECT(1 << 16, entry.header.release);
    EXPECT(2, entry.header.replica);
    EXPECT(147, entry.header.operation);
    EXPECT(5, entry.header.client[3]);
    EXPECT(6, entry.header.request);
    EXPECT(8, entry.header.request_checksum[1]);

    size = memory.end;
    memcpy(log, memory.bytes, sizeof log);
    device = memory_device();
    options.first = NULL;
    EXPECT(AOF_OK, aof_writer_open(&writer, sizeof writer, &device, NULL, &options, NULL));
    for (offset = 0; offset < size; offset += 277) {
        uint64_t one = offset == 0 ? 275 : 277;
        EXPECT(AOF_OK, aof_writer_append_sealed(&writer, log + offset, (size_t)one, NULL));
        offset -= 277 - one;
    }
    EXPECT(size, memory.end);
    EXPECT(0, memcmp(log, memory.bytes, (size_t)size));
    /* And goes on from there. */
    EXPECT(AOF_OK, aof_writer_append(&writer, &request, NULL, 0, NULL, NULL));
    EXPECT(size + 272, memory.end);
}

/* A fork behind a backtrack is seen by those who remember. */

static struct {
    int count;
    aof_finding last;
} findings;

static int note(void *context, const aof_finding *finding)
{
    EXPECT(1, context == &findings);
    findings.count++;
    findings.last = *finding;
    return 0;
}

static void fork_behind_a_backtrack_needs_history(void)
{
    static unsigned char log[MEMORY_SIZE];
    static aof_link history[3];
    aof_device device = memory_device();
    aof_options options = {0};
    aof_writer writer = {{0}};
    aof_request request = {0};
    aof_report report;
    aof_tail tail;
    append_entries(&device, AOF_PROFILE_CRC, 3, 0);
    memcpy(log, memory.bytes, 3 * 272);
    /* Another op 2 behind op 1 */
    memory.end = 272;
    options.profile = AOF_PROFILE_CRC;
    EXPECT(AOF_OK, aof_recover(&device, buffer, sizeof buffer, &options, &tail, NULL));
    EXPECT(AOF_OK, aof_writer_open(&writer, sizeof writer, &device, &tail, &options, NULL));
    request.timestamp_ns = 99;
    EXPECT(AOF_OK, aof_writer_append(&writer, &request, NULL, 0, NULL, NULL));
    memcpy(log + 3 * 272, memory.bytes + 272, 272);
    memcpy(memory.bytes, log, 4 * 272);
    memory.end = 4 * 272;

    EXPECT(AOF_OK, aof_verify(&device, buffer, sizeof buffer, &options, note, &findings, &report, NULL));
    EXPECT(1, report.backtracks);
    EXPECT(0, report.forks);
    EXPECT(1, report.sound);
    EXPECT(AOF_FINDING_BACKTRACK, findings.last.kind);
    memset(history, 0xff, sizeof history); /* what is in it does not matter */
    options.history = history;
    options.history_count = 3;
    EXPECT(AOF_OK, aof_verify(&device, buffer, sizeof buffer, &options, note, &findings, &report, NULL));
    EXPECT(0, report.backtracks);
    EXPECT(1, report.forks);
    EXPECT(0, report.sound);
    EXPECT(AOF_FINDING_FORK, findings.last.kind);
    EXPECT(3 * 272, findings.last.offset);
    EXPECT(2, findings.last.op);
    EXPECT(2, findings.count);

    /* A gap tells what is missing, and another cluster is another history. */
    memmove(memory.bytes + 272, memory.bytes + 544, 272);
    memory.end = 544;
    EXPECT(AOF_OK, aof_verify(&device, buffer, sizeof buffer, &options, note, &findings, &report, NULL));
    EXPECT(1, report.gaps);
    EXPECT(1, report.sound);
    EXPECT(2, findings.last.missing_first);
    EXPECT(2, findings.last.missing_last);
}

static void damage_in_the_middle_is_refused_by_recovery(void)
{
    aof_device device = memory_device();
    aof_options options = {0};
    aof_failure failure;
    aof_tail tail;
    options.profile = AOF_PROFILE_CRC;
    append_entries(&device, AOF_PROFILE_CRC, 3, 0);
    memory.bytes[272 + 50] ^= 1;
    EXPECT(AOF_ERROR_MIDDLE, aof_recover(&device, buffer, sizeof buffer, &options, &tail, &failure));
    EXPECT(272, failure.offset);
    EXPECT(544, failure.next);
    memset(memory.bytes, 0x55, 600);
    EXPECT(AOF_ERROR_NO_LOG, aof_recover(&device, buffer, sizeof buffer, &options, &tail, &failure));
    EXPECT(0, failure.offset);
}

/* A library built for one profile, on a log of the other: to be refused, and never to be written over. */
static void log_of_the_other_profile_is_refused_by_recovery(void)
{
    aof_device device = memory_device();
    aof_options options = {0};
    aof_failure failure;
    aof_tail tail;
    append_entries(&device, AOF_PROFILE_CRC, 1, 0);
    options.profile = AOF_PROFILE_TIGERBEETLE;
    EXPECT(AOF_ERROR_FOREIGN, aof_recover(&device, buffer, sizeof buffer, &options, &tail, &failure));
    EXPECT(0, failure.offset);
    EXPECT(AOF_FINDING_MAGIC, failure.finding);
}

/* A device that is larger than its log, and a reading that goes on where an earlier one ended. */
static void reader_is_told_where_the_log_ends_and_where_to_go_on(void)
{
    static aof_reader reader;
    aof_device device = memory_device();
    aof_options options = {0};
    aof_failure failure;
    aof_entry entry, second;
    options.profile = AOF_PROFILE_CRC;
    options.chain_check = 1;
    append_entries(&device, AOF_PROFILE_CRC, 4, 0);
    memory.end += 1000; /* zeros */
    EXPECT(AOF_OK, aof_reader_open(&reader, sizeof reader, &device, buffer, sizeof buffer, &options, &failure));
    EXPECT(AOF_OK, aof_reader_set_end(&reader, 3 * 272, &failure));
    EXPECT(AOF_OK, aof_reader_next(&reader, &entry, &failure));
    EXPECT(AOF_OK, aof_reader_next_header(&reader, &second, &failure));
    EXPECT(AOF_OK, aof_reader_next(&reader, &entry, &failure));
    EXPECT(AOF_END, aof_reader_next(&reader, &entry, &failure));
    EXPECT(AOF_OK, aof_reader_set_end(&reader, 4 * 272, &failure)); /* it grew */
    EXPECT(AOF_OK, aof_reader_next(&reader, &entry, &failure));
    EXPECT(4, entry.header.op);
    EXPECT(AOF_END, aof_reader_next(&reader, &entry, &failure));

    EXPECT(AOF_OK, aof_reader_set_position(&reader, 2 * 272, second.header.checksum, &failure));
    EXPECT(AOF_OK, aof_reader_next(&reader, &entry, &failure));
    EXPECT(3, entry.header.op);
    EXPECT(AOF_OK, aof_reader_set_position(&reader, 3 * 272, second.header.checksum, &failure));
    EXPECT(AOF_ERROR_CHAIN, aof_reader_next(&reader, &entry, &failure)); /* another entry came before it */
    EXPECT(AOF_OK, aof_reader_set_position(&reader, 3 * 272, NULL, &failure));
    EXPECT(AOF_OK, aof_reader_next(&reader, &entry, &failure));
    EXPECT(4, entry.header.op);
    EXPECT(AOF_OK, aof_reader_close(&reader));
}

int main(void)
{
    EXPECT(AOF_ABI_VERSION, aof_abi_version());
    EXPECT(1, strlen(aof_version()) >= 5);
    EXPECT(AOF_READER_SIZE, sizeof(aof_reader));
    EXPECT(AOF_WRITER_SIZE, sizeof(aof_writer));
    entries_are_read_whole_in_pieces_and_by_their_headers(AOF_PROFILE_TIGERBEETLE);
    entries_are_read_whole_in_pieces_and_by_their_headers(AOF_PROFILE_CRC);
    damage_is_told_and_skipped();
    break_of_the_chain_is_told_if_asked_for();
    tail_is_recovered_and_the_chain_goes_on(AOF_PROFILE_TIGERBEETLE);
    tail_is_recovered_and_the_chain_goes_on(AOF_PROFILE_CRC);
    checkpoint_can_be_made_by_the_caller();
    sealed_entries_are_appended_as_they_are(AOF_PROFILE_TIGERBEETLE);
    sealed_entries_are_appended_as_they_are(AOF_PROFILE_CRC);
    fork_behind_a_backtrack_needs_history();
    damage_in_the_middle_is_refused_by_recovery();
    log_of_the_other_profile_is_refused_by_recovery();
    reader_is_told_where_the_log_ends_and_where_to_go_on();
    return failed;
}
