/* What the plugins of the benchmark share: text for the contract, and a reader of their configuration. */
#ifndef BENCH_CONFIG_H
#define BENCH_CONFIG_H

#include "gatherd_plugin.h"

#include <stdio.h>
#include <string.h>

static inline gatherd_text text(const char *s) { return (gatherd_text){(const uint8_t *)s, strlen(s)}; }

/* The value behind "key" in flat JSON; good enough for what the benchmark writes itself. */
static inline const char *field(const char *json, const char *key) {
  char quoted[64];
  snprintf(quoted, sizeof quoted, "\"%s\"", key);
  const char *at = strstr(json, quoted);
  at = at ? strchr(at + strlen(quoted), ':') : NULL;
  if (!at) return "";
  for (at++; *at == ' ' || *at == '"'; at++) {}
  return at;
}

static inline void copy_until_quote(char *to, size_t size, const char *from) {
  size_t n = strcspn(from, "\"");
  snprintf(to, size, "%.*s", (int)n, from);
}

#endif
