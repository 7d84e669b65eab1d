/* SPDX-License-Identifier: Apache-2.0 */
/* Memory as Linux tells of it; elsewhere nothing is known. */
#include "machine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The number behind the first line of a file that begins so, in units; 0: there is none. */
static uint64_t line_of(const char *path, const char *begins, uint64_t unit)
{
    char line[256];
    uint64_t out = 0;
    FILE *in = fopen(path, "re");
    while (in && !out && fgets(line, sizeof line, in))
        if (!strncmp(line, begins, strlen(begins)))
            out = strtoull(line + strlen(begins), NULL, 10) * unit;
    if (in) fclose(in);
    return out;
}

machine_memory machine_memory_now(void)
{
    machine_memory m = { line_of("/proc/meminfo", "MemTotal:", 1024),
                         line_of("/proc/meminfo", "MemAvailable:", 1024),
                         line_of("/sys/fs/cgroup/memory.max", "", 1) };
    if (m.most && m.most < m.all) m.all = m.most;
    if (m.free > m.all) m.free = m.all;
    return m;
}
