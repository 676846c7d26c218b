/*
 * A guest for the tests of the native kind. Its configuration is searched for words: which of them are there
 * says what it does. STAMP, a number, tells one build from another.
 */
#include <gatherd_plugin.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TEXT(literal) { (const uint8_t *)(literal), sizeof(literal) - 1 }
#define NO_TEXT { NULL, 0 }

#ifndef STAMP
#define STAMP 1
#endif

#ifndef CAPABILITIES
#define CAPABILITIES GATHERD_CAPABILITIES_READ
#endif

enum { MANY = 300, PATH_SIZE = 1024 };

struct guest {
    const gatherd_host_table *host;
    char config[PATH_SIZE];
    gatherd_handle handles[MANY];
    double reads;
};

static gatherd_text text_of(const char *text) {
    gatherd_text lent = { (const uint8_t *)text, strlen(text) };
    return lent;
}

static int asks(const char *config, const char *word) {
    return strstr(config, word) != NULL;
}

static gatherd_status fail(const gatherd_host_table *host, const char *pointer, const char *why) {
    host->complain(host->context, text_of(pointer), text_of(why));
    return GATHERD_STATUS_FAILED;
}

/* Copies what stands between the quotes after `"file":"`. */
static void file_of(const char *config, char path[PATH_SIZE]) {
    const char *at = strstr(config, "\"file\":\"");
    size_t len = 0;
    path[0] = 0;
    if (at == NULL) {
        return;
    }
    at += strlen("\"file\":\"");
    while (at[len] != '"' && at[len] != 0 && len + 1 < PATH_SIZE) {
        path[len] = at[len];
        len++;
    }
    path[len] = 0;
}

/* Waits until the file of the configuration is gone. */
static void block(const char *config) {
    char path[PATH_SIZE];
    file_of(config, path);
    while (access(path, F_OK) == 0) {
        usleep(2000);
    }
}

static void copy_config(char to[PATH_SIZE], gatherd_text config) {
    size_t len = config.len < PATH_SIZE ? config.len : PATH_SIZE - 1;
    memcpy(to, config.data, len);
    to[len] = 0;
}

static gatherd_status configure(const gatherd_host_table *host, gatherd_text config) {
    char copy[PATH_SIZE];
    copy_config(copy, config);
    if (asks(copy, "judge_blocks")) {
        block(copy);
    }
    if (asks(copy, "judge_panics")) {
        return GATHERD_STATUS_PANICKED;
    }
    return asks(copy, "bad_config") ? fail(host, "/mode", "this mode is bad") : GATHERD_STATUS_OK;
}

static gatherd_status init(const gatherd_host_table *host, gatherd_text config, void **instance) {
    struct guest *guest = calloc(1, sizeof(*guest));
    int at;
    if (guest == NULL) {
        return fail(host, "", "no memory");
    }
    guest->host = host;
    copy_config(guest->config, config);
    for (at = 0; at < MANY; at++) {
        guest->handles[at] = GATHERD_HANDLE_NONE;
    }
    *instance = guest;
    if (asks(guest->config, "init_blocks")) {
        block(guest->config);
    }
    if (asks(guest->config, "init_fails")) {
        return fail(host, "", "no such device");
    }
    return asks(guest->config, "init_panics") ? GATHERD_STATUS_PANICKED : GATHERD_STATUS_OK;
}

static gatherd_handle known(struct guest *guest, int at) {
    gatherd_identity identity = { NO_TEXT, TEXT("guest"), NO_TEXT, TEXT("gauge"), NO_TEXT };
    char name[16];
    if (guest->handles[at] == GATHERD_HANDLE_NONE) {
        gatherd_text no_set = NO_TEXT;
        snprintf(name, sizeof(name), "%d", at);
        identity.type_instance = text_of(name);
        guest->host->register_(guest->host->context, &identity, no_set, &guest->handles[at]);
    }
    return guest->handles[at];
}

/* Dispatches MANY series at once: more than fit into one batch of the daemon. */
static gatherd_status read_many(struct guest *guest) {
    gatherd_raw_value values[MANY];
    gatherd_status results[MANY];
    gatherd_batch batch;
    int at, taken = 0;
    for (at = 0; at < MANY; at++) {
        known(guest, at);
        values[at].gauge = at;
    }
    memset(&batch, 0, sizeof(batch));
    batch.size = sizeof(batch);
    batch.count = MANY;
    batch.handles = guest->handles;
    batch.values = values;
    batch.results = results;
    guest->host->dispatch(guest->host->context, &batch);
    for (at = 0; at < MANY; at++) {
        taken += results[at] == GATHERD_STATUS_OK;
    }
    return taken == MANY ? GATHERD_STATUS_OK : fail(guest->host, "", "not all samples were taken");
}

/* Says by which status a handle that was never given is refused, and where. */
static gatherd_status read_foreign(struct guest *guest) {
    gatherd_raw_value values[2];
    gatherd_handle handles[2];
    gatherd_status results[2];
    gatherd_batch batch;
    gatherd_status first;
    char said[64];
    handles[0] = known(guest, 0);
    handles[1] = 77;
    values[0].gauge = values[1].gauge = 1.0;
    memset(&batch, 0, sizeof(batch));
    batch.size = sizeof(batch);
    batch.count = 2;
    batch.handles = handles;
    batch.values = values;
    batch.results = results;
    first = guest->host->dispatch(guest->host->context, &batch);
    snprintf(said, sizeof(said), "%d %d %d", (int)first, (int)results[0], (int)results[1]);
    return fail(guest->host, "", said);
}

static gatherd_status read_by_name(struct guest *guest, gatherd_text plugin, double number) {
    gatherd_raw_value value;
    gatherd_value_list list;
    gatherd_identity identity = { NO_TEXT, NO_TEXT, NO_TEXT, TEXT("gauge"), TEXT("named") };
    identity.plugin = plugin;
    value.gauge = number;
    memset(&list, 0, sizeof(list));
    list.size = sizeof(list);
    list.identity = identity;
    list.values = &value;
    list.values_len = 1;
    return guest->host->dispatch_values(guest->host->context, &list);
}

static gatherd_status read_once(void *instance) {
    struct guest *guest = instance;
    gatherd_text own = TEXT("guest");
    gatherd_text not_utf8 = TEXT("\xff\xfe");
    guest->reads += 1;
    if (asks(guest->config, "read_fails")) {
        return fail(guest->host, "", "no such file");
    }
    if (asks(guest->config, "read_panics")) {
        fail(guest->host, "", "index out of bounds");
        return GATHERD_STATUS_PANICKED;
    }
    if (asks(guest->config, "read_blocks")) {
        block(guest->config);
    }
    if (asks(guest->config, "many")) {
        return read_many(guest);
    }
    if (asks(guest->config, "foreign")) {
        return read_foreign(guest);
    }
    if (asks(guest->config, "bad_name")) {
        return read_by_name(guest, not_utf8, 1.0) == GATHERD_STATUS_BAD_NAME ? GATHERD_STATUS_OK
                                                                            : GATHERD_STATUS_FAILED;
    }
    return read_by_name(guest, own, STAMP);
}

/* Writes the name of a series to the file behind `user`. */
static void print_name(void *user, const gatherd_description *description) {
    const gatherd_identity *identity = &description->identity;
    fprintf(user, "%.*s/%.*s-%.*s", (int)identity->plugin.len, (const char *)identity->plugin.data,
            (int)identity->type_name.len, (const char *)identity->type_name.data,
            (int)identity->type_instance.len, (const char *)identity->type_instance.data);
}

/* Appends `series value rate` of each sample to the file; leaves out series that have expired. */
static gatherd_status write_all(void *instance, const gatherd_write_batch *batch) {
    struct guest *guest = instance;
    char path[PATH_SIZE];
    const uint8_t *at = (const uint8_t *)batch->samples;
    size_t left;
    FILE *out;
    if (asks(guest->config, "write_fails")) {
        return fail(guest->host, "", "disk full");
    }
    if (asks(guest->config, "write_panics")) {
        fail(guest->host, "", "write went wrong");
        return GATHERD_STATUS_PANICKED;
    }
    file_of(guest->config, path);
    out = fopen(path, "a");
    if (out == NULL) {
        return fail(guest->host, "", "cannot open the file");
    }
    for (left = batch->count; left > 0; left--) {
        const gatherd_write_sample *sample = (const gatherd_write_sample *)(const void *)at;
        const gatherd_host_table *host = guest->host;
        if (host->describe(host->context, sample->series, print_name, out) == GATHERD_STATUS_OK) {
            fprintf(out, " %g %g\n", sample->values[0].gauge, sample->rates[0]);
        }
        at += batch->sample_size;
    }
    return fclose(out) == 0 ? GATHERD_STATUS_OK : fail(guest->host, "", "cannot close the file");
}

static gatherd_status flush_all(void *instance, uint64_t older_than, gatherd_text identifier) {
    struct guest *guest = instance;
    (void)older_than;
    (void)identifier;
    return asks(guest->config, "flush_fails") ? fail(guest->host, "", "cannot flush") : GATHERD_STATUS_OK;
}

/* Leaves the thread's name in the file, so that a test sees that and where it was called. */
static void shutdown_guest(void *instance) {
    struct guest *guest = instance;
    char path[PATH_SIZE], name[32] = "?";
    FILE *comm = fopen("/proc/thread-self/comm", "r");
    FILE *out;
    if (comm != NULL) {
        if (fgets(name, sizeof(name), comm) == NULL) {
            name[0] = 0;
        }
        fclose(comm);
    }
    file_of(guest->config, path);
    if (asks(guest->config, "tell_end") && (out = fopen(path, "a")) != NULL) {
        fprintf(out, "ended on %s", name);
        fclose(out);
    }
    free(guest);
}

static const gatherd_plugin_table table = {
    GATHERD_ABI_MAJOR,
    GATHERD_ABI_MINOR,
    sizeof(gatherd_plugin_table),
    TEXT("guest"),
    TEXT("1.2"),
    TEXT("Does as its configuration says"),
    TEXT("{\"type\":\"object\"}"),
    CAPABILITIES,
    configure,
    init,
    read_once,
    write_all,
    flush_all,
    NULL,
    shutdown_guest,
};

const gatherd_plugin_table *gatherd_plugin_entry(uint32_t host_abi_major) {
    return host_abi_major == GATHERD_ABI_MAJOR ? &table : NULL;
}
