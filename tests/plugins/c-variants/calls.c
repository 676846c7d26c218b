/*
 * Breaks the contract in each read, in the way that the configuration names: {"call": "small_batch"}, say.
 * A read answers OK whatever the daemon answers; the log line "answer N" tells what it was.
 */
#include <gatherd_plugin.h>

#include <stdio.h>
#include <string.h>

#define TEXT(literal) { (const uint8_t *)(literal), sizeof(literal) - 1 }
#define NO_TEXT { NULL, 0 }

static const gatherd_host_table *host;
static char config_text[256];
static gatherd_handle handle;

static const gatherd_identity good = { NO_TEXT, TEXT("calls"), NO_TEXT, TEXT("gauge"), NO_TEXT };
static const gatherd_text no_text = NO_TEXT;

static int is_asked(const char *call) {
    char quoted[64];
    snprintf(quoted, sizeof(quoted), "\"%s\"", call);
    return strstr(config_text, quoted) != NULL;
}

static gatherd_status init(const gatherd_host_table *table, gatherd_text config, void **instance) {
    size_t len = config.len < sizeof(config_text) - 1 ? config.len : sizeof(config_text) - 1;
    (void)instance;
    host = table;
    memcpy(config_text, config.data, len);
    config_text[len] = '\0';
    return host->register_(host->context, &good, no_text, &handle);
}

static gatherd_status register_named(const void *name, size_t len) {
    gatherd_identity identity = good;
    identity.plugin_instance.data = name;
    identity.plugin_instance.len = len;
    return host->register_(host->context, &identity, no_text, &handle);
}

static gatherd_status call_register(void) {
    gatherd_text bad_set = TEXT("\xff");
    if (is_asked("bad_utf8")) {
        return register_named("a\xff\xfe", 3);
    }
    if (is_asked("half_a_character")) {
        return register_named("\xc3\xa4", 1);
    }
    if (is_asked("endless_name")) {
        return register_named("a", (size_t)-1);
    }
    if (is_asked("null_name")) {
        return register_named(NULL, 5);
    }
    if (is_asked("null_identity")) {
        return host->register_(host->context, NULL, no_text, &handle);
    }
    if (is_asked("null_handle")) {
        return host->register_(host->context, &good, no_text, NULL);
    }
    if (is_asked("bad_data_set")) {
        return host->register_(host->context, &good, bad_set, &handle);
    }
    if (is_asked("null_context")) {
        return host->register_(NULL, &good, no_text, &handle);
    }
    return 1;
}

/* Registers two series at once, the first of which is bad in the way asked for. */
static gatherd_status call_register_many(void) {
    gatherd_registration items[2];
    size_t item_size = sizeof(items[0]);
    size_t count = 2;
    gatherd_registration *first = items;
    gatherd_status answer;
    memset(items, 0, sizeof(items));
    items[0].identity = good;
    items[1].identity = good;
    items[0].handle = items[1].handle = 4711;
    items[0].status = items[1].status = 99;
    if (is_asked("many_good")) {
        answer = host->register_many(host->context, items, item_size, count);
        return items[0].status == 0 && items[1].status == 0 && items[1].handle != 4711 ? answer : 98;
    } else if (is_asked("many_none")) {
        return host->register_many(host->context, NULL, 0, 0);
    } else if (is_asked("many_with_a_bad_name")) {
        items[0].identity.plugin_instance.data = (const uint8_t *)"\xff";
        items[0].identity.plugin_instance.len = 1;
        answer = host->register_many(host->context, items, item_size, count);
        /* The bad one has its answer, and the good one is known all the same. */
        return items[0].status == answer && items[0].handle == 4711 && items[1].status == 0 ? answer : 98;
    } else if (is_asked("many_with_a_bad_set")) {
        items[0].data_set.len = 5;
        answer = host->register_many(host->context, items, item_size, count);
        return items[0].status == answer && items[1].status == 0 ? answer : 98;
    } else if (is_asked("many_null")) {
        first = NULL;
    } else if (is_asked("many_misaligned")) {
        first = (gatherd_registration *)(void *)((char *)items + 1);
    } else if (is_asked("many_small")) {
        item_size--;
    } else if (is_asked("many_odd")) {
        item_size++;
    } else if (is_asked("many_endless")) {
        item_size = (size_t)1 << 62;
    } else if (is_asked("many_too_many")) {
        count = 4097;
    } else {
        return 1;
    }
    answer = host->register_many(host->context, first, item_size, count);
    return items[0].status == 99 && items[1].status == 99 ? answer : 98;
}

static gatherd_status call_dispatch(void) {
    static const gatherd_handle foreign[2] = { 77, 0 };
    static const uint32_t falling[3] = { 0, 2, 1 };
    static const uint32_t wide[2] = { 0, 17 };
    static gatherd_raw_value values[17];
    static uint64_t odd[4];
    gatherd_batch batch;
    memset(&batch, 0, sizeof(batch));
    batch.size = sizeof(batch);
    batch.count = 1;
    batch.handles = &handle;
    batch.values = values;
    if (is_asked("null_batch")) {
        return host->dispatch(host->context, NULL);
    } else if (is_asked("misaligned_batch")) {
        return host->dispatch(host->context, (const gatherd_batch *)(const void *)((const char *)&batch + 1));
    } else if (is_asked("small_batch")) {
        batch.size = sizeof(batch) - 1;
    } else if (is_asked("huge_batch")) {
        batch.count = 1000001;
    } else if (is_asked("null_handles")) {
        batch.handles = NULL;
    } else if (is_asked("null_values")) {
        batch.values = NULL;
    } else if (is_asked("misaligned_values")) {
        batch.values = (const gatherd_raw_value *)(const void *)((const char *)odd + 1);
    } else if (is_asked("falling_offsets")) {
        batch.count = 2;
        batch.handles = foreign;
        batch.offsets = falling;
    } else if (is_asked("wide_sample")) {
        batch.offsets = wide;
    } else if (is_asked("bad_meta")) {
        batch.meta.data = (const uint8_t *)"\xff";
        batch.meta.len = 1;
    } else if (is_asked("foreign_handle")) {
        batch.handles = foreign;
    } else if (!is_asked("empty_batch")) {
        return 1;
    } else {
        batch.count = 0;
        batch.handles = NULL;
        batch.values = NULL;
    }
    return host->dispatch(host->context, &batch);
}

static gatherd_status call_dispatch_values(void) {
    static gatherd_raw_value values[17];
    gatherd_value_list list;
    memset(&list, 0, sizeof(list));
    list.size = sizeof(list);
    list.identity = good;
    list.values = values;
    list.values_len = 1;
    if (is_asked("null_list")) {
        return host->dispatch_values(host->context, NULL);
    } else if (is_asked("small_list")) {
        list.size = 8;
    } else if (is_asked("many_values")) {
        list.values_len = 17;
    } else if (is_asked("list_without_values")) {
        list.values = NULL;
    } else {
        return 1;
    }
    return host->dispatch_values(host->context, &list);
}

static gatherd_status call_notify(void) {
    static const gatherd_meta strange = { TEXT("m"), 9, NO_TEXT, { 0 } };
    gatherd_notification notification;
    memset(&notification, 0, sizeof(notification));
    notification.size = sizeof(notification);
    notification.severity = 1;
    notification.identity = good;
    if (is_asked("null_notification")) {
        return host->dispatch_notification(host->context, NULL);
    } else if (is_asked("small_notification")) {
        notification.size = 0;
    } else if (is_asked("strange_severity")) {
        notification.severity = 3;
    } else if (is_asked("strange_meta")) {
        notification.meta = &strange;
        notification.meta_len = 1;
    } else if (is_asked("null_meta")) {
        notification.meta_len = 1;
    } else if (is_asked("much_meta")) {
        notification.meta = &strange;
        notification.meta_len = 65;
    } else if (is_asked("endless_message")) {
        notification.message.data = (const uint8_t *)"m";
        notification.message.len = 4097;
    } else {
        return 1;
    }
    return host->dispatch_notification(host->context, &notification);
}

/* Counts how often it is shown the series `good` as it should be. */
static void count_good(void *user, const gatherd_description *description) {
    const gatherd_identity *identity = &description->identity;
    int is_good = description->size >= sizeof(*description) && identity->host.len > 0
        && identity->plugin.len == good.plugin.len
        && memcmp(identity->plugin.data, good.plugin.data, good.plugin.len) == 0
        && description->sources_len == 1 && description->sources[0].kind == GATHERD_SOURCE_KIND_GAUGE;
    *(int *)user += is_good ? 1 : 100;
}

static gatherd_status call_describe(void) {
    int shown = 0;
    gatherd_status answer;
    if (is_asked("null_show")) {
        return host->describe(host->context, 0, NULL, &shown);
    }
    if (is_asked("describe_nobody")) {
        answer = host->describe(host->context, UINT64_MAX, count_good, &shown);
        return shown == 0 ? answer : GATHERD_STATUS_FAILED;
    }
    if (is_asked("describe_good")) {
        answer = host->describe(host->context, 0, count_good, &shown);
        return shown == 1 ? answer : GATHERD_STATUS_FAILED;
    }
    return 1;
}

static gatherd_status read_once(void *instance) {
    gatherd_status (*const calls[])(void) = {
        call_register, call_register_many, call_dispatch, call_dispatch_values, call_notify, call_describe
    };
    gatherd_status answer = 1; /* No status: none of them was asked for. */
    gatherd_text line;
    char said[32];
    size_t at;
    (void)instance;
    for (at = 0; at < sizeof(calls) / sizeof(calls[0]) && answer == 1; at++) {
        answer = calls[at]();
    }
    snprintf(said, sizeof(said), "answer %d", (int)answer);
    line.data = (const uint8_t *)said;
    line.len = strlen(said);
    host->log(host->context, GATHERD_LOG_LEVEL_NOTICE, line);
    if (is_asked("strange_status")) {
        return -4711;
    }
    if (is_asked("silent_failure")) {
        return GATHERD_STATUS_FAILED;
    }
    if (is_asked("logged_failure")) {
        line.data = (const uint8_t *)"the cable is out \xff";
        line.len = 18;
        host->log(host->context, GATHERD_LOG_LEVEL_ERROR, line);
        return GATHERD_STATUS_FAILED;
    }
    return GATHERD_STATUS_OK;
}

static void shutdown_instance(void *instance) {
    (void)instance;
}

static const gatherd_plugin_table table = {
    GATHERD_ABI_MAJOR,
    GATHERD_ABI_MINOR,
    sizeof(gatherd_plugin_table),
    TEXT("calls"),
    TEXT("1"),
    TEXT("Breaks the contract on request"),
    NO_TEXT,
    GATHERD_CAPABILITIES_READ,
    NULL,
    init,
    read_once,
    NULL,
    NULL,
    NULL,
    shutdown_instance,
};

const gatherd_plugin_table *gatherd_plugin_entry(uint32_t host_abi_major) {
    return host_abi_major == GATHERD_ABI_MAJOR ? &table : NULL;
}
