/* The same work as ../plugins/dispatch.c and ../plugins/null.c as a plugin of the peer, collectd: a writer that
 * counts, and one read that dispatches N series pass after pass, each pass until the writer has seen all of it.
 *
 * Environment: GB_SERIES, GB_PASSES, GB_OUT for the read; without them there is only the writer.
 * GB_COUNTER: a file in which the writer counts, so that others may map or read it.
 */
#include "collectd/core/daemon/collectd.h"
#include "collectd/core/daemon/plugin.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static _Atomic unsigned long here;
static _Atomic unsigned long *seen = &here;

static void count_in(const char *path) {
  int fd = open(path, O_RDWR | O_CREAT, 0600);
  if (fd < 0 || ftruncate(fd, 4096) != 0) return;
  void *mapped = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  if (mapped != MAP_FAILED) seen = mapped;
}

static int count(const data_set_t *ds, const value_list_t *vl, user_data_t *ud) {
  (void)ds;
  (void)vl;
  (void)ud;
  atomic_fetch_add_explicit(seen, 1, memory_order_relaxed);
  return 0;
}

static double now(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
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

static int run(void) {
  static int done;
  if (done++) return 0;
  unsigned long series = strtoul(getenv("GB_SERIES"), NULL, 10), passes = strtoul(getenv("GB_PASSES"), NULL, 10);
  FILE *out = fopen(getenv("GB_OUT"), "w");
  if (!out || !series) return -1;
  value_t value;
  value_list_t vl = {.values = &value, .values_len = 1, .interval = (cdtime_t)36000 << 30, .plugin = "benchdisp", .type = "gauge"};
  for (unsigned long p = 0; p < passes; p++) {
    unsigned long base = atomic_load(seen);
    double t0 = now(CLOCK_MONOTONIC), c0 = now(CLOCK_PROCESS_CPUTIME_ID);
    for (unsigned long i = 0; i < series; i++) {
      unsigned long k = (i * 2654435761UL) % series;
      snprintf(vl.host, sizeof vl.host, "host%04lu", k / 1000);
      snprintf(vl.plugin_instance, sizeof vl.plugin_instance, "%lu", (k / 10) % 100);
      snprintf(vl.type_instance, sizeof vl.type_instance, "m%lu", k);
      vl.time = cdtime();
      value.gauge = (double)p;
      plugin_dispatch_values(&vl);
    }
    double t1 = now(CLOCK_MONOTONIC);
    while (atomic_load(seen) - base < series) usleep(20);
    double t2 = now(CLOCK_MONOTONIC), c1 = now(CLOCK_PROCESS_CPUTIME_ID), n = (double)series;
    fprintf(out, "{\"pass\":%lu,\"call_ns\":%.1f,\"e2e_ns\":%.1f,\"cpu_ns\":%.1f,\"rss_kib\":%ld,\"refused\":0}\n", p,
            (t1 - t0) / n, (t2 - t0) / n, (c1 - c0) / n, resident_kib());
    fflush(out);
  }
  fprintf(out, "{\"done\":true}\n");
  fclose(out);
  return 0;
}

void module_register(void) {
  if (getenv("GB_COUNTER")) count_in(getenv("GB_COUNTER"));
  plugin_register_write("gatherd_bench", count, NULL);
  if (getenv("GB_SERIES")) plugin_register_read("gatherd_bench", run);
}
