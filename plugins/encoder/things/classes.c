/* SPDX-License-Identifier: Apache-2.0 */
/* encoder things.classes: labelled boxes as a detector of fixed classes learns them: the class of
 * each, one of a list of names. */
#include "labels.h"
#include "things.h"

#include <stdlib.h>
#include <string.h>

typedef struct encoder {
    const struct classes *p;
    labels names;                         /* n 0: there are none */
    omn_port ports[THINGS_PORTS];
} encoder;

static omn_status open_classes(omn_call *c, const void *params, omn_open *o, void **self,
                               omn_error *err)
{
    (void)c;
    encoder *e = calloc(1, sizeof *e);
    if (!e) return omn_fail(err, OMN_ERR_MEMORY, "things.classes: out of memory");
    *self = e;
    e->p = params;
    things_ports(e->ports, e->p->most, e->p->classes);
    const char *path = e->p->labels[0] ? omn_open_file(o, e->p->labels, false) : NULL;
    return path ? labels_read(&e->names, path, (size_t)e->p->classes, err) : OMN_OK;
}

static void close_classes(void *self)
{
    if (self) labels_fini(&((encoder *)self)->names);
    free(self);
}

static uint32_t ports(const void *self, const omn_port **list)
{
    *list = ((const encoder *)self)->ports;
    return THINGS_PORTS;
}

static omn_status class_of(const encoder *e, const char *label, int32_t *class, omn_error *err)
{
    if (!e->p->labels[0]) {
        *class = 0;
        return OMN_OK;
    }
    if (!e->names.n)
        return omn_fail(err, OMN_ERR_MISSING, "the model's folder has no %s with the names of its "
                        "classes", e->p->labels);
    *class = label ? labels_find(&e->names, label, strlen(label)) : -1;
    if (*class >= 0) return OMN_OK;
    return omn_fail(err, OMN_ERR_DATA, "a box labelled \"%.80s\": the model has no such class",
                    label ? label : "");
}

static omn_status prepare(const void *self, omn_call *c, const omn_value *v, omn_feed *out,
                          omn_frame *frame, omn_error *err)
{
    const encoder *e = self;
    const omn_region *r = NULL;
    omn_status st = OMN_OK;
    float *boxes = NULL, *map = NULL;
    (void)c;
    (void)frame;
    if (!omn_value_is(v, "regions"))
        return omn_fail(err, OMN_ERR_TYPE, "things.classes reads boxes, not %s",
                        omn_value_kind_name(v));
    const size_t n = omn_regions_get(v, &r), W = (size_t)e->p->classes;
    if (n > (size_t)e->p->most)
        return omn_fail(err, OMN_ERR_DATA, "%zu boxes, of which the model takes %d", n,
                        e->p->most);
    OMN_TRY(things_new(out, n, W, &boxes, &map, err));
    for (size_t i = 0; i < n; i++) {
        const double corners[4] = { r[i].x0, r[i].y0, r[i].x1, r[i].y1 };
        int32_t class = 0;
        OMN_TRY(things_share(v, corners, boxes + 4 * i, err));
        OMN_TRY(class_of(e, r[i].label, &class, err));
        map[i * W + (size_t)class] = 1;
    }
done:
    return st;
}

static omn_seq *embed(const void *self, omn_scope *s, const omn_bundle *in)
{
    (void)self;
    return things_embed(s, in);
}

const omn_encoder_impl things_classes = { NULL,  "regions", open_classes, close_classes,
                                          ports, prepare,   embed };
