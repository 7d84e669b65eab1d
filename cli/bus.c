/* SPDX-License-Identifier: Apache-2.0 */
/* Weights are mapped, not read. When somebody cuts such a file off while it is in use, touching the
 * missing part ends the process with a bus error, and no check beforehand can exclude it. The
 * program says in one line which file it was and ends as after any failed read; what lies behind
 * the address is found in the system's own list, so that nothing is to be remembered. */
#include "cli.h"

#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

enum { LINE = 4400 };

/* "55d0-55e0 r--p 00000000 08:01 1234      /path": is the address in it, and where is the path? */
static const char *holds(const char *line, uintptr_t address)
{
    uintptr_t side[2] = { 0, 0 };
    for (int i = 0; i < 2; i++, line++)
        for (;; line++) {
            const int digit = *line >= '0' && *line <= '9'   ? *line - '0'
                              : *line >= 'a' && *line <= 'f' ? *line - 'a' + 10
                                                             : -1;
            if (digit < 0) break;
            side[i] = side[i] << 4 | (uintptr_t)digit;
        }
    return address >= side[0] && address < side[1] ? strchr(line, '/') : NULL;
}

/* The file that is mapped there, into line; NULL when there is none. Only calls that a signal
 * handler may make. */
static const char *file_at(uintptr_t address, char *line)
{
    char part[1024];
    size_t n = 0;
    const char *found = NULL;
    const int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    if (fd < 0) return NULL;
    for (ssize_t got; !found && (got = read(fd, part, sizeof part)) > 0;)
        for (ssize_t i = 0; i < got && !found; i++) {
            if (part[i] != '\n') {
                if (n < LINE - 1) line[n++] = part[i];
                continue;
            }
            line[n] = '\0';
            found = holds(line, address);
            n = 0;
        }
    close(fd);
    return found;
}

static struct sigaction before; /* what is done about other bus errors */

static void on_bus(int number, siginfo_t *info, void *context)
{
    static const char end[] = ": has changed while it was used; a new one must be written beside "
                              "it and renamed over it\n";
    char line[LINE], text[LINE + 256] = "omnio: ";
    (void)context;
    const char *path =
        info->si_code == BUS_ADRERR ? file_at((uintptr_t)info->si_addr, line) : NULL;
    if (!path) {
        /* Some other mistake: the same instruction again, without this function. */
        sigaction(number, &before, NULL);
        return;
    }
    const size_t n = strlen(path);
    memcpy(text + 7, path, n + 1);
    omn_text_clean(text);
    memcpy(text + strlen(text), end, sizeof end);
    if (write(STDERR_FILENO, text, strlen(text)) < 0) _exit(omn_status_exit(OMN_ERR_IO));
    _exit(omn_status_exit(OMN_ERR_IO));
}

void cli_catch_bus(void)
{
    struct sigaction how = { .sa_flags = (int)(SA_SIGINFO | SA_ONSTACK) };
    how.sa_sigaction = on_bus;
    sigemptyset(&how.sa_mask);
    sigaction(SIGBUS, &how, &before);
}
