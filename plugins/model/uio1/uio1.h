/* SPDX-License-Identifier: Apache-2.0 */
/* Unified-IO 1 as numbers: what its configuration says, shared by the files of this plugin. */
#ifndef UIO1_H
#define UIO1_H

#include <omnio/kinds.h>

/* Ids of the decoder of pictures: the start of the row that the published program gives every
 * picture, that of the picture itself, then the codes. */
enum { UIO1_IMAGE_FRONT = 0, UIO1_IMAGE_START = 1, UIO1_IMAGE_CODES = 2 };

typedef struct uio1 {
    int64_t D, H, K, mlp;                 /* width, heads, width of a head, inner width */
    int64_t n_enc, n_dec;
    int64_t text_rows, codes;             /* ids of texts and of pictures, in one table */
    int64_t segments;                     /* rows of the tables of segments; two are used */
    int64_t text_in, text_out;            /* most tokens, and rows of positions */
    int64_t image_in, image_out;          /* rows of positions of pictures */
    int64_t grid_h, grid_w, patch;        /* of the patches that are seen, and their side */
    int64_t side;                         /* longer one of the pictures that are seen, pixels */
    int64_t table_w, out_w;               /* columns of the learned grid, of the picture's codes */
    int64_t text_buckets, image_buckets;
    /* encoders: a text, a picture, one with parts that are not seen; decoders */
    const omn_part *in_text, *in_image, *in_holes, *text, *image;
    char usual[512];                      /* what the tensors say where no configuration is */
} uio1;

/* The numbers of a configuration, and what they cannot be; config.c */
bool uio1_known(omn_config *f);
void uio1_read(uio1 *u, omn_open *o, omn_config *f);
/* The decoder of pictures; NULL: it is not installed. */
omn_part *uio1_open_codes(uio1 *u, omn_open *o, omn_config *f);

/* A weight by its path in the published files, below a scope that is named by strokes; layers.c */
omn_node *uio1_weight(omn_scope *s, const char *path, omn_shape want, omn_init_kind init,
                      double a);
/* RMS norm of x by PATH/scale. */
omn_node *uio1_norm(omn_scope *s, const char *path, omn_node *x);
/* x through PATH/kernel [in,out]. */
omn_node *uio1_linear(omn_scope *s, const char *path, omn_node *x, int64_t out);
/* Keys and values of what is looked at, [B,T,H,K]; what they answer to x, through the output. */
void uio1_keys(const uio1 *u, omn_scope *s, omn_node *y, omn_node **k, omn_node **v);
omn_node *uio1_attend(const uio1 *u, omn_scope *s, omn_node *x, omn_node *k, omn_node *v,
                      const omn_attend *how);
/* x + feed-forward(norm(x)) */
omn_node *uio1_feed_forward(const uio1 *u, omn_scope *s, omn_node *x);

/* Places in front of which a table of buckets holds: those of a text, or of a grid; places.c */
typedef struct uio1_line {
    int64_t n;                            /* places */
    int64_t grid_w;                       /* 0: a text */
    bool both;                            /* a text whose places see each other both ways */
    bool front;                           /* place 0 of a grid is one of a text, in front of it */
} uio1_line;
/* The table of buckets of both kinds [n + 1, H], its last row 0, below s (".../relpos_bias"). */
omn_node *uio1_bucket_table(const uio1 *u, omn_scope *s);
/* What is learnt of pairs of places: [B,H,T,T] among pos [B,T]. */
omn_node *uio1_among(const uio1 *u, omn_scope *s, omn_node *table, const uio1_line *line,
                     omn_node *pos);
/* The same of places towards 0, 1, .. keys - 1: [B,H,T,keys]. */
omn_node *uio1_towards(const uio1 *u, omn_scope *s, omn_node *table, const uio1_line *line,
                       omn_node *pos, int64_t keys);
/* Row first + pos of a table, for pos [B,T] below n. */
omn_node *uio1_rows(omn_scope *s, omn_node *table, omn_node *pos, int64_t first, int64_t n);
/* The product of positions, [B,H,T,T] of normed vectors p [B,T,D]; towards pk [n,D] when it is
 * given: [B,H,T,n]. names: "position" with "_q_linear" and "_k_linear" below s. */
omn_node *uio1_products(const uio1 *u, omn_scope *s, const char *names, omn_node *p, omn_node *pk);

/* What is looked at. */
typedef struct uio1_memory { omn_node *x, *seg; } uio1_memory;
/* Everything that was given through the encoder; encoder.c */
uio1_memory uio1_encode(const uio1 *u, omn_scope *s, const omn_build *rq);

/* The decoder's row. */
typedef struct uio1_row {
    omn_node *x, *seg, *part;
    omn_node *bias;                       /* added to the scores of all layers */
} uio1_row;
/* All targets as one row; false: the scope failed; targets.c */
bool uio1_row_of(const uio1 *u, omn_scope *s, const omn_build *rq, uio1_row *row);
/* Logits and losses of all targets from the decoder's output. */
void uio1_answer(const uio1 *u, omn_scope *s, const omn_build *rq, omn_node *x, omn_bundle *out);
/* The row through all layers and the norm behind them; decoder.c */
omn_node *uio1_decode(const uio1 *u, omn_scope *s, const omn_build *rq, const uio1_row *row,
                      const uio1_memory *mem);
/* Leave in states what steps need of the memory. */
void uio1_remember(const uio1 *u, omn_scope *s, const omn_build *rq, const uio1_memory *mem);

/* The graphs; build.c */
void uio1_build(const void *self, omn_scope *s, const omn_build *rq, omn_bundle *out);

#endif
