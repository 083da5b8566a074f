/*
 * aof: append-only logs that a replica can trust, for C and C++.
 *
 * Made from the Rust code of aof-nostd/c: change it there. The guide: docs/firmware-guide.md. The format:
 * docs/format.md.
 *
 * Storage. aof_reader and aof_writer are the caller's memory: static, on the stack, or in a struct. Nothing is
 * allocated. Both are zero before they are first opened, and stay where they are while they are open.
 *
 * Calls. One at a time for each reader and writer; different ones do not know of each other. No call blocks but
 * in the caller's callbacks. A call that returns another code than AOF_OK and AOF_END tells what, where and what
 * to do in its aof_failure.
 *
 * Numbers. Offsets and sizes are bytes, times nanoseconds since 1970. The library knows both profiles, or, built with
 * one of the features `tigerbeetle` and `crc`, that one.
 *
 * Versions. A program may ask aof_abi_version() == AOF_ABI_VERSION at its start: then header and library belong
 * together.
 */

#ifndef AOF_H
#define AOF_H

#include <stddef.h>
#include <stdint.h>

// The version of this interface. It grows by one with each change that a program compiled with an older
// header could notice; `aof_abi_version` tells that of the library.
#define AOF_ABI_VERSION 1

// Bytes of an `aof_reader`, on every target: what 64 bits need.
#define AOF_READER_SIZE 272

// Bytes of an `aof_writer`, on every target.
#define AOF_WRITER_SIZE 400

// The same in words of 8 bytes.
#define AOF_READER_WORDS 34

// The same in words of 8 bytes.
#define AOF_WRITER_WORDS 50

// What an `aof_reader` and an `aof_writer` are aligned to, bytes.
#define AOF_ALIGN 8

// The smallest buffer for reading, bytes: an entry's magic and header. 512 or 1024 make fewer calls.
#define AOF_BUFFER_SIZE_MIN 272

// Bytes of magic and header: what an entry takes beside its body.
#define AOF_HEAD_SIZE 272

// The most links that a verification's history has: 2^31 - 1 bytes of them. A replica goes back by 1,024 ops
// at most.
#define AOF_HISTORY_COUNT_MAX 53687091

// An offset that is not known or does not apply.
#define AOF_NOWHERE 18446744073709551615ull

// The profile that the log's first entry tells. For reading; a library with one profile takes that.
#define AOF_PROFILE_ANY 0

// Files of TigerBeetle's replicas: checksums are AEGIS-128L tags.
#define AOF_PROFILE_TIGERBEETLE 1

// The same layout with CRC-64/XZ, for devices without AES instructions.
#define AOF_PROFILE_CRC 2

// No entry starts where one should, or one of the other profile or of an older layout.
#define AOF_FINDING_MAGIC 1

// The header's checksum does not match: nothing in the header can be trusted.
#define AOF_FINDING_HEADER_CHECKSUM 2

// The header's checksum matches, and the header breaks a rule: see `rule`.
#define AOF_FINDING_HEADER_INVALID 3

// The header is whole, the body's checksum does not match.
#define AOF_FINDING_BODY_CHECKSUM 4

// The log ends inside an entry.
#define AOF_FINDING_TORN_TAIL 5

// No damage: the log goes back to an earlier op, or has the same entry once more. A replica's log does
// that after a restart.
#define AOF_FINDING_BACKTRACK 6

// No damage: ops are missing before this entry. A replica's log has that after a state sync.
#define AOF_FINDING_GAP 7

// Two histories: another entry for an op, or another parent or cluster, than the log had before.
#define AOF_FINDING_FORK 8

// `size` is below 256 or above the size limit.
#define AOF_RULE_SIZE 1

// `command` is not 6.
#define AOF_RULE_COMMAND 2

// `epoch` is not 0.
#define AOF_RULE_EPOCH 3

// `protocol` is not 0.
#define AOF_RULE_PROTOCOL 4

// A checksum's padding is not 0.
#define AOF_RULE_PADDING 5

// A reserved field is not 0.
#define AOF_RULE_RESERVED 6

// `op` is 0, or there is no op after the last one.
#define AOF_RULE_OP 7

// `commit` is not below `op`.
#define AOF_RULE_COMMIT 8

// The entry has a newer layout, which this version does not read.
#define AOF_RULE_NEWER_LAYOUT 9

// Nothing failed, entries may be appended.
#define AOF_STATE_WRITING 0

// A checkpoint is under way. Entries may be appended, which it does not cover.
#define AOF_STATE_CHECKPOINTING 1

// The device failed: nothing more is written. Open the log anew.
#define AOF_STATE_FAILED 2

// What a function says. A code keeps its number for ever; `aof_error_message` has its words.
enum aof_error
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // Done.
    AOF_OK = 0,
    // No error: the log ends here.
    AOF_END = 1,
    // The caller: a pointer that is needed is NULL, or a callback that is needed is missing.
    AOF_ERROR_NULL = 10,
    // The caller: a pointer is not aligned for what it points at.
    AOF_ERROR_ALIGNMENT = 11,
    // The caller: the storage is shorter than the library needs: was the program compiled with this
    // library's header?
    AOF_ERROR_STORAGE = 12,
    // The caller: the reader or writer is not open.
    AOF_ERROR_NOT_OPEN = 13,
    // The caller: the reader or writer is at work: a callback called it again.
    AOF_ERROR_BUSY = 14,
    // The caller: a length that no memory has, or buffer and storage overlap.
    AOF_ERROR_MEMORY = 15,
    // The caller: there is no such profile in this library, or it has to be named.
    AOF_ERROR_PROFILE = 16,
    // The caller: a callback claims more bytes than it was asked for, or did not say how many.
    AOF_ERROR_CALLBACK = 17,
    // The caller's own callback for pieces or findings said stop: `device` is what it returned.
    AOF_ERROR_STOPPED = 18,
    // The caller: the tail is torn: clean it (`aof_clean`), or cut the file there.
    AOF_ERROR_TORN = 19,
    // The device failed: `device` is what the callback returned.
    AOF_ERROR_DEVICE = 30,
    // The device is full.
    AOF_ERROR_FULL = 31,
    // The device has fewer bytes than it said: `offset` is where they end, `needed` how many there
    // should be.
    AOF_ERROR_SHRUNK = 32,
    // The log is damaged at `offset`: `finding` says how. `aof_reader_skip` goes on behind it.
    AOF_ERROR_DAMAGE = 40,
    // The entry at `offset` is whole and does not continue the one before it. `aof_reader_skip` accepts
    // that.
    AOF_ERROR_CHAIN = 41,
    // The buffer is too small: `needed` bytes. For one entry, `aof_reader_next_streamed` does without.
    AOF_ERROR_BUFFER = 42,
    // Append nothing: damage in the middle, and the log goes on at `next`. Merge it with other logs of
    // its cluster, or copy it out.
    AOF_ERROR_MIDDLE = 50,
    // Append nothing: an entry breaks a rule, which no power cut does. Is the size limit lower than the
    // writer's, or the log of a later version?
    AOF_ERROR_RULE = 51,
    // Append nothing: two histories. Copy the log out, and zero the device before its next use.
    AOF_ERROR_FORK = 52,
    // Append nothing: the device is not zero, and no log of this profile is on it. Is it the right one?
    AOF_ERROR_NO_LOG = 53,
    // Append nothing: at `offset` an entry of the other profile begins, or one of TigerBeetle's layout before
    // 0.16.21. Name the profile in which the log was written, or copy it out.
    AOF_ERROR_FOREIGN = 54,
    // The device failed before: nothing is written until the log is opened anew.
    AOF_ERROR_FAILED = 60,
    // As many entries are unsynced as may be (`needed`): make a checkpoint.
    AOF_ERROR_UNSYNCED = 61,
    // A checkpoint is under way.
    AOF_ERROR_CHECKPOINTING = 62,
    // No checkpoint is under way.
    AOF_ERROR_NOT_CHECKPOINTING = 63,
    // What is to be appended is no valid entry: `finding` says why. Nothing was written.
    AOF_ERROR_INVALID = 64,
    // The entry to be made breaks a rule of the format: `rule`. Nothing was written.
    AOF_ERROR_HEADER = 65,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum aof_error aof_error;
#else
typedef int32_t aof_error;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// A reader: opaque, in the caller's memory. Zero before it is first opened (`= {0}`, or static). It must
// not be copied or moved while it is open.
typedef struct aof_reader {
    // The library's.
    uint64_t opaque[AOF_READER_WORDS];
} aof_reader;

// Reads up to `size` bytes (at least 1) from the position on into `buffer`, moves the position behind
// them and sets `*count` to how many they were: 0 only where the log ends. Returns 0, or a code of the
// caller's own, which comes back in `aof_failure`; then nothing is known of the position.
typedef int (*aof_read_fn)(void *context, void *buffer, size_t size, size_t *count);

// Writes up to `size` bytes (at least 1) at the position, moves the position behind them and sets
// `*count` to how many they were: 0 only where the device is full. Returns 0, or a code of the caller's
// own. Written bytes need not be durable before `sync`.
typedef int (*aof_write_fn)(void *context, const void *bytes, size_t size, size_t *count);

// Moves the position to `offset`, bytes from the log's beginning. Returns 0, or a code of the caller's
// own.
typedef int (*aof_seek_fn)(void *context, uint64_t offset);

// Sets `*size` to where the log ends, bytes: a file's length. Of a raw device, to `aof_recover` its size,
// and to `aof_verify` where the log on it ends, as far as that is known (a reader can be told by
// `aof_reader_set_end`). Returns 0, or a code of the caller's own.
typedef int (*aof_size_fn)(void *context, uint64_t *size);

// Makes everything written so far durable, by what the medium really has: a card's or a disk's flush, a
// file's sync. Returns 0 only if that is so; a medium that has nothing like it returns a code. After an
// error a later 0 proves nothing: the log has to be opened anew, after a restart.
typedef int (*aof_sync_fn)(void *context);

// The caller's device: a file, a card, a flash region. It is copied where it is given; what `context`
// points at has to stay. A callback must not jump out of itself (`longjmp`), and a call to this library
// from within one is refused where it is for the reader or writer that is at work (`AOF_ERROR_BUSY`).
typedef struct aof_device {
    // Handed to each callback.
    void *context;
    // For reading and recovery.
    aof_read_fn read;
    // For writing and cleaning.
    aof_write_fn write;
    // For everything.
    aof_seek_fn seek;
    // For reading and recovery.
    aof_size_fn size;
    // For writing and cleaning.
    aof_sync_fn sync;
} aof_device;

// An entry's place in the chain.
typedef struct aof_link {
    // Its number; 0: no entry.
    uint64_t op;
    // Its identity.
    uint8_t checksum[16];
    // The identity of the entry before it.
    uint8_t parent[16];
} aof_link;

// An entry's header, in the byte order of the CPU but for what is 16 bytes. Fields that are 0 in every
// valid header are left out.
typedef struct aof_header {
    // The header's checksum: the entry's identity.
    uint8_t checksum[16];
    // The body's checksum.
    uint8_t checksum_body[16];
    // The checksum of the entry before it: the hash chain.
    uint8_t parent[16];
    // The checksum of the client's request.
    uint8_t request_checksum[16];
    // The checkpoint on which the entry builds.
    uint8_t checkpoint_id[16];
    // The cluster.
    uint8_t cluster[16];
    // The client that asked; 0 for the cluster itself.
    uint8_t client[16];
    // The entry's number in its log, from 1.
    uint64_t op;
    // The highest op known to be committed: below `op`.
    uint64_t commit;
    // Nanoseconds since 1970.
    uint64_t timestamp_ns;
    // Header (256) and body, bytes. In the log an entry takes 16 more.
    uint32_t size;
    // The view in which the entry was prepared.
    uint32_t view;
    // The release that prepared it: `major << 16 | minor << 8 | patch`.
    uint32_t release;
    // The number of the client's request.
    uint32_t request;
    // What the entry does.
    uint8_t operation;
    // The replica that prepared it.
    uint8_t replica;
    // 0.
    uint8_t reserved[6];
} aof_header;

// How a log is read or written. All zero is the default of each; NULL in place of the options, too.
typedef struct aof_options {
    // `AOF_PROFILE_...`; recovery and writing need to know it.
    int32_t profile;
    // The largest `size` of an entry, bytes: header and body, 256 or more. 0: 1 MiB. A larger one is
    // damage.
    uint32_t message_size_max;
    // Reader: 1 makes an entry whose parent is not the entry before it `AOF_ERROR_CHAIN`.
    uint32_t chain_check;
    // Writer: how many entries may be unsynced. 0: 1024.
    uint32_t unsynced_max;
    // Recovery: how many ops behind the last whole entry may be given up. 0: none.
    uint32_t leftovers_max;
    // Verification: how many links `history` has room for, at most `AOF_HISTORY_COUNT_MAX`.
    uint32_t history_count;
    // Recovery: how many bytes behind the last whole entry are looked at. 0: all.
    uint64_t search_size_max;
    // Verification: room for the last ops seen, by which a fork behind a backtrack is found. What is in
    // it does not matter. NULL: forks are seen between neighbours only.
    struct aof_link *history;
    // Writer: what the first entry of an empty log is like (its op, parent, cluster, view, release,
    // replica, checkpoint). NULL: op 1, all else 0.
    const struct aof_header *first;
} aof_options;

// What went wrong, and where. Every function writes it where it gets room for it (NULL: no room),
// whatever it returns.
typedef struct aof_failure {
    // Byte of the log; `AOF_NOWHERE` where it is about no place.
    uint64_t offset;
    // The entry's op; 0 where it is not known.
    uint64_t op;
    // Bytes that a buffer needs, or that a torn entry lacks; a limit; else 0.
    uint64_t needed;
    // `AOF_ERROR_MIDDLE`: the byte where the log goes on. Else `AOF_NOWHERE`.
    uint64_t next;
    // What the function returned.
    aof_error error;
    // What the caller's callback returned, if it failed; else 0.
    int32_t device;
    // `AOF_FINDING_...`; 0 where it is about no entry.
    int32_t finding;
    // `AOF_RULE_...`; 0 where no rule is broken.
    int32_t rule;
} aof_failure;

// An entry that a reader gives.
typedef struct aof_entry {
    // Its first byte, from the log's beginning.
    uint64_t offset;
    // Its header, verified.
    struct aof_header header;
    // Its body, verified, in the reader's buffer, until the next call with that reader. NULL where the
    // body was given in pieces or not read.
    const uint8_t *body;
    // Bytes of the body.
    uint32_t body_size;
    // 0.
    uint32_t reserved;
} aof_entry;

// Gets the next piece of a body, `size` bytes. **Not yet verified**: only `AOF_OK` of the call says that
// the body was right. Another value than 0 ends the giving of pieces, not the verification.
typedef int (*aof_piece_fn)(void *context, const uint8_t *piece, size_t size);

// Where a log ends, for a writer that goes on.
typedef struct aof_tail {
    // The first byte behind the last whole entry.
    uint64_t end;
    // How many entries there are.
    uint64_t entries;
    // What a power cut left behind the end: the first byte that is not zero ...
    uint64_t torn_start;
    // ... and the first behind the last one that is not zero. The same as `torn_start`: nothing.
    uint64_t torn_end;
    // The last entry's header, which the next entry continues; its op is 0 if there is no entry.
    struct aof_header last;
} aof_tail;

// A place where a log is not one unbroken chain of whole entries.
typedef struct aof_finding {
    // Byte of the log: of the damage, or of the entry.
    uint64_t offset;
    // The entry's op; 0 where it is not known.
    uint64_t op;
    // Damage: bytes from `offset` to where reading goes on. Else 0.
    uint64_t size;
    // Gap: the first op that is missing. Else 0.
    uint64_t missing_first;
    // Gap: the last op that is missing. Else 0.
    uint64_t missing_last;
    // `AOF_FINDING_...`; `aof_finding_name` has its name.
    int32_t kind;
    // With `AOF_FINDING_HEADER_INVALID`: `AOF_RULE_...`. Else 0.
    int32_t rule;
} aof_finding;

// Gets a finding of `aof_verify`. Another value than 0 ends the verification with `AOF_ERROR_STOPPED`.
typedef int (*aof_finding_fn)(void *context, const struct aof_finding *finding);

// What a log holds: the figures that `aof verify` gives for it.
typedef struct aof_report {
    // The log's size, bytes.
    uint64_t bytes;
    // Whole entries, repeated ones too.
    uint64_t entries;
    // The lowest op, wherever it stands; 0 without an entry.
    uint64_t first_op;
    // The highest op, wherever it stands; 0 without an entry.
    uint64_t last_op;
    // Places that are damaged.
    uint64_t damages;
    // Bytes that belong to no whole entry.
    uint64_t damaged_bytes;
    // Places where the log goes back.
    uint64_t backtracks;
    // Places where ops are missing.
    uint64_t gaps;
    // Places where there are two histories.
    uint64_t forks;
    // The checksum of the first entry, in the order of the log; 0 without an entry.
    uint8_t first_checksum[16];
    // The checksum of the last entry.
    uint8_t last_checksum[16];
    // The cluster of the first entry.
    uint8_t cluster[16];
    // `AOF_PROFILE_...` that was read.
    int32_t profile;
    // 1 if every byte belongs to a whole entry and there is no fork. Backtracks and gaps do not count.
    uint32_t sound;
} aof_report;

// A writer: opaque, in the caller's memory. As `aof_reader`.
typedef struct aof_writer {
    // The library's.
    uint64_t opaque[AOF_WRITER_WORDS];
} aof_writer;

// What a new entry says of itself; the rest continues the entry before it. All zero but `operation` is a
// record of the device itself.
typedef struct aof_request {
    // Nanoseconds since 1970.
    uint64_t timestamp_ns;
    // Who asked; 0 for the cluster itself.
    uint8_t client[16];
    // The checksum of the client's request.
    uint8_t request_checksum[16];
    // The number of the client's request.
    uint32_t request;
    // What the entry does: 6 is "nothing", 128 and up are the state machine's own.
    uint8_t operation;
    // 0.
    uint8_t reserved[3];
} aof_request;

// What a writer is doing.
typedef struct aof_status {
    // Bytes appended by this writer, whole entries only.
    uint64_t size;
    // The last entry's op; 0 if there is none.
    uint64_t last_op;
    // Entries appended since the last checkpoint.
    uint32_t unsynced;
    // `AOF_STATE_...`.
    uint32_t state;
} aof_status;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// What the code `error` means and what to do, in words; never NULL. The place is in `aof_failure`.
const char *aof_error_message(int32_t error);

// The name of a finding, as `aof verify` has it: "magic", "header-checksum", "header-invalid",
// "body-checksum", "torn-tail", "backtrack", "gap" or "fork"; "?" for another number.
const char *aof_finding_name(int32_t finding);

// The rule of the format with the number `rule` (`AOF_RULE_...`) as it is broken, in words; "?" for
// another number.
const char *aof_rule_message(int32_t rule);

// Opens a log for reading, from its first byte on, in a buffer of `AOF_BUFFER_SIZE_MIN` bytes or more.
// `reader_size` is `sizeof(aof_reader)`. The buffer stays the reader's until it is closed; entries larger
// than it can be read in pieces, or their headers only.
//
// A reader that is open already is closed by this, also where the log cannot be opened. A wrong call (NULL,
// say) leaves it as it is.
//
// Errors: `AOF_ERROR_DEVICE`, `AOF_ERROR_BUFFER`, `AOF_ERROR_PROFILE`, and those of a wrong call.
//
// # Safety
//
// Pointers are NULL or point at what their types say; `buffer` has `buffer_size` bytes; the callbacks may
// be called with their context until the reader is closed.
aof_error aof_reader_open(struct aof_reader *reader,
                          size_t reader_size,
                          const struct aof_device *device,
                          void *buffer,
                          size_t buffer_size,
                          const struct aof_options *options,
                          struct aof_failure *failure);

// Reads the next entry whole and verifies it. `AOF_END` at the log's end, again and again.
//
// Errors: `AOF_ERROR_DAMAGE`, `AOF_ERROR_CHAIN` (only if asked for), `AOF_ERROR_BUFFER` (the entry is
// larger than the buffer), `AOF_ERROR_DEVICE`, `AOF_ERROR_SHRUNK`. The position stays at the entry that could not be given:
// skip it, read it in another way, or try again.
//
// # Safety
//
// Pointers are NULL or point at what their types say.
aof_error aof_reader_next(struct aof_reader *reader,
                          struct aof_entry *entry,
                          struct aof_failure *failure);

// Reads the next entry and verifies it; its body goes to `piece` (which may be NULL) as it passes by, in
// pieces of at most the buffer's size. What `piece` gets is **not yet verified**: only `AOF_OK` says that
// it was right. `AOF_END` at the log's end.
//
// Errors: as `aof_reader_next`, without `AOF_ERROR_BUFFER`. `AOF_ERROR_STOPPED` if `piece` returned
// another value than 0: the entry is whole and was passed all the same.
//
// # Safety
//
// Pointers are NULL or point at what their types say; `piece` may be called with `context`.
aof_error aof_reader_next_streamed(struct aof_reader *reader,
                                   struct aof_entry *entry,
                                   aof_piece_fn piece,
                                   void *context,
                                   struct aof_failure *failure);

// Reads the next entry's header and verifies that; its body is neither read nor verified. `AOF_END` at
// the log's end.
//
// Errors: as `aof_reader_next`, without `AOF_ERROR_BUFFER`.
//
// # Safety
//
// Pointers are NULL or point at what their types say.
aof_error aof_reader_next_header(struct aof_reader *reader,
                                 struct aof_entry *entry,
                                 struct aof_failure *failure);

// Goes on at the next place behind the position where an entry starts, else at the log's end, and sets
// `*offset` to it (NULL: not wanted). After `AOF_ERROR_CHAIN` that is the position itself: the entry is
// whole and will be given.
//
// Errors: `AOF_ERROR_DEVICE`, `AOF_ERROR_SHRUNK`; the position is as before.
//
// # Safety
//
// Pointers are NULL or point at what their types say.
aof_error aof_reader_skip(struct aof_reader *reader, uint64_t *offset, struct aof_failure *failure);

// Goes on at byte `offset` of the log, where an entry starts: to resume where an earlier reading was.
// `last_checksum` are the 16 bytes of the checksum of the entry before it, which `chain_check` compares the
// next entry's parent with; NULL: any entry is taken. Nothing is read yet.
//
// Errors: those of a wrong call.
//
// # Safety
//
// Pointers are NULL or point at what their types say; `last_checksum` has 16 bytes.
aof_error aof_reader_set_position(struct aof_reader *reader,
                                  uint64_t offset,
                                  const uint8_t *last_checksum,
                                  struct aof_failure *failure);

// Says where the log ends, bytes from its beginning: a file that grew, or a log on a device that is larger
// than the log, of which `aof_recover` said `end`. Until then it ends where the device said when the reader
// was opened.
//
// Errors: those of a wrong call. A device that has fewer bytes reads as a log that was cut.
//
// # Safety
//
// Pointers are NULL or point at what their types say.
aof_error aof_reader_set_end(struct aof_reader *reader, uint64_t end, struct aof_failure *failure);

// Closes a reader: storage, buffer and device are the caller's again.
//
// # Safety
//
// The pointer is NULL or points at a reader.
aof_error aof_reader_close(struct aof_reader *reader);

// Reads a log whole and finds its end. Writes nothing. For a file, and for a device that was zeroed
// before its first use. A log without an entry is one, too.
//
// Errors: `AOF_ERROR_MIDDLE`, `AOF_ERROR_RULE`, `AOF_ERROR_FORK`, `AOF_ERROR_NO_LOG`,
// `AOF_ERROR_FOREIGN`: append nothing.
// `AOF_ERROR_SHRUNK`, `AOF_ERROR_DEVICE`, `AOF_ERROR_BUFFER`, `AOF_ERROR_PROFILE` (it has to be named), and
// those of a wrong call.
//
// # Safety
//
// Pointers are NULL or point at what their types say; `buffer` has `buffer_size` bytes; the callbacks may
// be called with their context.
aof_error aof_recover(const struct aof_device *device,
                      void *buffer,
                      size_t buffer_size,
                      const struct aof_options *options,
                      struct aof_tail *tail,
                      struct aof_failure *failure);

// Zeroes what a power cut left behind the log's end, and makes that and every entry found durable. Then
// `*tail` says that nothing is torn. A power cut meanwhile leaves a torn tail again. For raw devices, and
// files that cannot be made shorter; one that can is cut at `end`, and `torn_end` set to `torn_start`.
//
// Errors: `AOF_ERROR_DEVICE`, `AOF_ERROR_FULL` (the device has become smaller), and those of a wrong call.
// Recover anew; where a sync failed, only after a restart.
//
// # Safety
//
// Pointers are NULL or point at what their types say; the callbacks may be called with their context.
aof_error aof_clean(const struct aof_device *device, struct aof_tail *tail, struct aof_failure *failure);

// Verifies a log from its first byte to its end, goes on behind damage, and says what it holds: the
// figures and findings of `aof verify`, but for the missing ops and the data checksum. A buffer of
// `AOF_BUFFER_SIZE_MIN` bytes is enough for entries of any size. `*report` is written whatever happens:
// where the verification ended early, with what was seen until then.
//
// Errors: `AOF_ERROR_DEVICE`, `AOF_ERROR_SHRUNK`, `AOF_ERROR_BUFFER`, `AOF_ERROR_PROFILE`,
// `AOF_ERROR_STOPPED`, and those of a wrong call. Damage is none: look at `sound`.
//
// # Safety
//
// Pointers are NULL or point at what their types say; `buffer` has `buffer_size` bytes, the history of the
// options has room for `history_count` links; `finding` may be called with `context`, and the device's
// callbacks with theirs.
aof_error aof_verify(const struct aof_device *device,
                     void *buffer,
                     size_t buffer_size,
                     const struct aof_options *options,
                     aof_finding_fn finding,
                     void *context,
                     struct aof_report *report,
                     struct aof_failure *failure);

// The version of the interface that the library has: to be compared with `AOF_ABI_VERSION`, the header's.
uint32_t aof_abi_version(void);

// The library's version, such as "0.1.0".
const char *aof_version(void);

// Opens a log for appending at `tail`, which `aof_recover` gave: the next entry continues its last one.
// `tail` NULL: a new log, at the device's first byte. `writer_size` is `sizeof(aof_writer)`.
//
// A writer that is open already is closed by this, also where the log cannot be opened: as by
// `aof_writer_close`, without a checkpoint. A wrong call (NULL, say) leaves it as it is.
//
// Errors: `AOF_ERROR_TORN`, `AOF_ERROR_PROFILE` (it has to be named), `AOF_ERROR_DEVICE`, and those of a
// wrong call.
//
// # Safety
//
// Pointers are NULL or point at what their types say; the callbacks may be called with their context until
// the writer is closed.
aof_error aof_writer_open(struct aof_writer *writer,
                          size_t writer_size,
                          const struct aof_device *device,
                          const struct aof_tail *tail,
                          const struct aof_options *options,
                          struct aof_failure *failure);

// Makes an entry of a request and a body (`body_size` bytes; NULL if 0) that continues the last entry,
// and appends it. `*link` is set to its place in the chain (NULL: not wanted). It is durable after the
// next checkpoint.
//
// Errors: `AOF_ERROR_UNSYNCED`, `AOF_ERROR_HEADER` (the body is too large, or there is no op left):
// nothing was written. `AOF_ERROR_DEVICE`, `AOF_ERROR_FULL`: a part of the entry may be on the device, and
// every call after this one gives `AOF_ERROR_FAILED`.
//
// # Safety
//
// Pointers are NULL or point at what their types say; `body` has `body_size` bytes.
aof_error aof_writer_append(struct aof_writer *writer,
                            const struct aof_request *request,
                            const void *body,
                            size_t body_size,
                            struct aof_link *link,
                            struct aof_failure *failure);

// Appends a sealed entry as it is (magic, header and body: `size` bytes), after verifying it. Its place in
// the chain is not looked at: a replica may go back.
//
// Errors: `AOF_ERROR_INVALID`, `AOF_ERROR_HEADER` (`size` is not the entry's), `AOF_ERROR_UNSYNCED`: nothing
// was written. `AOF_ERROR_DEVICE`, `AOF_ERROR_FULL`: as for `aof_writer_append`.
//
// # Safety
//
// Pointers are NULL or point at what their types say; `entry` has `size` bytes.
aof_error aof_writer_append_sealed(struct aof_writer *writer,
                                   const void *entry,
                                   size_t size,
                                   struct aof_failure *failure);

// Makes everything appended durable: syncs the device. Only `AOF_OK` says that it is.
//
// Errors: `AOF_ERROR_DEVICE`: nothing is known of what was not durable before, and every call after this
// one gives `AOF_ERROR_FAILED`; open the log anew, after a restart. `AOF_ERROR_CHECKPOINTING`,
// `AOF_ERROR_FAILED`.
//
// # Safety
//
// Pointers are NULL or point at what their types say.
aof_error aof_writer_checkpoint(struct aof_writer *writer, struct aof_failure *failure);

// Begins a checkpoint whose sync the caller makes itself, in an interrupt or another task, without the
// writer. Entries may be appended meanwhile; the checkpoint does not cover them.
//
// Errors: `AOF_ERROR_CHECKPOINTING`, `AOF_ERROR_FAILED`.
//
// # Safety
//
// Pointers are NULL or point at what their types say.
aof_error aof_writer_begin_checkpoint(struct aof_writer *writer, struct aof_failure *failure);

// Ends it. `synced` 1: the device synced after the checkpoint began, and what was appended before is
// durable. 0: the sync failed, and the writer has failed with it.
//
// Errors: `AOF_ERROR_NOT_CHECKPOINTING`, `AOF_ERROR_FAILED`.
//
// # Safety
//
// Pointers are NULL or point at what their types say.
aof_error aof_writer_end_checkpoint(struct aof_writer *writer, uint32_t synced, struct aof_failure *failure);

// Says what a writer is doing.
//
// # Safety
//
// Pointers are NULL or point at what their types say.
aof_error aof_writer_status(struct aof_writer *writer, struct aof_status *status);

// Closes a writer: storage and device are the caller's again. What was not synced is not durable.
//
// # Safety
//
// The pointer is NULL or points at a writer.
aof_error aof_writer_close(struct aof_writer *writer);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* AOF_H */
