/* SPDX-License-Identifier: Apache-2.0 */
/* Sharing a batch. Every rank reads all items and does those whose numbers it has taken, a block at
 * a time: blocks are as large as what a process does at once and shrink towards the end, as in
 * guided self-scheduling (Polychronopoulos and Kuck 1987), so that all ranks end at about the same
 * time whatever each of them takes. Each writes answers and journal of its own, FILE.RANK and
 * FILE.RANK.journal; nobody waits for another but at the beginning and at the end, where rank 0
 * writes FILE from all journals. A batch may be gone on with by any number of processes, also by
 * one alone: what counts as finished stands in the journals, whoever wrote them. */
#include "shares.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_PIECES = 65536, PATH = 4096, CODES = 256 };

struct shares {
    cli *c;
    omn_company *company;                 /* NULL: alone, behind others */
    uint32_t rank, size;
    uint64_t total, rows;
    uint64_t from, upto;                  /* items of the block that was taken last */
    uint64_t blocks, at;                  /* blocks that were cut so far, and where they end */
    journal *journal;
    const uint64_t *id;
    char answers[PATH], piece[PATH + 16];
};

/* ---- files ---------------------------------------------------------------------------------- */

static void journal_of(const shares *s, uint32_t rank, char *buf, size_t room)
{
    snprintf(buf, room, "%s.%u.journal", s->answers, rank);
}

/* The next journal of a piece in the folder: its rank, or -1. */
static long next_piece(DIR *d, const char *base)
{
    const size_t n = strlen(base);
    for (const struct dirent *e; (e = readdir(d));) {
        char *end = NULL;
        if (strncmp(e->d_name, base, n) || e->d_name[n] != '.' || e->d_name[n + 1] < '0' ||
            e->d_name[n + 1] > '9')
            continue;
        const unsigned long k = strtoul(e->d_name + n + 1, &end, 10);
        if (k < MOST_PIECES && !strcmp(end, ".journal")) return (long)k;
    }
    return -1;
}

typedef struct folder {
    DIR *d;
    const char *base;
} folder;

static folder open_folder(const char *answers)
{
    char path[PATH];
    const char *slash = strrchr(answers, '/');
    snprintf(path, sizeof path, "%.*s", slash ? (int)(slash - answers) + 1 : 1,
             slash ? answers : ".");
    return (folder){ opendir(path), slash ? slash + 1 : answers };
}

bool shares_begun(const char *answers)
{
    const folder f = answers ? open_folder(answers) : (folder){ NULL, NULL };
    if (!f.d) return false;
    const bool there = next_piece(f.d, f.base) >= 0;
    closedir(f.d);
    return there;
}

shares *shares_new(cli *c, const char *answers, uint64_t total, uint64_t rows)
{
    shares *s = calloc(1, sizeof *s);
    if (!s) return NULL;
    s->c = c;
    s->company = c->company;
    s->rank = omn_company_rank(c->company);
    s->size = omn_company_size(c->company);
    s->total = total;
    s->rows = rows;
    snprintf(s->answers, sizeof s->answers, "%s", answers);
    snprintf(s->piece, sizeof s->piece, "%s.%u", answers, s->rank);
    return s;
}

void shares_free(shares *s)
{
    free(s);
}

const char *shares_piece(const shares *s)
{
    return s->piece;
}

/* ---- who does what -------------------------------------------------------------------------- */

/* Every rank cuts the items into the same blocks. */
static uint64_t block_size(const shares *s)
{
    const uint64_t left = s->total > s->at ? s->total - s->at : 0;
    const uint64_t fair = left / (2 * (uint64_t)s->size);
    return fair < 1 ? 1 : fair < s->rows ? fair : s->rows;
}

static omn_status take_block(shares *s, omn_error *err)
{
    uint64_t number = 0;
    const omn_status st = omn_company_take(s->company, &number, err);
    if (st != OMN_OK) return st;
    while (s->blocks <= number) {
        s->from = s->at;
        s->at += block_size(s);
        s->blocks++;
    }
    s->upto = s->at;
    return OMN_OK;
}

omn_status shares_passed(void *user, uint64_t index, uint64_t hash, bool *yes, omn_error *err)
{
    shares *s = user;
    omn_status st = journal_passed(s->journal, index, hash, yes, err);
    if (st != OMN_OK || *yes || !s->company) return st;
    while (st == OMN_OK && s->upto <= index) st = take_block(s, err);
    *yes = index < s->from;
    return st;
}

bool shares_ends(const shares *s, uint64_t index)
{
    return s->company && index >= s->upto;
}

/* ---- beginning ------------------------------------------------------------------------------ */

/* What a rank that is not there any more had begun to tell. */
static omn_status settle(shares *s, uint32_t rank, omn_error *err)
{
    journal *left = NULL;
    char path[PATH + 32];
    journal_of(s, rank, path, sizeof path);
    omn_status st = journal_open(path, s->id, &left, err);
    if (st == OMN_OK) st = journal_retell(left, s->journal, s->c, err);
    if (st == OMN_OK) st = journal_told(left, err);
    journal_close(left);
    return st;
}

/* For each rank beside ours whose journal is there. gone: only those that take no part now. */
static omn_status look_beside(shares *s, bool gone, omn_error *err)
{
    omn_status st = OMN_OK;
    const folder f = open_folder(s->answers);
    if (!f.d) return omn_fail(err, OMN_ERR_IO, "%s: %s", s->answers, strerror(errno));
    for (long k; st == OMN_OK && (k = next_piece(f.d, f.base)) >= 0;) {
        char path[PATH + 32];
        if ((uint32_t)k == s->rank || (gone && (uint32_t)k < s->size)) continue;
        journal_of(s, (uint32_t)k, path, sizeof path);
        st = gone ? settle(s, (uint32_t)k, err) : journal_beside(s->journal, path, s->id, err);
    }
    closedir(f.d);
    return st;
}

omn_status shares_begin(shares *s, journal *own, const uint64_t id[2], omn_error *err)
{
    omn_status st = OMN_OK;
    s->journal = own;
    s->id = id;
    if (!s->rank) OMN_TRY(look_beside(s, true, err));
    /* all journals are whole now */
    OMN_TRY(omn_company_barrier(s->company, err));
    OMN_TRY(look_beside(s, false, err));
    /* and nobody writes on before all have read them */
    OMN_TRY(omn_company_barrier(s->company, err));
done:
    s->id = NULL;
    return st;
}

/* ---- the answers of all --------------------------------------------------------------------- */

typedef struct said {
    uint64_t index;
    const char *text;
    size_t n;
    bool answer;                          /* else an error, which an answer goes before */
} said;

typedef struct gathered {
    omn_map **maps;
    size_t n_maps, room_maps;
    said *of;
    size_t n, room;
} gathered;

static omn_status gather_one(void *user, uint64_t index, const char *text, size_t n,
                             bool answer)
{
    gathered *g = user;
    if (g->n == g->room) {
        const size_t room = g->room ? 2 * g->room : 256;
        said *more = reallocarray(g->of, room, sizeof *more);
        if (!more) return OMN_ERR_MEMORY;
        g->of = more;
        g->room = room;
    }
    g->of[g->n++] = (said){ index, text, n, answer };
    return OMN_OK;
}

static omn_status on_answer(void *user, uint64_t index, const char *text, size_t n)
{
    return gather_one(user, index, text, n, true);
}

static omn_status keep_map(gathered *g, const char *path, const omn_map **out, omn_error *err)
{
    if (g->n_maps == g->room_maps) {
        const size_t room = g->room_maps ? 2 * g->room_maps : 64;
        omn_map **more = reallocarray(g->maps, room, sizeof(omn_map *));
        if (!more) return omn_fail(err, OMN_ERR_MEMORY, "%s: out of memory", path);
        g->maps = more;
        g->room_maps = room;
    }
    const omn_status st = omn_map_open(path, &g->maps[g->n_maps], err);
    if (st == OMN_OK) *out = g->maps[g->n_maps++];
    return st;
}

/* Items that failed have no place in a journal: they will be tried again. */
static omn_status gather_errors(gathered *g, const char *text, size_t n)
{
    char begins[64]; /* of json_error */
    omn_status st = OMN_OK;
    snprintf(begins, sizeof begins, "{\"type\":\"error\",\"version\":%d,\"item\":",
             CLI_JSON_VERSION);
    const size_t k = strlen(begins);
    for (const char *end; st == OMN_OK && n && (end = memchr(text, '\n', n));) {
        const size_t length = (size_t)(end - text) + 1;
        if (length > k && !memcmp(text, begins, k))
            st = gather_one(g, strtoull(text + k, NULL, 10), text, length, false);
        text += length;
        n -= length;
    }
    return st;
}

static omn_status gather_piece(shares *s, gathered *g, uint32_t rank, omn_error *err)
{
    omn_status st = OMN_OK;
    char path[PATH + 32];
    struct stat there;
    const omn_map *m = NULL;
    journal_of(s, rank, path, sizeof path);
    OMN_TRY(keep_map(g, path, &m, err));
    st = journal_answers(omn_map_data(m), omn_map_size(m), on_answer, g);
    path[strlen(path) - strlen(".journal")] = 0;
    if (st == OMN_OK && s->c->format == CLI_JSONL && stat(path, &there) == 0 && there.st_size) {
        OMN_TRY(keep_map(g, path, &m, err));
        st = gather_errors(g, omn_map_data(m), omn_map_size(m));
    }
    if (st == OMN_ERR_MEMORY) omn_fail(err, st, "%s: out of memory", path);
done:
    return st;
}

static int by_index(const void *a, const void *b)
{
    const said *x = a, *y = b;
    if (x->index != y->index) return x->index < y->index ? -1 : 1;
    return y->answer - x->answer;
}

static omn_status write_all(const shares *s, const gathered *g, const omn_buf *head,
                            omn_error *err)
{
    omn_status st = OMN_OK;
    omn_file *f = NULL;
    OMN_TRY(omn_file_create(s->answers, OMN_OVERWRITE, &f, err));
    OMN_TRY(omn_file_write(f, head->data ? head->data : "", head->length, err));
    for (size_t i = 0; i < g->n; i++)
        if (!i || g->of[i].index != g->of[i - 1].index)
            OMN_TRY(omn_file_write(f, g->of[i].text, g->of[i].n, err));
    OMN_TRY(omn_file_commit(f, err));
done:
    omn_file_free(f);
    return st;
}

static omn_status gather(shares *s, const omn_buf *head, omn_error *err)
{
    omn_status st = OMN_OK;
    gathered g = { .n = 0 };
    const folder f = open_folder(s->answers);
    if (!f.d) return omn_fail(err, OMN_ERR_IO, "%s: %s", s->answers, strerror(errno));
    for (long k; st == OMN_OK && (k = next_piece(f.d, f.base)) >= 0;)
        st = gather_piece(s, &g, (uint32_t)k, err);
    closedir(f.d);
    if (st == OMN_OK && g.n) qsort(g.of, g.n, sizeof *g.of, by_index);
    if (st == OMN_OK) st = write_all(s, &g, head, err);
    for (size_t i = 0; i < g.n_maps; i++) omn_map_close(g.maps[i]);
    free(g.maps);
    free(g.of);
    return st;
}

omn_status shares_end(shares *s, const omn_buf *head, uint64_t *failed, int *code, omn_error *err)
{
    omn_status st = OMN_OK;
    int64_t all[CODES + 1] = { 0 };       /* how many ranks end with each, and what failed */
    if (*code >= 0 && *code < CODES) all[*code]++;
    all[CODES] = (int64_t)*failed;
    OMN_TRY(omn_company_sum(s->company, OMN_I64, all, CODES + 1, err));
    *failed = (uint64_t)all[CODES];
    for (int k = CODES - 1; k > *code; k--)
        if (all[k]) *code = k;
    if (!s->rank) st = gather(s, head, err);
    const omn_status late = omn_company_barrier(s->company, err);
    if (st == OMN_OK) st = late;
done:
    return st;
}
