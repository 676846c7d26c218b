/* Benchmark plugin: each read tells the number that it is configured with, and writes down when it began.
 *
 * Configuration: {"name": "N", "stamp": NUMBER, "out": "FILE", "hang": 1, "clock": 1}; all but the first are
 * optional. `out` grows by one number of 8 bytes with each read: nanoseconds of the monotonic clock, as the processor
 * writes them. With `hang` the second read never returns. With `clock` the value is the monotonic clock in microseconds,
 * each other time below zero.
 */
#define _GNU_SOURCE
#include "config.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct steady {
  const gatherd_host_table *host;
  gatherd_handle handle;
  double stamp;
  char name[64];
  int registered, out, hang, clock;
  unsigned long reads;
};

static gatherd_status configure(const gatherd_host_table *host, gatherd_text config) {
  (void)host;
  (void)config;
  return 0;
}

static gatherd_status init(const gatherd_host_table *host, gatherd_text config, void **instance) {
  struct steady *s = calloc(1, sizeof *s);
  char *json = strndup((const char *)config.data, config.len);
  char out[256];
  if (!s || !json) return -1;
  s->host = host;
  s->stamp = strtod(field(json, "stamp"), NULL);
  s->hang = atoi(field(json, "hang"));
  s->clock = atoi(field(json, "clock"));
  copy_until_quote(s->name, sizeof s->name, field(json, "name"));
  copy_until_quote(out, sizeof out, field(json, "out"));
  free(json);
  s->out = out[0] ? open(out, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
  *instance = s;
  return 0;
}

static gatherd_status read_(void *instance) {
  struct steady *s = instance;
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  unsigned long long now = (unsigned long long)t.tv_sec * 1000000000ULL + (unsigned long long)t.tv_nsec;
  if (s->out >= 0 && write(s->out, &now, sizeof now) != sizeof now) return -1;
  s->reads++;
  while (s->hang && s->reads > 1) pause();
  gatherd_raw_value value = {.gauge = s->stamp};
  if (s->clock) value.gauge = (s->reads % 2 ? 1.0 : -1.0) * (double)(now / 1000);
  gatherd_batch batch = {.size = sizeof batch, .count = 1, .handles = &s->handle, .values = &value};
  gatherd_status status = GATHERD_STATUS_STALE;
  if (s->registered) status = s->host->dispatch(s->host->context, &batch);
  /* It is new, or has expired while the machine was too busy for its reads. */
  if (status == GATHERD_STATUS_STALE) {
    gatherd_identity identity = {text(""), text("benchsteady"), text(s->name), text("gauge"), text("stamp")};
    s->registered = s->host->register_(s->host->context, &identity, text(""), &s->handle) == 0;
    if (!s->registered) return GATHERD_STATUS_FAILED;
    status = s->host->dispatch(s->host->context, &batch);
  }
  return status;
}

static void shutdown_(void *instance) {
  struct steady *s = instance;
  if (s->out >= 0) close(s->out);
  free(s);
}

static gatherd_plugin_table table = {
    .abi_major = GATHERD_ABI_MAJOR,
    .abi_minor = GATHERD_ABI_MINOR,
    .size = sizeof(gatherd_plugin_table),
    .capabilities = 1,
    .configure = configure,
    .init = init,
    .read = read_,
    .shutdown = shutdown_,
};

const gatherd_plugin_table *gatherd_plugin_entry(uint32_t host_abi_major) {
  if (host_abi_major != GATHERD_ABI_MAJOR) return NULL;
  table.name = text("benchsteady");
  table.version = text("1.0.0");
  table.description = text("Tells its configured number, for benchmarks.");
  table.config_schema = text("");
  return &table;
}
