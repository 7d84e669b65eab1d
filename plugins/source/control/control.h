/* SPDX-License-Identifier: Apache-2.0 */
/* Small tasks of control, each a few numbers that obey a law of motion: what is seen of them, what
 * can be done, what it is worth, and somebody who knows how. The same seed begins alike on every
 * machine, and goes on alike for the same actions. */
#ifndef CONTROL_H
#define CONTROL_H

#include <omnio/learn.h>

enum { CONTROL_MOST_STATE = 8, CONTROL_MOST_SEEN = 8, CONTROL_MOST_DONE = 2 };

/* A part of what is seen: numbers under one name. */
typedef struct control_part {
    const char *name;
    size_t n;
} control_part;

/* A picture in the making: RGB, x to the right and y up, `scale` pixels for 1, (cx, cy) the pixel
 * of the origin; draw.c */
typedef struct control_picture {
    uint8_t *rgb;
    uint32_t side;
    double scale, cx, cy;
} control_picture;
void control_line(const control_picture *p, double x0, double y0, double x1, double y1,
                  double width, const uint8_t colour[3]);

typedef struct control_task {
    const char *name;
    size_t n_state, n_done;
    const control_part *parts;            /* up to one without a name, in the order of names */
    const char *const *done, *const *units;    /* [n_done] names and units of what can be done */
    const double *least, *most;
    int steps;                            /* of an episode, at most */
    double rate;                          /* Hz */
    /* All draws come from u, uniform in 0..1, of which there are CONTROL_MOST_STATE. */
    void (*begin)(double *s, const double *u);
    /* One step; what it is worth; *over: there is nothing left to do. */
    double (*move)(double *s, const double *a, bool *over);
    void (*see)(const double *s, float *x);
    void (*expert)(const double *s, double *a);
    /* A push from outside, so that an expert's episodes show how to come back. */
    void (*push)(double *s, const double *u);
    void (*draw)(const double *s, control_picture *p);
} control_task;

extern const control_task control_cart_pole, control_reacher;
#define CONTROL_TASKS "cart-pole|reacher"
/* By their place in CONTROL_TASKS. */
const control_task *control_task_at(int which);

/* ---- episodes; episode.c --------------------------------------------------------------------- */

typedef struct control_state {
    const control_task *task;
    double s[CONTROL_MOST_STATE], total;
    int steps;                            /* done */
    bool over;
} control_state;
/* Episodes of one split are no other's. */
void control_begin(control_state *c, const control_task *task, omn_split split, uint64_t seed);
double control_move(control_state *c, const double *a);

/* What is seen as a record; n rows of what was done as actions. [run] */
omn_status control_seen(const control_state *c, omn_value **out, omn_error *err);
omn_status control_done(omn_call *call, const control_task *task, const float *rows, size_t n,
                        omn_value **out, omn_error *err);
/* One row of what is to be done; OMN_ERR_DATA for what makes no sense there. */
omn_status control_row(const control_task *task, const omn_value *actions, size_t row,
                       double a[CONTROL_MOST_DONE], omn_error *err);

/* What the expert, or chance, makes of one of the held-out episodes. */
double control_play(const control_task *task, uint64_t seed, bool expert);
/* An episode as control.start makes them, and which beginning it had; main.c. [any] */
omn_status control_episode_read(const omn_value *v, control_state *c, double *seed,
                                omn_error *err);

/* ---- objects --------------------------------------------------------------------------------- */

#define CONTROL_WORLD(PAR, S)                                                                      \
    PAR(S, choice, split, "held-out", "train|held-out", NULL, "whose episodes")
struct control_world { CONTROL_WORLD(OMN_S_PAR, control_world) };
extern const omn_world_impl control_cart_pole_world, control_reacher_world;

#define CONTROL_SOURCE(PAR, S)                                                                     \
    PAR(S, choice, task, NULL, CONTROL_TASKS, NULL, "what is done")                                \
    PAR(S, int, seed, "1", "0..", NULL, "of the episodes")                                         \
    PAR(S, int, window, "8", "1..4096", NULL, "time steps of an example")                          \
    PAR(S, double, push, "0.05", "0..1", NULL, "how often a step begins with a push")              \
    PAR(S, double, early, "0.3", "0..1", NULL, "how many examples begin with the episode")
struct control_source { CONTROL_SOURCE(OMN_S_PAR, control_source) };
extern const omn_source_impl control_source_impl;
extern const omn_measure_impl control_return_impl;

#endif
