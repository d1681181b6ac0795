
/*
 * healthdash: the one table of probe types.  A row is all that directives,
 * scheduler and page know of a protocol; a stream type is only a dialogue.
 */


#include <ngx_hd_types.h>
#include <ngx_hd_stream.h>
#include <ngx_hd_wire.h>


/* in the order messages list them */

static const ngx_hd_probe_type_t  ngx_hd_types[] = {

    { .name = ngx_string("http"),
      .port = 80,
      .http = 1,
      .data = (void *) ngx_hd_wire_http1,
      .start = ngx_hd_stream_start,
      .release = ngx_hd_stream_release },

    { .name = ngx_string("https"),
      .port = 443,
      .tls = 1,
      .http = 1,
      .data = (void *) ngx_hd_wire_http1,
      .start = ngx_hd_stream_start,
      .release = ngx_hd_stream_release },

    { .name = ngx_string("tcp"),
      .data = (void *) ngx_hd_wire_connect,
      .start = ngx_hd_stream_start,
      .release = ngx_hd_stream_release }
};


#define NGX_HD_TYPES  (sizeof(ngx_hd_types) / sizeof(ngx_hd_types[0]))


const ngx_hd_probe_type_t *
ngx_hd_type_find(ngx_str_t *name)
{
    ngx_uint_t                  i;
    const ngx_hd_probe_type_t  *type;

    for (i = 0; i < NGX_HD_TYPES; i++) {
        type = &ngx_hd_types[i];

        if (type->name.len == name->len
            && ngx_strncmp(type->name.data, name->data, name->len) == 0)
        {
            return type;
        }
    }

    return NULL;
}


u_char *
ngx_hd_type_names(u_char *buf, u_char *last)
{
    u_char      *p;
    ngx_uint_t   i;

    p = buf;

    for (i = 0; i < NGX_HD_TYPES; i++) {
        p = ngx_slprintf(p, last, "%s%V", i ? ", " : "",
                         &ngx_hd_types[i].name);
    }

    return p;
}
