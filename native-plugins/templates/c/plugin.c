/*
 * Plugin skeleton: how many files this machine has open, in plain C99.
 *
 * The daemon calls init once, then read each interval, and shutdown at the end; configure judges a configuration
 * without any effect. The header says the contract exactly.
 */
#include <gatherd_plugin.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Text is pointer and length; both are known here at compile time. */
#define TEXT(literal) { (const uint8_t *)(literal), sizeof(literal) - 1 }
#define NO_TEXT { NULL, 0 }

enum { PATH_SIZE = 4096, LINE_SIZE = 128, MESSAGE_SIZE = PATH_SIZE + 256 };

static const char default_file[] = "/proc/sys/fs/file-nr";

/* Host (none: this machine), plugin (without `-`), plugin instance, type, type instance. */
static const gatherd_identity used_identity = {
    NO_TEXT, TEXT("skeleton_plugin"), NO_TEXT, TEXT("files"), TEXT("used")
};

/* A running instance; there may be several, so nothing that changes is static. */
struct instance {
    const gatherd_host_table *host;
    gatherd_handle used;
    char path[PATH_SIZE];
};

static gatherd_text text_of(const char *text) {
    gatherd_text lent = { (const uint8_t *)text, strlen(text) };
    return lent;
}

/* Names what is wrong: at a place of the configuration, or, with an empty pointer, why the running call fails. */
static gatherd_status complain(const gatherd_host_table *host, const char *pointer, const char *detail) {
    host->complain(host->context, text_of(pointer), text_of(detail));
    return GATHERD_STATUS_FAILED;
}

static gatherd_status complain_of_file(const struct instance *self, const char *what, const char *why) {
    char message[MESSAGE_SIZE];
    (void)snprintf(message, sizeof(message), "%s %s%s", what, self->path, why);
    return complain(self->host, "", message);
}

/*
 * Copies the text behind `"file":` to `path`, or the default where there is none; 0 where it is no absolute path.
 * The configuration is a JSON object. A plugin with more options brings a JSON parser along; this one looks for
 * the key and refuses escapes.
 */
static int find_file(gatherd_text config, char path[PATH_SIZE]) {
    static const char key[] = "\"file\":";
    const size_t key_len = sizeof(key) - 1;
    const char *at = (const char *)config.data;
    size_t left;
    memcpy(path, default_file, sizeof(default_file));
    for (left = config.len; left >= key_len; at++, left--) {
        if (memcmp(at, key, key_len) == 0) {
            const char *value = at + key_len;
            const char *end = left > key_len + 1 ? memchr(value + 1, '"', left - key_len - 1) : NULL;
            const size_t len = end == NULL ? 0 : (size_t)(end - value - 1);
            if (len == 0 || len >= PATH_SIZE || value[0] != '"' || value[1] != '/'
                || memchr(value + 1, '\\', len) != NULL) {
                return 0;
            }
            memcpy(path, value + 1, len);
            path[len] = '\0';
            return 1;
        }
    }
    return 1;
}

/* Judges a configuration without effect; the daemon asks before it changes anything. */
static gatherd_status configure(const gatherd_host_table *host, gatherd_text config) {
    char path[PATH_SIZE];
    return find_file(config, path) ? GATHERD_STATUS_OK : complain(host, "/file", "an absolute path is wanted");
}

static gatherd_status init(const gatherd_host_table *host, gatherd_text config, void **instance) {
    struct instance *self = calloc(1, sizeof(*self));
    if (self == NULL) {
        return complain(host, "", "no memory is left");
    }
    self->host = host;
    self->used = GATHERD_HANDLE_NONE;
    if (!find_file(config, self->path)) {
        free(self);
        return complain(host, "/file", "an absolute path is wanted");
    }
    *instance = self;
    return GATHERD_STATUS_OK;
}

/* The first of the three numbers in the file; what was cut off or is no number is a failure. */
static gatherd_status read_used(const struct instance *self, double *used) {
    char line[LINE_SIZE];
    unsigned long long open_files, without_meaning, maximum;
    char after;
    int is_good;
    FILE *file = fopen(self->path, "r");
    if (file == NULL) {
        char why[LINE_SIZE];
        (void)snprintf(why, sizeof(why), ": %s", strerror(errno));
        return complain_of_file(self, "cannot open", why);
    }
    is_good = fgets(line, sizeof(line), file) != NULL && line[0] >= '0' && line[0] <= '9';
    (void)fclose(file);
    if (!is_good || sscanf(line, "%19llu %19llu %19llu%c", &open_files, &without_meaning, &maximum, &after) != 4
        || after != '\n') {
        return complain_of_file(self, "", " does not hold three numbers");
    }
    *used = (double)open_files;
    return GATHERD_STATUS_OK;
}

/* One value by handle. Several go into one batch: more handles, more values. */
static gatherd_status dispatch(const struct instance *self, double used) {
    gatherd_raw_value value;
    gatherd_batch batch;
    value.gauge = used;
    memset(&batch, 0, sizeof(batch)); /* Time 0 is now, interval 0 is our own, no offsets: one value each. */
    batch.size = sizeof(batch);
    batch.count = 1;
    batch.handles = &self->used;
    batch.values = &value;
    return self->host->dispatch(self->host->context, &batch);
}

static gatherd_status register_used(struct instance *self) {
    static const gatherd_text set_of_the_type = NO_TEXT;
    return self->host->register_(self->host->context, &used_identity, set_of_the_type, &self->used);
}

static gatherd_status read_once(void *instance) {
    struct instance *self = instance;
    double used = 0.0;
    gatherd_status status = read_used(self, &used);
    if (status != GATHERD_STATUS_OK) {
        return status;
    }
    /* The handle of a series that the daemon let expire is stale: register again, try once more. */
    status = self->used == GATHERD_HANDLE_NONE ? GATHERD_STATUS_STALE : dispatch(self, used);
    if (status == GATHERD_STATUS_STALE) {
        status = register_used(self);
        if (status == GATHERD_STATUS_OK) {
            status = dispatch(self, used);
        }
    }
    /* An operator may refuse a series; that is no failure of ours. */
    if (status != GATHERD_STATUS_OK && status != GATHERD_STATUS_REFUSED) {
        char message[LINE_SIZE];
        (void)snprintf(message, sizeof(message), "the daemon did not take the value: status %d", (int)status);
        return complain(self->host, "", message);
    }
    return GATHERD_STATUS_OK;
}

static void shutdown_instance(void *instance) {
    free(instance);
}

static const gatherd_plugin_table table = {
    GATHERD_ABI_MAJOR,
    GATHERD_ABI_MINOR,
    sizeof(gatherd_plugin_table),
    TEXT("skeleton"),
    TEXT("0.1.0"),
    TEXT("How many files this machine has open."),
    /* The JSON Schema of the configuration, which the API shows. */
    TEXT("{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{\"file\":{\"type\":\"string\","
         "\"default\":\"/proc/sys/fs/file-nr\",\"description\":\"The file that is read: an absolute path.\"}}}"),
    GATHERD_CAPABILITIES_READ,
    configure,
    init,
    read_once,
    NULL, /* write */
    NULL, /* flush */
    NULL, /* notification */
    shutdown_instance,
};

/* The one symbol that the daemon looks up. */
const gatherd_plugin_table *gatherd_plugin_entry(uint32_t host_abi_major) {
    return host_abi_major == GATHERD_ABI_MAJOR ? &table : NULL;
}
