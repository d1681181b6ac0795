
#ifndef _NGX_HD_RENDER_H_INCLUDED_
#define _NGX_HD_RENDER_H_INCLUDED_


#include <ngx_hd_text.h>
#include <ngx_hd_view.h>


/*
 * How far the writing of a picture has come.  Zeroed before the first piece;
 * what is not marked is the walk's own.
 */

typedef struct {
    ngx_uint_t                     part;
    ngx_uint_t                     upstream;    /* pieces read: index */
    ngx_uint_t                     peer;        /* the same, in its upstream */
    ngx_uint_t                     service;     /* the same */
    ngx_uint_t                     n[2];        /* the renderer's own */
    size_t                         width[3];    /* the renderer's own */
} ngx_hd_render_cursor_t;


/*
 * Pieces of one format.  All take any bytes that came from a target or a
 * configuration and escape them; failure is text->failed.
 */
typedef void (*ngx_hd_render_pt)(ngx_hd_text_t *text,
    const ngx_hd_view_t *view);
typedef void (*ngx_hd_render_piece_pt)(ngx_hd_text_t *text,
    const ngx_hd_view_t *view, ngx_hd_render_cursor_t *cursor);


/* The HTTP status that goes with a picture. */
typedef ngx_uint_t (*ngx_hd_render_status_pt)(const ngx_hd_view_t *view);


/*
 * A format in pieces, none of which is long, so that a picture of thousands of
 * targets can be written in slices.  NULL: there is nothing to write.
 */

typedef struct {
    ngx_hd_render_pt               head;
    ngx_hd_render_piece_pt         upstream;    /* before its peers */
    ngx_hd_render_piece_pt         peer;
    ngx_hd_render_piece_pt         upstream_end;
    ngx_hd_render_piece_pt         services;    /* between both */
    ngx_hd_render_piece_pt         service;
    ngx_hd_render_piece_pt         foot;
    ngx_hd_render_status_pt        status;      /* NULL: 200 */
} ngx_hd_render_t;


extern const ngx_hd_render_t  ngx_hd_render_json;
extern const ngx_hd_render_t  ngx_hd_render_text;
extern const ngx_hd_render_t  ngx_hd_render_html;
extern const ngx_hd_render_t  ngx_hd_render_csv;
extern const ngx_hd_render_t  ngx_hd_render_health;
extern const ngx_hd_render_t  ngx_hd_render_atom;
extern const ngx_hd_render_t  ngx_hd_render_badge;


/*
 * Writes pieces until about size bytes were added to text, or for less than a
 * millisecond if there is little to write.  NGX_AGAIN: there is more to do;
 * NGX_OK: the picture is complete.
 */
ngx_int_t ngx_hd_render_slice(ngx_hd_text_t *text, const ngx_hd_view_t *view,
    const ngx_hd_render_t *render, ngx_hd_render_cursor_t *cursor,
    off_t size);

/* Objects of the JSON by themselves: a server, a service, an event. */
void ngx_hd_render_json_peer(ngx_hd_text_t *text, const ngx_hd_view_t *view,
    const ngx_hd_view_peer_t *vp);
void ngx_hd_render_json_service(ngx_hd_text_t *text,
    const ngx_hd_view_t *view, const ngx_hd_view_target_t *vt);
void ngx_hd_render_json_event(ngx_hd_text_t *text, const ngx_hd_event_t *e);


#endif /* _NGX_HD_RENDER_H_INCLUDED_ */
