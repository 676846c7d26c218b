/*
 * A whole plugin in plain C99: it reads, writes, judges its configuration and notifies.
 * README.md beside this file tells what to look at.
 */
#include <gatherd_plugin.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Text is pointer and length; both are known here at compile time. */
#define TEXT(literal) { (const uint8_t *)(literal), sizeof(literal) - 1 }
#define NO_TEXT { NULL, 0 }

enum { SERIES = 2, PATH_SIZE = 4096, KNOWN = 64, NAME_SIZE = 1024 };

/* This machine, this plugin, and who of the two gauges it is. */
static const gatherd_identity identities[SERIES] = {
    { NO_TEXT, TEXT("c_example"), NO_TEXT, TEXT("gauge"), TEXT("even") },
    { NO_TEXT, TEXT("c_example"), NO_TEXT, TEXT("gauge"), TEXT("odd") },
};

static const gatherd_identity reads_identity = {
    NO_TEXT, TEXT("c_example"), NO_TEXT, TEXT("derive"), TEXT("reads")
};

/* A series that came to be written, and what is kept of its description. */
struct known {
    uint64_t series;
    uint64_t samples;
    char name[NAME_SIZE];
};

struct instance {
    const gatherd_host_table *host;
    gatherd_handle handles[SERIES];
    int64_t reads;
    uint64_t samples;
    uint64_t values;
    size_t known_len;
    struct known known[KNOWN];
    char path[PATH_SIZE];
};

static const gatherd_text no_text = NO_TEXT;

static gatherd_text text_of(const char *text) {
    gatherd_text lent = { (const uint8_t *)text, strlen(text) };
    return lent;
}

static gatherd_status complain(const gatherd_host_table *host, const char *pointer, const char *detail) {
    host->complain(host->context, text_of(pointer), text_of(detail));
    return GATHERD_STATUS_FAILED;
}

/*
 * Copies the text behind `"file":` to `path`. A real plugin brings a JSON parser along; this one looks for the
 * key, takes what stands between the next two quotes, and knows no escapes.
 */
static int find_file(gatherd_text config, char path[PATH_SIZE]) {
    static const char key[] = "\"file\":";
    const char *begin = (const char *)config.data;
    const char *end = begin + config.len;
    const char *at;
    for (at = begin; end - at > (ptrdiff_t)sizeof(key); at++) {
        if (memcmp(at, key, sizeof(key) - 1) == 0) {
            const char *first = memchr(at + sizeof(key) - 1, '"', (size_t)(end - at) - (sizeof(key) - 1));
            const char *last = first == NULL ? NULL : memchr(first + 1, '"', (size_t)(end - first - 1));
            if (last == NULL || last == first + 1 || last - first > PATH_SIZE) {
                return 0;
            }
            memcpy(path, first + 1, (size_t)(last - first - 1));
            path[last - first - 1] = '\0';
            return 1;
        }
    }
    return 0;
}

/* Judges the configuration; the daemon calls it for every change before anything is touched. */
static gatherd_status configure(const gatherd_host_table *host, gatherd_text config) {
    char path[PATH_SIZE];
    if (!find_file(config, path)) {
        return complain(host, "/file", "the path of a file to count in is wanted");
    }
    return GATHERD_STATUS_OK;
}

static gatherd_status register_series(struct instance *self, size_t at) {
    return self->host->register_(self->host->context, &identities[at], no_text, &self->handles[at]);
}

static gatherd_status init(const gatherd_host_table *host, gatherd_text config, void **instance) {
    struct instance *self = calloc(1, sizeof(*self));
    size_t at;
    if (self == NULL) {
        return complain(host, "", "no memory is left");
    }
    self->host = host;
    if (!find_file(config, self->path)) {
        free(self);
        return complain(host, "/file", "the path of a file to count in is wanted");
    }
    for (at = 0; at < SERIES; at++) {
        if (register_series(self, at) != GATHERD_STATUS_OK) {
            free(self);
            return complain(host, "", "the daemon does not take the series");
        }
    }
    host->log(host->context, GATHERD_LOG_LEVEL_INFO, text_of("ready"));
    *instance = self;
    return GATHERD_STATUS_OK;
}

static gatherd_status dispatch(struct instance *self, gatherd_status results[SERIES]) {
    gatherd_raw_value values[SERIES];
    gatherd_batch batch;
    values[0].gauge = (double)(2 * self->reads);
    values[1].gauge = (double)(2 * self->reads + 1);
    memset(&batch, 0, sizeof(batch)); /* Time 0 is now, interval 0 is our own, no offsets: one value each. */
    batch.size = sizeof(batch);
    batch.count = SERIES;
    batch.handles = self->handles;
    batch.values = values;
    batch.results = results;
    return self->host->dispatch(self->host->context, &batch);
}

/* Two gauges by handle. A series that the daemon let expire is registered again, and tried once more. */
static gatherd_status dispatch_gauges(struct instance *self) {
    gatherd_status results[SERIES];
    int is_stale = 0;
    size_t at;
    gatherd_status status = dispatch(self, results);
    for (at = 0; at < SERIES; at++) {
        if (results[at] == GATHERD_STATUS_STALE) {
            is_stale = 1;
            (void)register_series(self, at);
        }
    }
    /* The values that were taken the first time are answered with TOO_OLD now, and that is fine. */
    if (is_stale) {
        (void)dispatch(self, results);
        return GATHERD_STATUS_OK;
    }
    return status;
}

/* One derive by identifier: for series that are met once, or seldom. */
static gatherd_status dispatch_reads(struct instance *self) {
    gatherd_raw_value value;
    gatherd_value_list list;
    value.derive = self->reads;
    memset(&list, 0, sizeof(list));
    list.size = sizeof(list);
    list.identity = reads_identity;
    list.values = &value;
    list.values_len = 1;
    return self->host->dispatch_values(self->host->context, &list);
}

static gatherd_status notify(struct instance *self) {
    static const gatherd_meta meta[] = {
        { TEXT("language"), GATHERD_META_KIND_STRING, TEXT("C"), { 0 } },
        { TEXT("year"), GATHERD_META_KIND_INT, NO_TEXT, { 1999 } },
    };
    gatherd_notification notification;
    memset(&notification, 0, sizeof(notification));
    notification.size = sizeof(notification);
    notification.severity = 4;
    notification.message = text_of("the first read is done");
    notification.identity = reads_identity;
    notification.meta = meta;
    notification.meta_len = sizeof(meta) / sizeof(meta[0]);
    return self->host->dispatch_notification(self->host->context, &notification);
}

static gatherd_status read_once(void *instance) {
    struct instance *self = instance;
    self->reads++;
    if (dispatch_gauges(self) != GATHERD_STATUS_OK || dispatch_reads(self) != GATHERD_STATUS_OK) {
        return complain(self->host, "", "the daemon did not take a value");
    }
    if (self->reads == 1 && notify(self) != GATHERD_STATUS_OK) {
        return complain(self->host, "", "the daemon did not take the notification");
    }
    return GATHERD_STATUS_OK;
}

/* Appends `before` and `part` to a name, where there is such a part and room for it. */
static void append(struct known *known, const char *before, gatherd_text part) {
    size_t len = strlen(known->name);
    if (part.len > 0 && len + strlen(before) + part.len < NAME_SIZE) {
        strcpy(known->name + len, before);
        strncat(known->name, (const char *)part.data, part.len);
    }
}

/* Takes over what is kept of a description: its texts are gone when this returns. */
static void keep(void *user, const gatherd_description *description) {
    struct known *known = user;
    const gatherd_identity *identity = &description->identity;
    size_t at;
    append(known, "", identity->host);
    append(known, "/", identity->plugin);
    append(known, "-", identity->plugin_instance);
    append(known, "/", identity->type_name);
    append(known, "-", identity->type_instance);
    for (at = 0; at < description->sources_len; at++) {
        append(known, at == 0 ? " " : ",", description->sources[at].name);
    }
}

/*
 * What is known of a series. The daemon is asked at the first sample only; a series that has expired by then
 * answers STALE, and null here. When the table is full all are forgotten, so that it never grows; a real writer
 * has a larger one, and does not go through all of it.
 */
static struct known *find(struct instance *self, uint64_t series) {
    struct known *fresh;
    size_t at;
    for (at = 0; at < self->known_len; at++) {
        if (self->known[at].series == series) {
            return &self->known[at];
        }
    }
    if (self->known_len == KNOWN) {
        self->known_len = 0;
    }
    fresh = &self->known[self->known_len];
    memset(fresh, 0, sizeof(*fresh));
    fresh->series = series;
    if (self->host->describe(self->host->context, series, keep, fresh) != GATHERD_STATUS_OK) {
        return NULL;
    }
    self->known_len++;
    return fresh;
}

/* Counts what it is given. Samples lie `sample_size` bytes apart: a newer daemon may know more of each. */
static void count(struct instance *self, const gatherd_write_batch *batch) {
    const unsigned char *at = (const unsigned char *)batch->samples;
    size_t left;
    for (left = batch->count; left > 0; left--, at += batch->sample_size) {
        const gatherd_write_sample *sample = (const gatherd_write_sample *)(const void *)at;
        struct known *known = find(self, sample->series);
        if (known != NULL) {
            known->samples++;
            self->samples++;
            self->values += sample->values_len;
        }
    }
}

/* Writes all counts anew: of everything, and of each series that is known. */
static gatherd_status write_out(void *instance, const gatherd_write_batch *batch) {
    struct instance *self = instance;
    size_t at;
    FILE *file;
    count(self, batch);
    file = fopen(self->path, "w");
    if (file == NULL) {
        return complain(self->host, "", "the file can not be opened");
    }
    fprintf(file, "samples %llu values %llu\n", (unsigned long long)self->samples,
            (unsigned long long)self->values);
    for (at = 0; at < self->known_len; at++) {
        fprintf(file, "%s %llu\n", self->known[at].name, (unsigned long long)self->known[at].samples);
    }
    if (fclose(file) != 0) {
        return complain(self->host, "", "the file can not be written");
    }
    return GATHERD_STATUS_OK;
}

static void shutdown_instance(void *instance) {
    struct instance *self = instance;
    self->host->log(self->host->context, GATHERD_LOG_LEVEL_INFO, text_of("good-bye"));
    free(self);
}

static const gatherd_plugin_table table = {
    GATHERD_ABI_MAJOR,
    GATHERD_ABI_MINOR,
    sizeof(gatherd_plugin_table),
    TEXT("c_example"),
    TEXT("1.0.0"),
    TEXT("Counts its reads, and what it is given to write"),
    TEXT("{\"type\":\"object\",\"properties\":{\"file\":{\"type\":\"string\"}},\"required\":[\"file\"]}"),
    GATHERD_CAPABILITIES_READ | GATHERD_CAPABILITIES_WRITE,
    configure,
    init,
    read_once,
    write_out,
    NULL,
    NULL,
    shutdown_instance,
};

const gatherd_plugin_table *gatherd_plugin_entry(uint32_t host_abi_major) {
    return host_abi_major == GATHERD_ABI_MAJOR ? &table : NULL;
}
