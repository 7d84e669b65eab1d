/* SPDX-License-Identifier: Apache-2.0 */
/* How a WebP was made stands in its XMP packet, behind the picture. Such a packet wants the
 * extended form of the file: a header of its own in front of the picture, which says what else is
 * there. The encoder writes that form only where it has to, so it is made here. */
#include "inside.h"
#include "markup.h"

#include <string.h>
#include <webp/demux.h>
#include <webp/mux_types.h>

static const char head[] = "<?xpacket begin=\"\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>\n"
                           "<x:xmpmeta xmlns:x=\"adobe:ns:meta/\"><rdf:RDF "
                           "xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\">"
                           "<rdf:Description rdf:about=\"\">",
                  tail[] = "</rdf:Description></rdf:RDF></x:xmpmeta>\n<?xpacket end=\"r\"?>";

static void put_number(omn_buf *out, uint32_t x, int bytes)
{
    for (int i = 0; i < bytes; i++) {
        const uint8_t byte = (uint8_t)(x >> 8 * i);
        omn_buf_put(out, &byte, 1);
    }
}

static void put_chunk(omn_buf *out, const char *name, const char *bytes, size_t n)
{
    omn_buf_put(out, name, 4);
    put_number(out, (uint32_t)n, 4);
    omn_buf_put(out, bytes, n);
    if (n % 2) omn_buf_put(out, "", 1);
}

static void put_header(omn_buf *out, uint32_t w, uint32_t h, bool alpha)
{
    omn_buf_puts(out, "VP8X");
    put_number(out, 10, 4);
    put_number(out, XMP_FLAG | (alpha ? ALPHA_FLAG : 0), 4);
    put_number(out, w - 1, 3);
    put_number(out, h - 1, 3);
}

omn_status webp_with_origin(const omn_buf *from, uint32_t w, uint32_t h, bool alpha,
                            const char *origin, omn_buf *out, omn_error *err)
{
    enum { RIFF = 12, FLAGS = 20 };
    const bool extended = !memcmp(from->data + RIFF, "VP8X", 4);
    omn_status st = OMN_OK;
    omn_buf packet;
    omn_buf_init(&packet, 16 * OMN_ORIGIN_MOST);
    omn_buf_puts(&packet, head);
    OMN_TRY(markup_put(origin, &packet, err));
    omn_buf_puts(&packet, tail);
    OMN_TRY(omn_buf_check(&packet, "a text", err));
    omn_buf_put(out, from->data, RIFF);
    if (!extended) put_header(out, w, h, alpha);
    omn_buf_put(out, from->data + RIFF, from->length - RIFF);
    put_chunk(out, "XMP ", packet.data, packet.length);
    OMN_TRY(omn_buf_check(out, "a picture", err));
    if (extended) out->data[FLAGS] = (char)(out->data[FLAGS] | XMP_FLAG);
    for (int i = 0; i < 4; i++) out->data[4 + i] = (char)((out->length - 8) >> 8 * i & 0xff);
done:
    omn_buf_fini(&packet);
    return st;
}

/* The packet of a file: how it was made, where we wrote it, or else all of it. */
static omn_status hand_out(const WebPData *packet, omn_text_fn *fn, void *user, omn_error *err)
{
    omn_buf text;
    omn_buf_init(&text, OMN_ORIGIN_MOST + 1);
    const bool ours = markup_take(packet->bytes, packet->size, &text);
    const omn_status st = omn_buf_check(&text, "a text", err);
    if (st == OMN_OK && ours)
        fn(user, OMN_ORIGIN, text.length > 0 ? text.data : "", text.length);
    else if (st == OMN_OK)
        fn(user, "XMP", (const char *)packet->bytes,
           packet->size < OMN_ORIGIN_MOST ? packet->size : OMN_ORIGIN_MOST);
    omn_buf_fini(&text);
    return st;
}

omn_status webp_texts(omn_call *c, const uint8_t *bytes, size_t size, omn_text_fn *fn, void *user,
                      omn_error *err)
{
    const WebPData data = { bytes, size };
    omn_status st = OMN_OK;
    WebPDemuxState state = WEBP_DEMUX_PARSE_ERROR;
    WebPChunkIterator it;
    (void)c;
    WebPDemuxer *chunks = WebPDemuxPartial(&data, &state);
    if (state != WEBP_DEMUX_DONE)
        st = omn_fail(err, OMN_ERR_DATA, "WebP: %s",
                      state == WEBP_DEMUX_PARSE_ERROR ? "the file is damaged"
                                                      : "the file ends early");
    else if (chunks == NULL)
        st = omn_fail(err, OMN_ERR_MEMORY, "WebP: no memory to read it");
    else if (WebPDemuxGetChunk(chunks, "XMP ", 1, &it)) {
        st = hand_out(&it.chunk, fn, user, err);
        WebPDemuxReleaseChunkIterator(&it);
    }
    WebPDemuxDelete(chunks);
    return st;
}
