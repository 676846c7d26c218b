/* CPU time of processes, in nanoseconds, one line each: `clock PID …`.
 *
 * The kernel's own clock of each process counts all of its threads, also those that have ended; the ticks of
 * /proc are a hundred thousand times coarser.
 */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

int main(int count, char **pids) {
  for (int at = 1; at < count; at++) {
    clockid_t clock;
    struct timespec t;
    if (clock_getcpuclockid(atoi(pids[at]), &clock) != 0 || clock_gettime(clock, &t) != 0) return 1;
    printf("%lld\n", (long long)t.tv_sec * 1000000000LL + t.tv_nsec);
  }
  return 0;
}
