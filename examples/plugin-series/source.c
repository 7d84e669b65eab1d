/* SPDX-License-Identifier: Apache-2.0 */
/* The source series.weather: two days of temperatures, one reading an hour, made from the number of
 * the example alone, so that they are the same everywhere and no two splits share one. */
#include <omnio/kinds.h>

#include <math.h>
#include <string.h>

#define WEATHER(PAR, S)                                                                            \
    PAR(S, int64, seed, "1", "0..", NULL, "which weather")                                         \
    PAR(S, double, noise, "0.5", "0..10", "C", "deviation of a reading")
OMN_PARAMS(weather, WEATHER);

enum { HOURS = 48, CLASSES = 5 };
static const double turn = 6.283185307179586;

static omn_status open_source(omn_call *c, const void *params, omn_open *o, void **self,
                              omn_error *err)
{
    *self = (void *)(uintptr_t)params;
    return OMN_OK;
}
static void close_source(void *self) { }

static uint64_t count(const void *self, omn_split split)
{ return split == OMN_SPLIT_TRAIN ? OMN_ENDLESS : 1000; }

typedef struct dice { uint64_t seed, stream, at; } dice;
static double draw(dice *d) /* 0..1 */
{ return (double)(omn_random_at(d->seed, d->stream, d->at++) >> 11) * 0x1p-53; }

static omn_status get(const void *self, omn_call *c, omn_split split, uint64_t index,
                      omn_value **out, omn_error *err)
{
    static const char *const classes[CLASSES] = { "steady", "rising", "falling", "daily", "front" };
    const struct weather *p = self;
    dice d = { (uint64_t)p->seed, (uint64_t)split << 48 ^ index, 0 };
    const int kind = (int)(draw(&d) * CLASSES) % CLASSES;
    const double level = -10 + 35 * draw(&d), size = 6 + 8 * draw(&d), from = 10 + 28 * draw(&d);
    const char *const name = "temperature", *const unit = "C";
    double time[HOURS], mean = 0;
    float x[HOURS];
    omn_value *v[3] = { NULL };
    const omn_kind *series = NULL;
    omn_status st = OMN_OK;
    for (int i = 0; i < HOURS; i++) {
        const double shape[CLASSES] = { 0, (i - 24) / 24.0, (24 - i) / 24.0,
                                        sin((i - from) * turn / 24), i < from ? 0.5 : -0.5 };
        const double noise = sqrt(-2 * log(1 - draw(&d))) * cos(turn * draw(&d));
        time[i] = 3600.0 * i;
        x[i] = (float)(level + size * shape[kind] + p->noise * noise);
        mean += (double)x[i] / HOURS;
    }
    const omn_filled columns[4] = { { "time", { OMN_F64, omn_dim1(HOURS), time, sizeof time } },
                                    { "value", { OMN_F32, omn_dim1(HOURS), x, sizeof x } },
                                    { "name", { OMN_STRING, omn_dim0(), &name, sizeof name } },
                                    { "unit", { OMN_STRING, omn_dim0(), &unit, sizeof unit } } };
    OMN_TRY(omn_kind_find(c, "series", &series, err));
    OMN_TRY(omn_value_make(series, columns, 4, NULL, &v[0], err));
    OMN_TRY(omn_text_new(classes[kind], strlen(classes[kind]), &v[1], err));
    OMN_TRY(omn_number_new(round(mean), &v[2], err));
    const omn_named fields[3] = { { "series", v[0] }, { "class", v[1] }, { "mean", v[2] } };
    st = omn_record_new(fields, 3, out, err);
done:
    for (int i = 0; i < 3; i++) omn_value_unref(v[i]);
    return st;
}

static const omn_source_impl impl = { .open = open_source, .close = close_source, .count = count,
                                      .get = get };
static const omn_object objects[] = {
    { "omnio.source/1", "series.weather", "two days of made up weather", &impl,
      OMN_OBJECT_PARAMS(weather) },
};
OMN_PLUGIN("series-source", "1.0", "Apache-2.0", "series to learn from", objects);
