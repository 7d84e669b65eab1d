/* SPDX-License-Identifier: Apache-2.0 */
/* omnio-scan LIBRARY LIMIT: the helper process in which libomnio looks at unknown plugins, each for
 * at most LIMIT milliseconds. It loads the very libomnio that started it, so that plugins find the
 * library which they will meet in the host, and serves on standard input and output. Both are moved
 * out of the way first: a plugin that prints while it is loaded must not garble the answers. */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef int serve_fn(int in, int out, unsigned limit_ms);

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr,
                "usage: omnio-scan LIBRARY LIMIT (started by libomnio, of no use by hand)\n");
        return 2;
    }
    int in = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3),
        out = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (in < 0 || out < 0 || null < 0) return 71;
    for (int fd = 0; fd < 3; fd++)
        if (dup2(null, fd) < 0) return 71;
    void *library = dlopen(argv[1], RTLD_NOW | RTLD_GLOBAL);
    void *symbol = library ? dlsym(library, "omn_scan_serve") : NULL;
    serve_fn *serve = NULL;
    if (!symbol) return 69;
    memcpy(&serve, &symbol, sizeof(serve));
    /* No destructor of a plugin runs: what was looked at need not be put away. */
    _exit(serve(in, out, (unsigned)strtoul(argv[2], NULL, 10)));
}
