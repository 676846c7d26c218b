/* Benchmark plugin: registers N series once and dispatches all of them by handle, pass after pass.
 *
 * A pass ends when the writer (null.c) has seen every value: the count lies in a file that both map.
 * Series are registered in order and visited in the order of (i * 2654435761) mod N, as the peer's
 * plugin does, so that neighbours in time are strangers in the daemon's memory. One line of JSON per pass goes to the file `out`.
 *
 * Configuration: {"series": N, "passes": P, "counter": "FILE", "out": "FILE", "isolated": 1}. With `isolated` the CPU time
 * of the process that started this one counts as well: that is the daemon.
 */
#define _GNU_SOURCE
#include "config.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define BATCH 128
/* Series that are made known at once. */
#define MANY 512
/* Values that may wait for the writer: below the daemon's queue, so that nothing is dropped. */
#define AHEAD 65536

struct bench {
  const gatherd_host_table *host;
  unsigned long series, passes;
  char out[256], counter[256];
  int done;
  clockid_t daemon; /* its CPU clock, where it is another process */
  int isolated;
};

static double now(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* CPU time of all processes that a value goes through. */
static double cpu(const struct bench *b) {
  return now(CLOCK_PROCESS_CPUTIME_ID) + (b->isolated ? now(b->daemon) : 0);
}

static long resident_kib(void) {
  long pages = 0;
  FILE *f = fopen("/proc/self/statm", "r");
  if (f) {
    if (fscanf(f, "%*d %ld", &pages) != 1) pages = 0;
    fclose(f);
  }
  return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static gatherd_status configure(const gatherd_host_table *host, gatherd_text config) {
  (void)host;
  (void)config;
  return 0;
}

static gatherd_status init(const gatherd_host_table *host, gatherd_text config, void **instance) {
  struct bench *b = calloc(1, sizeof *b);
  char *json = strndup((const char *)config.data, config.len);
  if (!b || !json) return -1;
  b->host = host;
  b->series = strtoul(field(json, "series"), NULL, 10);
  b->passes = strtoul(field(json, "passes"), NULL, 10);
  copy_until_quote(b->out, sizeof b->out, field(json, "out"));
  copy_until_quote(b->counter, sizeof b->counter, field(json, "counter"));
  b->isolated = atoi(field(json, "isolated"));
  free(json);
  *instance = b;
  if (b->isolated && clock_getcpuclockid(getppid(), &b->daemon) != 0) return -1;
  return b->series && b->passes ? 0 : -1;
}

static int register_all(struct bench *b, gatherd_handle *handles) {
  /* Where k stands in the order of the visits: the handles are kept in that order. */
  unsigned long *at = calloc(b->series, sizeof *at);
  if (!at) return -1;
  for (unsigned long i = 0; i < b->series; i++) at[(i * 2654435761UL) % b->series] = i;
  static char names[MANY][3][32];
  static gatherd_registration items[MANY];
  for (unsigned long begin = 0; begin < b->series; begin += MANY) {
    unsigned long count = b->series - begin < MANY ? b->series - begin : MANY;
    for (unsigned long i = 0; i < count; i++) {
      unsigned long k = begin + i;
      snprintf(names[i][0], sizeof names[i][0], "host%04lu", k / 1000);
      snprintf(names[i][1], sizeof names[i][1], "%lu", (k / 10) % 100);
      snprintf(names[i][2], sizeof names[i][2], "m%lu", k);
      gatherd_identity identity = {text(names[i][0]), text("benchdisp"), text(names[i][1]), text("gauge"),
                                   text(names[i][2])};
      items[i] = (gatherd_registration){.identity = identity, .data_set = text("")};
    }
    if (b->host->register_many(b->host->context, items, sizeof *items, count) != 0) return -1;
    for (unsigned long i = 0; i < count; i++) handles[at[begin + i]] = items[i].handle;
  }
  free(at);
  return 0;
}

/* Turns of 20 us and more in which the writer saw nothing new, until what it still waits for counts as hidden. */
#define STILL 1000

/* What a rule hides never comes to the writer. */
struct hidden {
  unsigned long values; /* so many of the last pass */
  double waited_ns;     /* until this pass found out that more are hidden: no part of its calls */
};

/* Dispatches every series once, never far ahead of the writer; answers how many batches were refused. */
static unsigned long pass(struct bench *b, const gatherd_handle *handles, double value,
                          _Atomic unsigned long *seen, unsigned long base, struct hidden *hidden) {
  unsigned long refused = 0, lost = 0;
  hidden->waited_ns = 0;
  for (unsigned long i = 0; i < b->series;) {
    gatherd_handle chosen[BATCH];
    gatherd_raw_value values[BATCH];
    size_t n = 0;
    for (; n < BATCH && i < b->series; n++, i++) {
      chosen[n] = handles[i];
      values[n].gauge = value;
    }
    gatherd_batch batch = {.size = sizeof batch,
                           .interval = 36000ULL << 30,
                           .count = n,
                           .handles = chosen,
                           .values = values};
    if (b->host->dispatch(b->host->context, &batch) != 0) refused++;
    /* As many are hidden by here as in the last pass, spread evenly. */
    unsigned long never = lost + (unsigned long)((double)hidden->values * (double)i / (double)b->series);
    unsigned long last = atomic_load(seen);
    double began = 0;
    for (int still = 0; i > never + (last - base) + AHEAD; usleep(20)) {
      if (began == 0) began = now(CLOCK_MONOTONIC);
      unsigned long so_far = atomic_load(seen);
      still = so_far == last ? still + 1 : 0;
      last = so_far;
      if (still < STILL) continue;
      lost += i - never - (last - base);
      hidden->waited_ns += now(CLOCK_MONOTONIC) - began;
      break;
    }
  }
  return refused;
}

/* Waits until the writer has seen all that is not hidden, or nothing new for a while. */
static void await(_Atomic unsigned long *seen, unsigned long all) {
  unsigned long last = atomic_load(seen);
  for (int still = 0; still < STILL && last < all; usleep(20)) {
    unsigned long so_far = atomic_load(seen);
    still = so_far == last ? still + 1 : 0;
    last = so_far;
  }
}

static gatherd_status run(void *instance) {
  struct bench *b = instance;
  if (b->done) return 0;
  b->done = 1;
  int fd = open(b->counter, O_RDWR | O_CREAT, 0600);
  if (fd < 0 || ftruncate(fd, 4096) != 0) return -1;
  _Atomic unsigned long *seen = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  gatherd_handle *handles = calloc(b->series, sizeof *handles);
  FILE *out = fopen(b->out, "w");
  if (seen == MAP_FAILED || !handles || !out) return -1;
  double r0 = now(CLOCK_MONOTONIC);
  if (register_all(b, handles) != 0) return -1;
  fprintf(out, "{\"register_ns\":%.1f}\n", (now(CLOCK_MONOTONIC) - r0) / (double)b->series);
  struct hidden hidden = {0};
  for (unsigned long p = 0; p < b->passes; p++) {
    unsigned long base = atomic_load(seen);
    double t0 = now(CLOCK_MONOTONIC), c0 = cpu(b);
    unsigned long refused = pass(b, handles, (double)p, seen, base, &hidden);
    double t1 = now(CLOCK_MONOTONIC);
    /* One hidden value may come again at any time, so the whole is waited for. */
    if (refused == 0) await(seen, base + b->series);
    unsigned long came = atomic_load(seen) - base;
    hidden.values = came < b->series ? b->series - came : 0;
    double t2 = now(CLOCK_MONOTONIC), c1 = cpu(b), n = (double)b->series;
    fprintf(out,
            "{\"pass\":%lu,\"call_ns\":%.1f,\"e2e_ns\":%.1f,\"cpu_ns\":%.1f,\"rss_kib\":%ld,\"refused\":%lu,"
            "\"took_ns\":%.0f,\"ended_ns\":%.0f}\n",
            p, (t1 - t0 - hidden.waited_ns) / n, (t2 - t0) / n, (c1 - c0) / n, resident_kib(), refused, t1 - t0, now(CLOCK_REALTIME));
    fflush(out);
  }
  fprintf(out, "{\"done\":true}\n");
  fclose(out);
  return 0;
}

static void shutdown_(void *instance) { free(instance); }

static gatherd_plugin_table table = {
    .abi_major = GATHERD_ABI_MAJOR,
    .abi_minor = GATHERD_ABI_MINOR,
    .size = sizeof(gatherd_plugin_table),
    .capabilities = 1,
    .configure = configure,
    .init = init,
    .read = run,
    .shutdown = shutdown_,
};

const gatherd_plugin_table *gatherd_plugin_entry(uint32_t host_abi_major) {
  if (host_abi_major != GATHERD_ABI_MAJOR) return NULL;
  table.name = text("benchdispatch");
  table.version = text("1.0.0");
  table.description = text("Dispatches many series, for benchmarks.");
  table.config_schema = text("");
  return &table;
}
