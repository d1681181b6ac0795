
/*
 * healthdash: the walk over a picture that every format has in common.  It can
 * stop after each piece and go on later, so nobody waits until thousands of
 * targets were written.
 */


#include <ngx_hd_render.h>


/* pieces in a slice, be they ever so short */
#define NGX_HD_RENDER_PIECES    256


typedef enum {
    NGX_HD_RENDER_HEAD = 0,
    NGX_HD_RENDER_UPSTREAM,
    NGX_HD_RENDER_PEER,
    NGX_HD_RENDER_SERVICES,
    NGX_HD_RENDER_SERVICE,
    NGX_HD_RENDER_FOOT,
    NGX_HD_RENDER_DONE
} ngx_hd_render_part_e;


static void ngx_hd_render_step(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_render_t *render, ngx_hd_render_cursor_t *c);
static void ngx_hd_render_upstream(ngx_hd_text_t *t,
    const ngx_hd_view_t *view, const ngx_hd_render_t *render,
    ngx_hd_render_cursor_t *c);
static void ngx_hd_render_peer(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_render_t *render, ngx_hd_render_cursor_t *c);
static void ngx_hd_render_service(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_render_t *render, ngx_hd_render_cursor_t *c);
static void ngx_hd_render_piece(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    ngx_hd_render_piece_pt piece, ngx_hd_render_cursor_t *c);


ngx_int_t
ngx_hd_render_slice(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_render_t *render, ngx_hd_render_cursor_t *c, off_t size)
{
    off_t       end;
    ngx_uint_t  n;

    end = t->size + size;

    for (n = 0; c->part != NGX_HD_RENDER_DONE; n++) {

        if (t->size >= end || n == NGX_HD_RENDER_PIECES) {
            return NGX_AGAIN;
        }

        ngx_hd_render_step(t, view, render, c);
    }

    return NGX_OK;
}


static void
ngx_hd_render_step(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_render_t *render, ngx_hd_render_cursor_t *c)
{
    switch (c->part) {

    case NGX_HD_RENDER_HEAD:
        if (render->head) {
            render->head(t, view);
        }

        c->part++;
        return;

    case NGX_HD_RENDER_UPSTREAM:
        ngx_hd_render_upstream(t, view, render, c);
        return;

    case NGX_HD_RENDER_PEER:
        ngx_hd_render_peer(t, view, render, c);
        return;

    case NGX_HD_RENDER_SERVICES:
        ngx_hd_render_piece(t, view, render->services, c);
        c->part++;
        return;

    case NGX_HD_RENDER_SERVICE:
        ngx_hd_render_service(t, view, render, c);
        return;

    default: /* NGX_HD_RENDER_FOOT */
        ngx_hd_render_piece(t, view, render->foot, c);
        c->part++;
    }
}


static void
ngx_hd_render_upstream(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_render_t *render, ngx_hd_render_cursor_t *c)
{
    if (c->upstream == view->nupstreams) {
        c->part = NGX_HD_RENDER_SERVICES;
        return;
    }

    ngx_hd_render_piece(t, view, render->upstream, c);

    c->part = NGX_HD_RENDER_PEER;
    c->peer = 0;
}


static void
ngx_hd_render_peer(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_render_t *render, ngx_hd_render_cursor_t *c)
{
    if (c->peer < view->upstreams[c->upstream].npeers) {
        ngx_hd_render_piece(t, view, render->peer, c);
        c->peer++;
        return;
    }

    ngx_hd_render_piece(t, view, render->upstream_end, c);

    c->part = NGX_HD_RENDER_UPSTREAM;
    c->upstream++;
}


static void
ngx_hd_render_service(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_render_t *render, ngx_hd_render_cursor_t *c)
{
    if (c->service == view->nservices) {
        c->part = NGX_HD_RENDER_FOOT;
        return;
    }

    ngx_hd_render_piece(t, view, render->service, c);
    c->service++;
}


static void
ngx_hd_render_piece(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    ngx_hd_render_piece_pt piece, ngx_hd_render_cursor_t *c)
{
    if (piece) {
        piece(t, view, c);
    }
}
