/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers for distances: the tables of learned relative biases are indexed by buckets that are
 * exact for near places and grow with the logarithm of the distance (Raffel et al. 2019), in the
 * variants of T5, Unified-IO 1, OFA and Gato. Logarithms that fall on whole numbers decide between
 * two buckets: the smallest float above 1 is added where the originals add it, so that they land
 * where the originals' tables have them. */
#include <omnio/nn.h>

#include <math.h>

/* Buckets of a distance n >= 0: the first half one each, the rest log spaced up to `most`. */
static int32_t log_bucket(int64_t n, int32_t buckets, int64_t most)
{
    const int32_t exact = buckets / 2;
    if (n < exact) return (int32_t)n;
    if (n >= most) return buckets - 1;
    const double at =
        log((double)n / exact + 0x1p-23) / log((double)most / exact) * (buckets - exact);
    const int32_t b = exact + (int32_t)at;
    return b < buckets ? b : buckets - 1;
}

/* |x| without the one value that has no opposite. */
static int64_t size_of(int64_t x)
{
    return x < 0 ? (x == INT64_MIN ? INT64_MAX : -x) : x;
}

int32_t omn_bucket_t5(int64_t relative, bool bidirectional, int32_t buckets, int64_t most)
{
    if (!bidirectional) return log_bucket(relative < 0 ? size_of(relative) : 0, buckets, most);
    const int32_t half = buckets / 2;
    return (relative > 0 ? half : 0) + log_bucket(size_of(relative), half, most);
}

int32_t omn_bucket_uio1_2d(int64_t dy, int64_t dx, int32_t buckets, int64_t most)
{
    int32_t quadrant = 0;
    if (dx <= 0 && dy < 0)
        quadrant = 3;
    else if (dx < 0 && dy >= 0)
        quadrant = 2;
    else if (dx > 0 && dy <= 0)
        quadrant = 1;
    return (quadrant * buckets + log_bucket(size_of(dy), buckets, most)) * buckets +
           log_bucket(size_of(dx), buckets, most);
}

int32_t omn_bucket_ofa(int64_t relative, int32_t bucket_size, int64_t most)
{
    const int32_t middle = bucket_size / 2;
    int64_t far = size_of(relative);
    if (far > most - 1) far = most - 1;
    if (far <= middle) return (int32_t)(relative < 0 ? -far : far) + bucket_size - 1;
    const double at = log((double)far / middle) / log((double)(most - 1) / middle) * (middle - 1);
    const int32_t b = (int32_t)ceil(at) + middle;
    return (relative < 0 ? -b : b) + bucket_size - 1;
}

int32_t omn_bucket_ofa_2d(int32_t query, int32_t key, int32_t side)
{
    const int32_t wide = 2 * side - 1;
    if (query <= 0 || key <= 0) return wide * wide + (query > 0 ? 1 : key > 0 ? 0 : 2);
    const int32_t dy = (query - 1) / side - (key - 1) / side,
                  dx = (query - 1) % side - (key - 1) % side;
    return (dy + side - 1) * wide + dx + side - 1;
}

int32_t omn_bucket_interval(double from, double to, int32_t n)
{
    const double middle = rint((rint(from * n) + rint(to * n)) / 2);
    return middle < 0 ? 0 : middle > n - 1 ? n - 1 : (int32_t)middle;
}
