/* SPDX-License-Identifier: Apache-2.0 */
/* A pole stands on a cart that is pushed left or right (Barto, Sutton and Anderson 1983), with
 * their masses, lengths and bounds, at 50 Hz by Euler's steps. Every step that it stands is worth
 * 1. */
#include "control.h"

#include "exact.h"

#include <math.h>

#define GRAVITY 9.8
#define CART    1.0                       /* kg */
#define POLE    0.1
#define HALF    0.5                       /* m, half of the pole */
#define FORCE   10.0                      /* N */
#define TAU     0.02                      /* s */
#define TRACK   2.4                       /* m to either side */
#define LEAN    (12 * 3.14159265358979323846 / 180)

enum { X, V, ANGLE, RATE };

static void begin(double *s, const double *u)
{
    for (int i = 0; i < 4; i++) s[i] = 0.1 * u[i] - 0.05;
}

static double move(double *s, const double *a, bool *over)
{
    const double sine = exact_sin(s[ANGLE]), cosine = exact_cos(s[ANGLE]), all = CART + POLE;
    const double force = a[0] > 0.5 ? FORCE : -FORCE;
    const double pull = (force + POLE * HALF * s[RATE] * s[RATE] * sine) / all;
    const double turn = (GRAVITY * sine - cosine * pull) /
                        (HALF * (4.0 / 3 - POLE * cosine * cosine / all));
    const double speed = pull - POLE * HALF * turn * cosine / all;
    s[X] += TAU * s[V];
    s[V] += TAU * speed;
    s[ANGLE] += TAU * s[RATE];
    s[RATE] += TAU * turn;
    *over = fabs(s[X]) > TRACK || fabs(s[ANGLE]) > LEAN;
    return 1;
}

static void see(const double *s, float *x)
{
    for (int i = 0; i < 4; i++) x[i] = (float)s[i];
}

/* Towards where the pole falls, and a little against where the cart drifts. */
static void expert(const double *s, double *a)
{
    a[0] = 3 * s[ANGLE] + s[RATE] + 0.1 * s[X] + 0.2 * s[V] > 0;
}

static void push(double *s, const double *u)
{
    s[V] += u[0] - 0.5;
    s[ANGLE] += 0.1 * (u[1] - 0.5);
    s[RATE] += u[2] - 0.5;
    s[X] += 0.4 * (u[3] - 0.5);
}

static void draw(const double *s, control_picture *p)
{
    static const uint8_t dark[3] = { 40, 40, 48 }, brown[3] = { 176, 112, 48 };
    static const uint8_t grey[3] = { 190, 190, 198 };
    p->scale = p->side / (2 * TRACK + 0.6);
    p->cx = p->side / 2.0;
    p->cy = p->side * 0.62;
    control_line(p, -TRACK, -0.15, TRACK, -0.15, 0.04, grey);
    control_line(p, s[X] - 0.25, 0, s[X] + 0.25, 0, 0.3, dark);
    control_line(p, s[X], 0.1, s[X] + 2 * HALF * exact_sin(s[ANGLE]),
                 0.1 + 2 * HALF * exact_cos(s[ANGLE]), 0.1, brown);
}

static const control_part parts[] = { { "cart", 2 }, { "pole", 2 }, { NULL, 0 } };
static const char *const done[] = { "push" }, *const units[] = { "index" };
static const double least[] = { 0 }, most[] = { 1 };

const control_task control_cart_pole = { .name = "cart-pole", .n_state = 4, .n_done = 1,
                                         .parts = parts, .done = done, .units = units,
                                         .least = least, .most = most, .steps = 500,
                                         .rate = 1 / TAU, .begin = begin, .move = move,
                                         .see = see, .expert = expert, .push = push,
                                         .draw = draw };
