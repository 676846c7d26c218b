/*
 * The contract between the gatherd daemon and a native plugin.
 *
 * Licence: Apache-2.0 OR MIT.
 */
#ifndef GATHERD_PLUGIN_H
#define GATHERD_PLUGIN_H

/* Written by `cargo xtask abi` from native-plugins/abi/src/lib.rs: edit that file. */

#include <stddef.h>
#include <stdint.h>

/**
 * Version of the contract: another major version is not understood.
 */
#define GATHERD_ABI_MAJOR 1

/**
 * Grows when a field or a number is added that an older reader may ignore.
 * 1: gatherd_host_table.register_many.
 */
#define GATHERD_ABI_MINOR 1

/**
 * Names a series to one plugin instance; given by gatherd_host_table.register_.
 */
typedef uint64_t gatherd_handle;
/**
 * Never given; for who has not registered yet.
 */
#define GATHERD_HANDLE_NONE UINT64_MAX

/**
 * One value; the data source tells which member counts.
 */
typedef union gatherd_raw_value {
    /**
     * A running sum that wraps.
     */
    uint64_t counter;
    /**
     * A reading as it is; NaN for unknown.
     */
    double gauge;
    /**
     * A running sum that may fall.
     */
    int64_t derive;
    /**
     * A sum since the last reading.
     */
    uint64_t absolute;
} gatherd_raw_value;

/**
 * Result of a call across the boundary. A newtype, not an enum: C may hand us any number.
 */
typedef int32_t gatherd_status;
/**
 * It worked.
 */
#define GATHERD_STATUS_OK 0
/**
 * It did not work; the reason was given to gatherd_host_table.log or gatherd_host_table.complain.
 */
#define GATHERD_STATUS_FAILED -1
/**
 * The plugin panicked; its instance must not be called again but for `shutdown`.
 */
#define GATHERD_STATUS_PANICKED -2
/**
 * The handle's series has expired: register it again and retry once.
 */
#define GATHERD_STATUS_STALE -3
/**
 * The daemon knows no data set of this name.
 */
#define GATHERD_STATUS_UNKNOWN_TYPE -4
/**
 * The number of values is not that of the data set.
 */
#define GATHERD_STATUS_WRONG_COUNT -5
/**
 * A part of the identifier is empty, too long, not UTF-8, or holds a control character.
 */
#define GATHERD_STATUS_BAD_NAME -6
/**
 * The time is not later than the newest of the series.
 */
#define GATHERD_STATUS_TOO_OLD -7
/**
 * The time is further in the future than the daemon tolerates.
 */
#define GATHERD_STATUS_TOO_NEW -8
/**
 * A rule of the operator keeps the series out.
 */
#define GATHERD_STATUS_REFUSED -9
/**
 * A limit is reached: series of the daemon or of this plugin.
 */
#define GATHERD_STATUS_OVER_QUOTA -10
/**
 * The instance was shut down.
 */
#define GATHERD_STATUS_CLOSED -11
/**
 * A pointer is null, a number is out of range, or a structure is smaller than its first version.
 */
#define GATHERD_STATUS_BAD_CALL -12
/**
 * The handle was never given to this instance.
 */
#define GATHERD_STATUS_BAD_HANDLE -13

/**
 * UTF-8 text that is lent for the duration of one call. Empty text may have a null pointer.
 */
typedef struct gatherd_text {
    /**
     * First byte; not terminated by zero.
     */
    const uint8_t *data;
    /**
     * Number of bytes.
     */
    size_t len;
} gatherd_text;

/**
 * One read: values of many series by handle.
 */
typedef struct gatherd_batch {
    /**
     * Size of this structure in bytes, as the caller knows it.
     */
    size_t size;
    /**
     * When the values were read, in units of 2^-30 s since the epoch; 0 for now.
     */
    uint64_t time;
    /**
     * Until the next read, in units of 2^-30 s; 0 for the interval of the plugin.
     */
    uint64_t interval;
    /**
     * Number of samples.
     */
    size_t count;
    /**
     * `count` handles.
     */
    const gatherd_handle *handles;
    /**
     * `count + 1` ascending indices into `values`: sample i owns those from `offsets[i]` on,
     * before `offsets[i + 1]`.
     * Null where every sample has one value.
     */
    const uint32_t *offsets;
    /**
     * The values of all samples, one after another.
     */
    const union gatherd_raw_value *values;
    /**
     * Null, or `count` times that stand for `time` (0 falls back to it).
     */
    const uint64_t *times;
    /**
     * Null, or `count` intervals that stand for `interval` (0 falls back to it).
     */
    const uint64_t *intervals;
    /**
     * Null, or room for `count` answers, one per sample.
     */
    gatherd_status *results;
    /**
     * Metadata of the whole batch as a JSON object; may be empty.
     */
    struct gatherd_text meta;
} gatherd_batch;

/**
 * What a plugin can do, as bits of gatherd_plugin_table.capabilities.
 */
typedef uint64_t gatherd_capabilities;
/**
 * `read` is there.
 */
#define GATHERD_CAPABILITIES_READ 1
/**
 * `write` is there.
 */
#define GATHERD_CAPABILITIES_WRITE 2
/**
 * `flush` is there.
 */
#define GATHERD_CAPABILITIES_FLUSH 4
/**
 * `notification` is there.
 */
#define GATHERD_CAPABILITIES_NOTIFICATION 8

/**
 * The parts of an identifier; each at most 127 bytes.
 */
typedef struct gatherd_identity {
    /**
     * The machine that the series speaks of; empty for the daemon's own name.
     */
    struct gatherd_text host;
    /**
     * The plugin's name.
     */
    struct gatherd_text plugin;
    /**
     * Which of several things; may be empty.
     */
    struct gatherd_text plugin_instance;
    /**
     * The name of the data set.
     */
    struct gatherd_text type_name;
    /**
     * Which of several series of that type; may be empty.
     */
    struct gatherd_text type_instance;
} gatherd_identity;

/**
 * What kind of value a data source holds: 0 counter, 1 gauge, 2 derive, 3 absolute.
 */
typedef int32_t gatherd_source_kind;
/**
 * gatherd_raw_value.counter counts.
 */
#define GATHERD_SOURCE_KIND_COUNTER 0
/**
 * gatherd_raw_value.gauge counts.
 */
#define GATHERD_SOURCE_KIND_GAUGE 1
/**
 * gatherd_raw_value.derive counts.
 */
#define GATHERD_SOURCE_KIND_DERIVE 2
/**
 * gatherd_raw_value.absolute counts.
 */
#define GATHERD_SOURCE_KIND_ABSOLUTE 3

/**
 * One data source of a data set that is shown to a writer.
 */
typedef struct gatherd_source {
    /**
     * Its name.
     */
    struct gatherd_text name;
    /**
     * Which member of its values counts.
     */
    gatherd_source_kind kind;
    /**
     * The smallest believed rate; NaN for none.
     */
    double min;
    /**
     * The largest believed rate; NaN for none.
     */
    double max;
} gatherd_source;

/**
 * Who a series is and what its values mean, as it is shown to a writer; lent for one call of `show`.
 */
typedef struct gatherd_description {
    /**
     * Size of this structure in bytes, as the daemon knows it.
     */
    size_t size;
    /**
     * Who the series is; the host is never empty here.
     */
    struct gatherd_identity identity;
    /**
     * `sources_len` data sources, in the order of the values.
     */
    const struct gatherd_source *sources;
    /**
     * Number of data sources.
     */
    size_t sources_len;
} gatherd_description;

/**
 * Level of a log line, as syslog numbers them: 3 error, 4 warning, 5 notice, 6 information, 7 debug.
 */
typedef int32_t gatherd_log_level;
/**
 * Something does not work.
 */
#define GATHERD_LOG_LEVEL_ERROR 3
/**
 * Something is odd.
 */
#define GATHERD_LOG_LEVEL_WARNING 4
/**
 * Something rare and normal happened.
 */
#define GATHERD_LOG_LEVEL_NOTICE 5
/**
 * Something normal happened.
 */
#define GATHERD_LOG_LEVEL_INFO 6
/**
 * For who looks for a fault.
 */
#define GATHERD_LOG_LEVEL_DEBUG 7

/**
 * Values of one series by its identifier, for plugins that meet a series once.
 */
typedef struct gatherd_value_list {
    /**
     * Size of this structure in bytes, as the caller knows it.
     */
    size_t size;
    /**
     * Who the series is.
     */
    struct gatherd_identity identity;
    /**
     * As in gatherd_batch.time.
     */
    uint64_t time;
    /**
     * As in gatherd_batch.interval.
     */
    uint64_t interval;
    /**
     * `values_len` values in data-set order.
     */
    const union gatherd_raw_value *values;
    /**
     * Number of values.
     */
    size_t values_len;
    /**
     * Metadata as a JSON object; may be empty.
     */
    struct gatherd_text meta;
} gatherd_value_list;

/**
 * What a metadata value is: 0 text, 1 signed, 2 unsigned, 3 floating point, 4 yes or no.
 */
typedef int32_t gatherd_meta_kind;
/**
 * `text` counts.
 */
#define GATHERD_META_KIND_STRING 0
/**
 * `number.signed_integer` counts.
 */
#define GATHERD_META_KIND_INT 1
/**
 * `number.unsigned_integer` counts.
 */
#define GATHERD_META_KIND_UINT 2
/**
 * `number.floating` counts.
 */
#define GATHERD_META_KIND_DOUBLE 3
/**
 * `number.unsigned_integer` counts: 0 is no, all else is yes.
 */
#define GATHERD_META_KIND_BOOL 4

/**
 * The number of a metadata value; gatherd_meta.kind tells which member counts.
 */
typedef union gatherd_meta_number {
    /**
     * A signed whole number.
     */
    int64_t signed_integer;
    /**
     * A whole number.
     */
    uint64_t unsigned_integer;
    /**
     * A floating point number.
     */
    double floating;
} gatherd_meta_number;

/**
 * One named metadata value of a notification.
 */
typedef struct gatherd_meta {
    /**
     * Its name.
     */
    struct gatherd_text name;
    /**
     * What it is.
     */
    gatherd_meta_kind kind;
    /**
     * The value where it is text.
     */
    struct gatherd_text text;
    /**
     * The value where it is not.
     */
    union gatherd_meta_number number;
} gatherd_meta;

/**
 * A message about a state.
 */
typedef struct gatherd_notification {
    /**
     * Size of this structure in bytes, as the caller knows it.
     */
    size_t size;
    /**
     * 1 failure, 2 warning, 4 okay.
     */
    int32_t severity;
    /**
     * When it was noticed, in units of 2^-30 s since the epoch; 0 for now.
     */
    uint64_t time;
    /**
     * One sentence for a person; at most 4096 bytes.
     */
    struct gatherd_text message;
    /**
     * What it speaks of; parts may be empty.
     */
    struct gatherd_identity identity;
    /**
     * `meta_len` metadata values; null where there are none.
     */
    const struct gatherd_meta *meta;
    /**
     * Number of metadata values; at most 64.
     */
    size_t meta_len;
} gatherd_notification;

/**
 * Takes what gatherd_host_table.describe shows: copies what it needs to where `user` points. May call the host;
 * null is refused.
 */
typedef void (*gatherd_show_description)(void *user, const struct gatherd_description *description);

/**
 * One of the series that gatherd_host_table.register_many makes known, and the daemon's answer.
 */
typedef struct gatherd_registration {
    /**
     * Who the series is.
     */
    struct gatherd_identity identity;
    /**
     * As in gatherd_host_table.register_; usually empty.
     */
    struct gatherd_text data_set;
    /**
     * The daemon's answer: its handle; left as it is where `status` is not GATHERD_STATUS_OK.
     */
    gatherd_handle handle;
    /**
     * The daemon's answer: what gatherd_host_table.register_ would have answered.
     */
    gatherd_status status;
} gatherd_registration;

/**
 * The function behind gatherd_host_table.register_many; null where a daemon has none.
 */
typedef gatherd_status (*gatherd_register_many)(void *context,
                                                struct gatherd_registration *items,
                                                size_t item_size,
                                                size_t count);

/**
 * What the daemon offers to one plugin instance. Every function may be called from any thread.
 */
typedef struct gatherd_host_table {
    /**
     * GATHERD_ABI_MAJOR of the daemon.
     */
    uint32_t abi_major;
    /**
     * GATHERD_ABI_MINOR of the daemon.
     */
    uint32_t abi_minor;
    /**
     * Size of this table in bytes, as the daemon knows it.
     */
    size_t size;
    /**
     * Goes into every call below; stays valid for the life of the process.
     */
    void *context;
    /**
     * The instance's interval in units of 2^-30 s.
     */
    uint64_t interval;
    /**
     * Writes one line to the daemon's log.
     */
    void (*log)(void *context, gatherd_log_level level, struct gatherd_text message);
    /**
     * Names what is wrong: `pointer` is a JSON pointer into the configuration, or empty for a failure of
     * the running call; `detail` is one sentence.
     */
    void (*complain)(void *context, struct gatherd_text pointer, struct gatherd_text detail);
    /**
     * Makes a series known and answers its handle through `handle`. `data_set` names the meaning of the
     * values where it is not the identity's type; usually empty.
     */
    gatherd_status (*register_)(void *context,
                                const struct gatherd_identity *identity,
                                struct gatherd_text data_set,
                                gatherd_handle *handle);
    /**
     * Takes one read. GATHERD_STATUS_OK where every sample was taken, else the first other answer; the answers
     * of all samples are in gatherd_batch.results.
     */
    gatherd_status (*dispatch)(void *context, const struct gatherd_batch *batch);
    /**
     * Takes values of one series by its identifier.
     */
    gatherd_status (*dispatch_values)(void *context, const struct gatherd_value_list *list);
    /**
     * Publishes a notification.
     */
    gatherd_status (*dispatch_notification)(void *context,
                                            const struct gatherd_notification *notification);
    /**
     * Tells who the series of a gatherd_write_sample is: calls `show` once, before it returns, with `user` and a
     * description that is lent for that call. GATHERD_STATUS_STALE where the series has expired or never was:
     * `show` is not called then, and a writer leaves the sample out. GATHERD_STATUS_BAD_CALL where `show` is null.
     *
     * A writer asks once for each number that it has not met, and keeps what it needs of the answer.
     */
    gatherd_status (*describe)(void *context,
                               uint64_t series,
                               gatherd_show_description show,
                               void *user);
    /**
     * Makes many series known at once; a plugin in a process of its own pays for one question instead of one for
     * each. Since minor version 1: look at `size` before. `items` are `count` registrations, at most 4096, each
     * `item_size` bytes after the one before: its size as the plugin knows it. Answers go into the items.
     * GATHERD_STATUS_OK where each is known, else the first other answer; GATHERD_STATUS_BAD_CALL for arguments that can
     * not be, and no item has an answer then.
     */
    gatherd_register_many register_many;
} gatherd_host_table;

/**
 * One sample as it is shown to a writer. gatherd_host_table.describe tells who the series is.
 */
typedef struct gatherd_write_sample {
    /**
     * Names the series as long as the daemon runs; another series never gets the same number.
     */
    uint64_t series;
    /**
     * `values_len` raw values.
     */
    const union gatherd_raw_value *values;
    /**
     * `values_len` rates per second; NaN where none is known yet.
     */
    const double *rates;
    /**
     * Number of values and of rates, which is that of the series' data sources.
     */
    size_t values_len;
    /**
     * When the values were read, in units of 2^-30 s since the epoch.
     */
    uint64_t time;
    /**
     * Until the next value is due, in units of 2^-30 s.
     */
    uint64_t interval;
} gatherd_write_sample;

/**
 * Samples that a writer carries away.
 */
typedef struct gatherd_write_batch {
    /**
     * Size of this structure in bytes, as the daemon knows it.
     */
    size_t size;
    /**
     * Size of one gatherd_write_sample in bytes, as the daemon knows it: the step from one to the next.
     */
    size_t sample_size;
    /**
     * Number of samples.
     */
    size_t count;
    /**
     * The samples.
     */
    const struct gatherd_write_sample *samples;
} gatherd_write_batch;

/**
 * What a plugin offers to the daemon; lives as long as the process.
 */
typedef struct gatherd_plugin_table {
    /**
     * GATHERD_ABI_MAJOR that the plugin was built against.
     */
    uint32_t abi_major;
    /**
     * GATHERD_ABI_MINOR that the plugin was built against.
     */
    uint32_t abi_minor;
    /**
     * Size of this table in bytes, as the plugin knows it.
     */
    size_t size;
    /**
     * Name of the plugin's type: `[a-z0-9][a-z0-9_-]{0,62}`.
     */
    struct gatherd_text name;
    /**
     * Version of the plugin.
     */
    struct gatherd_text version;
    /**
     * One sentence about what it measures.
     */
    struct gatherd_text description;
    /**
     * JSON Schema of its configuration; empty where any object will do.
     */
    struct gatherd_text config_schema;
    /**
     * Which of the optional callbacks are there.
     */
    gatherd_capabilities capabilities;
    /**
     * Judges a configuration (a JSON object) without any effect; complains through the host, whose other
     * functions answer GATHERD_STATUS_CLOSED here. May be called at any time, beside the calls of instances.
     */
    gatherd_status (*configure)(const struct gatherd_host_table *host, struct gatherd_text config);
    /**
     * Makes an instance and answers it through `instance`, which may stay null where the plugin needs none.
     * `host` stays valid for the life of the process.
     */
    gatherd_status (*init)(const struct gatherd_host_table *host,
                           struct gatherd_text config,
                           void **instance);
    /**
     * Reads once and dispatches what was read.
     */
    gatherd_status (*read)(void *instance);
    /**
     * Carries samples away.
     */
    gatherd_status (*write)(void *instance, const struct gatherd_write_batch *batch);
    /**
     * Empties the writer's buffers of what is older than `older_than` (2^-30 s; 0 for everything) and
     * belongs to `identifier` (empty for every series).
     */
    gatherd_status (*flush)(void *instance, uint64_t older_than, struct gatherd_text identifier);
    /**
     * Tells of a notification.
     */
    gatherd_status (*notification)(void *instance, const struct gatherd_notification *notification);
    /**
     * Ends the instance and frees it. Its threads have ended when this returns.
     */
    void (*shutdown)(void *instance);
} gatherd_plugin_table;

/**
 * The function behind gatherd_plugin_entry. Answers null when it can not work with `host_abi_major`.
 */
typedef const struct gatherd_plugin_table *(*gatherd_plugin_entry_fn)(uint32_t host_abi_major);

#ifdef __cplusplus
extern "C" {
#endif

/**
 * The one function that a plugin defines and exports. Answers null when it can not work with
 * `host_abi_major`; the table lives as long as the process.
 */
#if defined(__GNUC__)
__attribute__((visibility("default")))
#endif
const gatherd_plugin_table *gatherd_plugin_entry(uint32_t host_abi_major);

#ifdef __cplusplus
}
#endif

#endif /* GATHERD_PLUGIN_H */
