/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the trainer share: lessons as ids, pages, the pool of lessons that wait for a
 * row, the batch. */
#ifndef OMNIO_TRAIN_TRAINER_H
#define OMNIO_TRAIN_TRAINER_H

#include "ahead.h"
#include "inside.h"

#include "../generate/row.h"

#define MOST_ROLES 8
#define MOST_GROUPS 16
#define NO_TASK UINT32_MAX

/* A lesson as ids. in: its texts, each with its end token behind; out: what is wanted and its end
 * token, with a weight each. */
typedef struct item {
    int32_t *in, *out;
    float *weights;                       /* [n_out] */
    const uint8_t *noised;                /* [n_out]; NULL: none */
    const int32_t *fed;                   /* [n_out] at least, as omn_page; NULL: none */
    uint32_t n_in, n_out;                 /* n_in: of all texts */
    uint32_t n_texts, text[MOST_ROLES];   /* ids of each text */
    int32_t *front;                       /* ids, and marks: role of the trainer, place */
    float *front_weights;                 /* [n_front]; NULL: nothing in front is learnt */
    uint32_t n_front;
    const omn_lesson *lesson;             /* while its page is made */
    uint32_t task, modality, output;      /* output: number of the one that it wants */
    bool alone;                           /* it has nothing but texts */
} item;

/* A page as it comes from a pool thread. */
typedef struct made {
    omn_arena *arena;
    omn_page page;
    item *items;
    uint32_t n_items, n_bad;
    const omn_lesson *first;              /* the first with more than texts; NULL: there is none */
    omn_feed *feeds[MOST_ROLES];          /* what prepare made of each role's value; empty: none */
    bool has[MOST_ROLES];
    omn_status st;
    omn_error err;
} made;

/* Lessons of pages without inputs wait here until they fill a row. */
typedef struct waiting {
    item item;                            /* its ids and weights are one block, owned */
    bool used;
} waiting;

/* One input of the graph: which of those of its name, from 0. */
typedef struct role {
    const char *name;
    uint32_t number;
    const omn_port *ports;
    uint32_t n_ports;
    bool is_text;
    uint32_t most;                        /* places that its graphs have; 0: all */
} role;

/* The texts of a batch that have one number, in the feed. */
typedef struct texts { int32_t *ids, *seg, *pos; } texts;

/* A decoder that is taught: its words, and the graph of the steps that ask it. */
typedef struct output {
    const char *name;
    int32_t start, stop, rows;            /* of its vocabulary */
    int32_t behind;                       /* wanted behind the end; -1: nothing */
    uint32_t targets;                     /* places of a row */
    omn_ce ce;
    char loss_name[80], nll_name[80];     /* outputs of the graph */
    omn_graph *graph;
    char **gradient_names;                /* by weight of the store; NULL: the graph gives none */
    char **after_names;                   /* the same of what is not learnt by descent */
} output;

/* A row that is being filled. inputs: tokens of its texts by number. */
typedef struct row { uint32_t inputs[MOST_ROLES], targets, lessons; } row;

struct omn_trainer {
    omn_model *model;
    omn_store *store;
    omn_arena *arena;                     /* copies of the setup's lists */
    omn_train_setup setup;
    trainer_ahead_fn *ahead;              /* NULL: nobody wants to know */
    output outputs[MOST_OUTPUTS];
    uint32_t n_outputs;
    uint32_t now;                         /* number of the output that this step asks */
    bool unasked;                         /* nothing is: inputs alone are learnt from */
    int32_t text_end;                     /* behind a text that the model reads */
    role roles[MOST_ROLES];
    uint32_t n_roles, n_texts;
    const omn_row_impl *row;              /* NULL: inputs do not stand in rows */
    int64_t lengths[MOST_ROLES];          /* places of each input's sequence, where they do */
    int64_t length;                       /* of all of them */
    omn_exec *exec;
    omn_feed *feed;
    uint32_t fed;                         /* places of the feed's rows; 0: it has to be made */
    omn_opt *opt;
    const float **gradients;              /* by weight of the store; NULL: none in this step */
    const float **after;                  /* the same of what is not learnt by descent */
    size_t n_weights;
    uint32_t cells;                       /* of the auxiliary loss; 0: none */
    made *made;                           /* batch of them */
    row *rows;
    uint32_t *token_task;                 /* [batch, targets]; NO_TASK: padding */
    uint32_t *token_modality;             /* the same */
    /* the batch's tensors, in the feed */
    texts texts[MOST_ROLES];
    int32_t *t_ids, *t_pos, *t_seg, *t_part, *t_labels;
    int32_t *t_from;                      /* NULL: no inputs in rows */
    float *t_weight, *t_noised;           /* t_noised NULL: nothing is */
    int32_t *aux_labels[MOST_GROUPS];
    float *aux_weights[MOST_GROUPS], *aux_edges, *aux_edge_weights, *aux_scale;
    /* state */
    uint64_t step, next_page, pages, lessons, tokens, dropped, skipped, bad;
    uint32_t skipped_in_row;
    waiting *pool;
    size_t n_pool, room_pool, n_kept;     /* kept: there before this step */
    /* of this step, until it is done */
    uint64_t now_next, now_pages, now_lessons, now_tokens, now_dropped, now_bad;
    double *task_loss, *modality_loss;
    double *sums;                         /* scratch: two for each task or modality */
    uint64_t *task_lessons;
    uint32_t own;                         /* rows of the batch that this process runs */
    struct ranks *ranks;                  /* NULL: all of them */
};

/* outputs.c: the setup's outputs as they are in the trainer's arena, their vocabularies, their
 * graphs, and with the weights of all of them in the store the names of their gradients. */
omn_status outputs_copy(omn_trainer *t, omn_error *err);
omn_status outputs_find(omn_trainer *t, omn_error *err);
omn_status outputs_build(omn_trainer *t, omn_error *err);
omn_status outputs_gradients(omn_trainer *t, omn_error *err);
bool output_has(const output *o, const char *name);       /* does its graph give that back? */
/* What became of weights that no descent moves (running statistics) in the step that has just run:
 * are all of it numbers? And into the store with it. */
omn_status outputs_after(omn_trainer *t, bool *finite, omn_error *err);
void outputs_settle(omn_trainer *t);

/* ranks.c: the company's share of a batch. May this training be done together, and how many rows
 * are ours? Before the graphs are built; open behind them. */
omn_status ranks_allowed(omn_trainer *t, omn_error *err);
omn_status ranks_open(omn_trainer *t, omn_error *err);
void ranks_close(omn_trainer *t);
uint32_t ranks_first(const omn_trainer *t);   /* of our rows */
/* What our graph is fed of a batch that is filled; alone: all of it. */
omn_status ranks_share(omn_trainer *t, const omn_feed **feed, omn_error *err);
/* The gradients of all, behind the graph's run; together only. */
omn_status ranks_gradients(omn_trainer *t, omn_error *err);
/* What is told of a step, added up over the ranks; alone: nothing. */
omn_status ranks_report(omn_trainer *t, double *loss, double *text, double *aux, double *sums,
                        size_t n, omn_error *err);

/* patches.c: places of the inputs' encoders that take part, once the roles are known; those of a
 * page that are shown. */
omn_status patches_open(omn_trainer *t, omn_error *err);
omn_status patches_choose(const omn_trainer *t, made *m, uint64_t index, omn_error *err);

/* pages.c: fill made[0..n) with pages number first, first + 1, ... */
omn_status pages_make(omn_trainer *t, omn_call *c, uint32_t n, uint64_t first, omn_error *err);
void made_fini(made *m);

/* trainer.c: the feed anew, for rows with so many places for answers. */
omn_status trainer_feed(omn_trainer *t, uint32_t targets, omn_error *err);

/* pack.c: the next batch into the feed's tensors; nothing is final before batch_commit. */
omn_status batch_fill(omn_trainer *t, omn_call *c, omn_error *err);
void batch_commit(omn_trainer *t);
void batch_rollback(omn_trainer *t);
/* The feed's name of a port. */
void role_port(const role *r, const char *port, char *out, size_t room);
/* Puts a copy of a lesson into the pool. */
omn_status pool_put(omn_trainer *t, const item *it, omn_error *err);

/* aux.c: the auxiliary head, joined onto the graph. */
void aux_extend(void *user, omn_scope *s, omn_bundle *out);
omn_status aux_fill(omn_trainer *t, const omn_page *page, uint32_t row, omn_error *err);
/* Weights of what aux_fill counted; after the last row. */
void aux_finish(omn_trainer *t);

#endif
