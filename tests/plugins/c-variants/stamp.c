/*
 * Dispatches the number STAMP that was compiled in: shows which code really runs after a reload.
 */
#include <gatherd_plugin.h>

#include <string.h>

#define TEXT(literal) { (const uint8_t *)(literal), sizeof(literal) - 1 }

#ifndef STAMP
#define STAMP 1
#endif

static const gatherd_host_table *the_host;

static gatherd_status init(const gatherd_host_table *host, gatherd_text config, void **instance) {
    (void)config;
    (void)instance;
    the_host = host;
    return GATHERD_STATUS_OK;
}

static gatherd_status read_once(void *instance) {
    static const gatherd_identity identity = {
        { NULL, 0 }, TEXT("stamp"), { NULL, 0 }, TEXT("gauge"), { NULL, 0 }
    };
    gatherd_raw_value value;
    gatherd_value_list list;
    (void)instance;
    value.gauge = STAMP;
    memset(&list, 0, sizeof(list));
    list.size = sizeof(list);
    list.identity = identity;
    list.values = &value;
    list.values_len = 1;
    return the_host->dispatch_values(the_host->context, &list);
}

static void shutdown_instance(void *instance) {
    (void)instance;
}

static const gatherd_plugin_table table = {
    GATHERD_ABI_MAJOR,
    GATHERD_ABI_MINOR,
    sizeof(gatherd_plugin_table),
    TEXT("stamp"),
    TEXT("1"),
    TEXT("Tells which code runs"),
    { NULL, 0 },
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
