/* A device that logs: the code of docs/firmware-guide.md, which `cargo xtask ci figures` compares with this file. */

/* guide: begin */
#include "aof.h"

/* Opens the log on `device`, appends an entry, makes it durable, and verifies the whole log. */
aof_error log_one(const aof_device *device, void *buffer, size_t buffer_size, aof_failure *failure)
{
    static aof_writer writer; /* 400 bytes of the caller's, zero before the first use */
    const aof_options options = { .profile = AOF_PROFILE_CRC };
    const aof_request request = { .timestamp_ns = 1, .operation = 6 };
    aof_tail tail;
    aof_report report;
    aof_error error;

    /* Open, and recover: where the last whole entry ends, and what a power cut left behind it, which is made
     * zero. Where an entry follows what is damaged, this is an error, and nothing is changed. */
    error = aof_recover(device, buffer, buffer_size, &options, &tail, failure);
    if (error == AOF_OK) {
        error = aof_clean(device, &tail, failure);
    }

    /* Append. The entry is durable once the checkpoint says AOF_OK. */
    if (error == AOF_OK) {
        error = aof_writer_open(&writer, sizeof writer, device, &tail, &options, failure);
    }
    if (error == AOF_OK) {
        error = aof_writer_append(&writer, &request, "temperature 21", 14, NULL, failure);
    }
    if (error == AOF_OK) {
        error = aof_writer_checkpoint(&writer, failure);
    }

    /* Verify every byte: bodies larger than the buffer pass by in pieces. */
    if (error == AOF_OK) {
        error = aof_verify(device, buffer, buffer_size, &options, NULL, NULL, &report, failure);
    }
    if (error == AOF_OK && !report.sound) {
        error = AOF_ERROR_DAMAGE; /* to the verification damage is a finding and no error */
    }
    return error;
}
/* guide: end */
