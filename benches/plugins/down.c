/* Benchmark plugin: a writer whose other end is down: every write fails. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

static gatherd_status init(const gatherd_host_table *host, gatherd_text config, void **instance) {
  (void)host;
  (void)config;
  *instance = malloc(1);
  return *instance ? 0 : -1;
}

static gatherd_status write_(void *instance, const gatherd_write_batch *batch) {
  (void)instance;
  (void)batch;
  return -1;
}

static void shutdown_(void *instance) { free(instance); }

static gatherd_plugin_table table = {
    .abi_major = GATHERD_ABI_MAJOR,
    .abi_minor = GATHERD_ABI_MINOR,
    .size = sizeof(gatherd_plugin_table),
    .capabilities = 2,
    .init = init,
    .write = write_,
    .shutdown = shutdown_,
};

const gatherd_plugin_table *gatherd_plugin_entry(uint32_t host_abi_major) {
  if (host_abi_major != GATHERD_ABI_MAJOR) return NULL;
  table.name = text("benchdown");
  table.version = text("1.0.0");
  table.description = text("Refuses what it is given, for benchmarks.");
  table.config_schema = text("");
  return &table;
}
