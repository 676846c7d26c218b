/*
 * Libraries that are no good plugins; what is wrong is chosen by a macro at compile time.
 * Without any macro this is a plugin that does nothing, and does it well.
 */
#include <gatherd_plugin.h>

#include <stddef.h>

#define TEXT(literal) { (const uint8_t *)(literal), sizeof(literal) - 1 }

#ifndef NAME
#define NAME "table"
#endif
#ifndef SCHEMA
#define SCHEMA ""
#endif
#ifndef MAJOR
#define MAJOR GATHERD_ABI_MAJOR
#endif
#ifndef SIZE
#define SIZE sizeof(gatherd_plugin_table)
#endif
#ifndef CAPABILITIES
#define CAPABILITIES 0
#endif
#ifndef INIT_STATUS
#define INIT_STATUS GATHERD_STATUS_OK
#endif

#ifdef BORROW_FILE
#include <stdio.h>
#endif

#ifdef UNRESOLVED
extern int gatherd_test_nobody_defines_this(void);
#endif

#ifndef NO_INIT
static gatherd_status init(const gatherd_host_table *host, gatherd_text config, void **instance) {
    (void)host;
    (void)config;
    (void)instance;
#ifdef UNRESOLVED
    return gatherd_test_nobody_defines_this();
#else
    return INIT_STATUS;
#endif
}
#endif

static void shutdown_instance(void *instance) {
    (void)instance;
}

static const gatherd_plugin_table table = {
    MAJOR,
    0,
    SIZE,
#ifdef NULL_NAME
    { NULL, 5 },
#else
    TEXT(NAME),
#endif
    TEXT("1"),
    TEXT("Nothing"),
    TEXT(SCHEMA),
    CAPABILITIES,
    NULL,
#ifdef NO_INIT
    NULL,
#else
    init,
#endif
    NULL,
    NULL,
    NULL,
    NULL,
    shutdown_instance,
};

#ifdef NO_ENTRY
const gatherd_plugin_table *some_other_symbol(void);
const gatherd_plugin_table *some_other_symbol(void) {
    return &table;
}
#elif defined(BORROW_FILE)
/* The first library that comes here leaves the address of its table in a file; the next answers that one, as
   if the system had given back the old code. BORROWER keeps their digests apart. */
const int gatherd_test_borrower = BORROWER;

const gatherd_plugin_table *gatherd_plugin_entry(uint32_t host_abi_major) {
    void *known = NULL;
    FILE *file = fopen(BORROW_FILE, "r");
    (void)host_abi_major;
    if (file != NULL) {
        int found = fscanf(file, "%p", &known);
        fclose(file);
        return found == 1 ? known : NULL;
    }
    file = fopen(BORROW_FILE, "w");
    if (file == NULL || fprintf(file, "%p", (const void *)&table) < 0 || fclose(file) != 0) {
        return NULL;
    }
    return &table;
}
#elif defined(UNWILLING)
const gatherd_plugin_table *gatherd_plugin_entry(uint32_t host_abi_major) {
    return host_abi_major == 0 ? &table : NULL;
}
#else
const gatherd_plugin_table *gatherd_plugin_entry(uint32_t host_abi_major) {
    (void)host_abi_major;
    return &table;
}
#endif
