/* Benchmark plugin: a writer that touches every value and counts it in a file that others may map.
 *
 * Configuration: {"counter": "FILE"}
 */
#define _GNU_SOURCE
#include "config.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct null {
  _Atomic unsigned long *seen;
  double sum;
};

static gatherd_status configure(const gatherd_host_table *host, gatherd_text config) {
  (void)host;
  (void)config;
  return 0;
}

static gatherd_status init(const gatherd_host_table *host, gatherd_text config, void **instance) {
  (void)host;
  struct null *null = calloc(1, sizeof *null);
  char *json = strndup((const char *)config.data, config.len);
  char *path = json ? strstr(json, "\"counter\"") : NULL;
  path = path ? strchr(path + 9, '"') : NULL;
  if (!null || !path) return -1;
  path++;
  path[strcspn(path, "\"")] = 0;
  int fd = open(path, O_RDWR | O_CREAT, 0600);
  free(json);
  if (fd < 0 || ftruncate(fd, 4096) != 0) return -1;
  null->seen = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  *instance = null;
  return null->seen == MAP_FAILED ? -1 : 0;
}

static gatherd_status write_(void *instance, const gatherd_write_batch *batch) {
  struct null *null = instance;
  const char *at = (const char *)batch->samples;
  for (size_t i = 0; i < batch->count; i++, at += batch->sample_size) {
    const gatherd_write_sample *sample = (const gatherd_write_sample *)at;
    for (size_t v = 0; v < sample->values_len; v++) null->sum += sample->values[v].gauge;
  }
  atomic_fetch_add_explicit(null->seen, batch->count, memory_order_relaxed);
  return 0;
}

static void shutdown_(void *instance) { free(instance); }

static gatherd_plugin_table table = {
    .abi_major = GATHERD_ABI_MAJOR,
    .abi_minor = GATHERD_ABI_MINOR,
    .size = sizeof(gatherd_plugin_table),
    .capabilities = 2,
    .configure = configure,
    .init = init,
    .write = write_,
    .shutdown = shutdown_,
};

const gatherd_plugin_table *gatherd_plugin_entry(uint32_t host_abi_major) {
  if (host_abi_major != GATHERD_ABI_MAJOR) return NULL;
  table.name = text("benchnull");
  table.version = text("1.0.0");
  table.description = text("Counts what it is given, for benchmarks.");
  table.config_schema = text("");
  return &table;
}
