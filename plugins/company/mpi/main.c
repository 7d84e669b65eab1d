/* SPDX-License-Identifier: Apache-2.0 */
/* company/mpi: processes that mpirun, or another launcher that speaks PMIx, has started, by Open
 * MPI. Sums are MPI's all-reduces; the number that is given out next lies with rank 0, where all
 * count it up by one-sided operations (MPI-3, chapter 11), so that no rank has to serve the others.
 * Whoever waits gives the processor away: ranks may have to share one. */
#include <omnio/company.h>
#include <omnio/plugin.h>

#include <mpi.h>

#include <sched.h>
#include <stdlib.h>
#include <time.h>

enum { MOST_PENDING = 4096, LOOKS = 16 };
#define PATIENCE_S 0.1

typedef struct company {
    bool ours;                            /* MPI was begun here */
    MPI_Comm comm;
    int rank, size;
    MPI_Win window;                       /* of one number, at rank 0 */
    uint64_t *next;
    MPI_Request *pending[MOST_PENDING];   /* all-reduces on their way */
    size_t n_pending;
} company;

static omn_status told(int code, const char *what, omn_error *err)
{
    char text[MPI_MAX_ERROR_STRING] = "";
    int n = 0;
    if (code == MPI_SUCCESS) return OMN_OK;
    if (MPI_Error_string(code, text, &n) != MPI_SUCCESS) text[0] = 0;
    return omn_fail(err, OMN_ERR_FAILED, "%s: %s", what, text);
}

static omn_status open_company(void **self, omn_error *err)
{
    omn_status st = OMN_OK;
    int there = 0, level = 0;
    company *c = calloc(1, sizeof *c);
    if (!c) return omn_fail(err, OMN_ERR_MEMORY, "out of memory");
    *self = c;
    c->comm = MPI_COMM_NULL;
    c->window = MPI_WIN_NULL;
    OMN_TRY(told(MPI_Initialized(&there), "MPI_Initialized", err));
    if (!there) {
        OMN_TRY(told(MPI_Init_thread(NULL, NULL, MPI_THREAD_SERIALIZED, &level), "MPI_Init", err));
        c->ours = true;
    } else {
        OMN_TRY(told(MPI_Query_thread(&level), "MPI_Query_thread", err));
    }
    if (level < MPI_THREAD_SERIALIZED) {
        st = omn_fail(err, OMN_ERR_UNSUPPORTED, "this MPI cannot be used from several threads");
        goto done;
    }
    OMN_TRY(told(MPI_Comm_dup(MPI_COMM_WORLD, &c->comm), "MPI_Comm_dup", err));
    OMN_TRY(told(MPI_Comm_set_errhandler(c->comm, MPI_ERRORS_RETURN), "MPI", err));
    OMN_TRY(told(MPI_Comm_rank(c->comm, &c->rank), "MPI_Comm_rank", err));
    OMN_TRY(told(MPI_Comm_size(c->comm, &c->size), "MPI_Comm_size", err));
    const MPI_Aint bytes = c->rank ? 0 : (MPI_Aint)sizeof *c->next;
    OMN_TRY(told(MPI_Win_allocate(bytes, sizeof *c->next, MPI_INFO_NULL, c->comm, &c->next,
                                  &c->window), "MPI_Win_allocate", err));
    OMN_TRY(told(MPI_Win_set_errhandler(c->window, MPI_ERRORS_RETURN), "MPI", err));
    if (!c->rank) *c->next = 0;
    OMN_TRY(told(MPI_Barrier(c->comm), "MPI_Barrier", err));
done:
    return st;
}

static void close_company(void *self)
{
    company *c = self;
    if (!c) return;
    if (c->window != MPI_WIN_NULL) MPI_Win_free(&c->window);
    if (c->comm != MPI_COMM_NULL) MPI_Comm_free(&c->comm);
    if (c->ours) MPI_Finalize();
    free(c);
}

static uint32_t rank_of(const void *self)
{
    return (uint32_t)((const company *)self)->rank;
}

static uint32_t size_of(const void *self)
{
    return (uint32_t)((const company *)self)->size;
}

/* MPI_Wait would turn round and round on a processor that another rank may need. A sum moves on
 * only while it is looked at, so that sleep comes late: when the others are nowhere near. */
static omn_status wait_for(MPI_Request *r, const char *what, omn_error *err)
{
    const struct timespec moment = { 0, 200000 };
    const double began = MPI_Wtime();
    for (int looks = 1;; looks++) {
        int done = 0;
        const omn_status st = told(MPI_Test(r, &done, MPI_STATUS_IGNORE), what, err);
        if (st != OMN_OK || done) return st;
        if (looks % LOOKS) continue;
        if (MPI_Wtime() - began > PATIENCE_S) nanosleep(&moment, NULL);
        else sched_yield();
    }
}

static omn_status barrier(void *self, omn_error *err)
{
    company *c = self;
    MPI_Request r = MPI_REQUEST_NULL;
    const omn_status st = told(MPI_Ibarrier(c->comm, &r), "MPI_Ibarrier", err);
    return st == OMN_OK ? wait_for(&r, "MPI_Ibarrier", err) : st;
}

static omn_status begin(company *c, MPI_Datatype type, void *x, size_t n, MPI_Request *r,
                        omn_error *err)
{
    if (n > INT32_MAX) return omn_fail(err, OMN_ERR_ARGUMENT, "a sum of %zu numbers at once", n);
    return told(MPI_Iallreduce(MPI_IN_PLACE, x, (int)n, type, MPI_SUM, c->comm, r),
                "MPI_Iallreduce", err);
}

static omn_status sum(void *self, omn_type type, void *x, size_t n, omn_error *err)
{
    company *c = self;
    MPI_Request r = MPI_REQUEST_NULL;
    const MPI_Datatype t = type == OMN_F32   ? MPI_FLOAT
                           : type == OMN_F64 ? MPI_DOUBLE
                           : type == OMN_I64 ? MPI_INT64_T
                                             : MPI_DATATYPE_NULL;
    if (t == MPI_DATATYPE_NULL)
        return omn_fail(err, OMN_ERR_TYPE, "sums are of f32, f64 and i64");
    const omn_status st = begin(c, t, x, n, &r, err);
    return st == OMN_OK ? wait_for(&r, "MPI_Iallreduce", err) : st;
}

static omn_status sum_begin(void *self, float *x, size_t n, void **pending, omn_error *err)
{
    company *c = self;
    if (c->n_pending == MOST_PENDING)
        return omn_fail(err, OMN_ERR_ARGUMENT, "more than %d sums at once", MOST_PENDING);
    MPI_Request *r = malloc(sizeof *r);
    if (!r) return omn_fail(err, OMN_ERR_MEMORY, "out of memory");
    const omn_status st = begin(c, MPI_FLOAT, x, n, r, err);
    if (st != OMN_OK) {
        free(r);
        return st;
    }
    c->pending[c->n_pending++] = r;
    *pending = r;
    return OMN_OK;
}

static omn_status sum_poll(void *self, omn_error *err)
{
    company *c = self;
    omn_status st = OMN_OK;
    for (int looks = 0; looks < LOOKS; looks++)
        for (size_t i = 0; st == OMN_OK && i < c->n_pending; i++) {
            int done = 0;
            st = told(MPI_Test(c->pending[i], &done, MPI_STATUS_IGNORE), "MPI_Iallreduce", err);
        }
    return st;
}

static omn_status sum_end(void *self, void *pending, omn_error *err)
{
    company *c = self;
    const omn_status st = wait_for(pending, "MPI_Iallreduce", err);
    size_t n = 0;
    for (size_t i = 0; i < c->n_pending; i++)
        if (c->pending[i] != pending) c->pending[n++] = c->pending[i];
    c->n_pending = n;
    free(pending);
    return st;
}

static omn_status take(void *self, uint64_t *number, omn_error *err)
{
    omn_status st = OMN_OK;
    company *c = self;
    const uint64_t one = 1;
    OMN_TRY(told(MPI_Win_lock(MPI_LOCK_SHARED, 0, 0, c->window), "MPI_Win_lock", err));
    st = told(MPI_Fetch_and_op(&one, number, MPI_UINT64_T, 0, 0, MPI_SUM, c->window),
              "MPI_Fetch_and_op", err);
    const omn_status late = told(MPI_Win_unlock(0, c->window), "MPI_Win_unlock", err);
    if (st == OMN_OK) st = late;
done:
    return st;
}

static void abort_company(void *self, int code)
{
    const company *c = self;
    MPI_Abort(c->comm == MPI_COMM_NULL ? MPI_COMM_WORLD : c->comm, code);
}

static const omn_company_impl impl = {
    NULL, "OMPI_COMM_WORLD_SIZE PMIX_RANK", open_company, close_company, rank_of, size_of, barrier,
    sum, sum_begin, sum_poll, sum_end, take, abort_company,
};
static const omn_object objects[] = {
    { "omnio.company/1", "mpi", "processes that mpirun has started", &impl, NULL, 0, 0 },
};
OMN_PLUGIN("company-mpi", "1.0", "Apache-2.0", "several processes and machines, by Open MPI",
           objects);
