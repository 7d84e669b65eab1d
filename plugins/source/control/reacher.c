/* SPDX-License-Identifier: Apache-2.0 */
/* An arm of two links on a table reaches for a target: its joints are driven and slowed down by
 * friction, at 20 Hz by Euler's steps. A step is worth minus the distance from hand to target, in
 * metres. */
#include "control.h"

#include "exact.h"

#include <math.h>

#define LINK     0.5                      /* m, of each */
#define DRIVE    12.0                     /* rad/s^2 of a full action */
#define FRICTION 4.0                      /* 1/s */
#define DT       0.05                     /* s */
#define PI       3.14159265358979323846

enum { FIRST, SECOND, TURN_FIRST, TURN_SECOND, TARGET_X, TARGET_Y };

/* Sines and cosines of the links' directions, and the way from hand to target. */
typedef struct arm {
    double c[2], s[2], to[2];
} arm;

static arm arm_of(const double *s)
{
    arm a;
    for (int i = 0; i < 2; i++) {
        const double angle = i ? s[FIRST] + s[SECOND] : s[FIRST];
        a.c[i] = exact_cos(angle);
        a.s[i] = exact_sin(angle);
    }
    a.to[0] = s[TARGET_X] - LINK * (a.c[0] + a.c[1]);
    a.to[1] = s[TARGET_Y] - LINK * (a.s[0] + a.s[1]);
    return a;
}

static void begin(double *s, const double *u)
{
    const double angle = 2 * PI * u[0], far = 0.3 + 0.6 * u[1];
    s[FIRST] = 2 * PI * u[2] - PI;
    s[SECOND] = (u[3] < 0.5 ? -1 : 1) * (0.4 + 2 * u[4]);
    s[TURN_FIRST] = s[TURN_SECOND] = 0;
    s[TARGET_X] = far * exact_cos(angle);
    s[TARGET_Y] = far * exact_sin(angle);
}

static double move(double *s, const double *a, bool *over)
{
    for (int i = 0; i < 2; i++) {
        s[TURN_FIRST + i] += DT * (DRIVE * a[i] - FRICTION * s[TURN_FIRST + i]);
        s[FIRST + i] += DT * s[TURN_FIRST + i];
    }
    const arm now = arm_of(s);
    *over = false;
    return -sqrt(now.to[0] * now.to[0] + now.to[1] * now.to[1]);
}

/* As the arm sees it: how far its elbow is bent, how fast its joints turn, and the way from hand to
 * target, along and across each link. */
static void see(const double *s, float *x)
{
    const arm a = arm_of(s);
    x[0] = (float)exact_cos(s[SECOND]);
    x[1] = (float)exact_sin(s[SECOND]);
    for (int i = 0; i < 2; i++) {
        x[2 + i] = (float)s[TURN_FIRST + i];
        x[4 + 2 * i] = (float)(a.c[i] * a.to[0] + a.s[i] * a.to[1]);
        x[5 + 2 * i] = (float)(a.c[i] * a.to[1] - a.s[i] * a.to[0]);
    }
}

static double within(double x) { return x > 1 ? 1 : x < -1 ? -1 : x; }

/* What a spring from hand to target would do to the joints, and brakes. */
static void expert(const double *s, double *a)
{
    const arm now = arm_of(s);
    const double second = LINK * (now.c[1] * now.to[1] - now.s[1] * now.to[0]);
    const double first = second + LINK * (now.c[0] * now.to[1] - now.s[0] * now.to[0]);
    a[0] = within(6 * first - 0.25 * s[TURN_FIRST]);
    a[1] = within(6 * second - 0.25 * s[TURN_SECOND]);
}

static void push(double *s, const double *u)
{
    for (int i = 0; i < 2; i++) {
        s[FIRST + i] += 0.6 * (u[i] - 0.5);
        s[TURN_FIRST + i] += 3 * (u[2 + i] - 0.5);
    }
}

static void draw(const double *s, control_picture *p)
{
    static const uint8_t dark[3] = { 40, 40, 48 }, blue[3] = { 48, 96, 176 };
    static const uint8_t red[3] = { 208, 48, 48 };
    const arm a = arm_of(s);
    const double x = LINK * a.c[0], y = LINK * a.s[0];
    p->scale = p->side / 2.2;
    p->cx = p->cy = p->side / 2.0;
    control_line(p, s[TARGET_X], s[TARGET_Y], s[TARGET_X], s[TARGET_Y], 0.12, red);
    control_line(p, 0, 0, x, y, 0.08, dark);
    control_line(p, x, y, x + LINK * a.c[1], y + LINK * a.s[1], 0.06, blue);
}

static const control_part parts[] = { { "elbow", 2 }, { "rate", 2 }, { "to", 4 }, { NULL, 0 } };
static const char *const done[] = { "first", "second" }, *const units[] = { NULL, NULL };
static const double least[] = { -1, -1 }, most[] = { 1, 1 };

const control_task control_reacher = { .name = "reacher", .n_state = 6, .n_done = 2,
                                       .parts = parts, .done = done, .units = units,
                                       .least = least, .most = most, .steps = 60, .rate = 1 / DT,
                                       .begin = begin, .move = move, .see = see,
                                       .expert = expert, .push = push, .draw = draw };
