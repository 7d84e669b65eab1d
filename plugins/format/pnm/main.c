/* SPDX-License-Identifier: Apache-2.0 */
/* Netpbm's pictures, without any library: the door. One object for each kind of file that is
 * written, since its suffix says which; all of them are read by the same function. */
#include "inside.h"

#include <string.h>

/* "P", the number of the kind, white space; "P6" and a letter may begin a text. */
static int probe_kind(const char *kinds, const uint8_t *head, size_t n)
{
    if (n < 3 || head[0] != 'P' || head[1] == 0 || !strchr(kinds, head[1])) return 0;
    return head[2] != 0 && strchr(" \t\r\n#", head[2]) ? 92 : 0;
}

static int probe_pbm(const char *name, const uint8_t *head, size_t n)
{
    (void)name;
    return probe_kind("14", head, n);
}

static int probe_pgm(const char *name, const uint8_t *head, size_t n)
{
    (void)name;
    return probe_kind("25", head, n);
}

static int probe_ppm(const char *name, const uint8_t *head, size_t n)
{
    (void)name;
    return probe_kind("36", head, n);
}

static int probe_pam(const char *name, const uint8_t *head, size_t n)
{
    (void)name;
    return probe_kind("7", head, n);
}

OMN_PARAMS(pnm_options, PNM_SAVE);

static const omn_format_impl pbm = { NULL, "image", "pbm,pnm", probe_pbm, pnm_read, NULL };
static const omn_format_impl pgm = { NULL, "image", "pgm,pnm", probe_pgm, pnm_read, pgm_save };
static const omn_format_impl ppm = { NULL, "image", "ppm,pnm", probe_ppm, pnm_read, ppm_save };
static const omn_format_impl pam = { NULL, "image", "pam", probe_pam, pnm_read, pam_save };
static const omn_object objects[] = {
    { "omnio.format/1", "pbm", "PBM: Netpbm's pictures in black and white", &pbm, NULL, 0, 0 },
    { "omnio.format/1", "pgm", "PGM: Netpbm's grey pictures, 8 or 16 bits", &pgm,
      OMN_OBJECT_PARAMS(pnm_options) },
    { "omnio.format/1", "ppm", "PPM: Netpbm's pictures in colour, 8 or 16 bits a channel", &ppm,
      OMN_OBJECT_PARAMS(pnm_options) },
    { "omnio.format/1", "pam", "PAM: Netpbm's pictures of any kind, alpha too", &pam,
      OMN_OBJECT_PARAMS(pnm_options) },
};
OMN_PLUGIN("format-pnm", "1.0", "Apache-2.0", "Netpbm's pictures: PBM, PGM, PPM, PAM", objects);
