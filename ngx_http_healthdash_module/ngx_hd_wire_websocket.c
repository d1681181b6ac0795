
/*
 * healthdash: the WebSocket dialogue, RFC 6455, section 4: an HTTP upgrade that
 * must be accepted, with the proof that the server has read our key.  HTTP is
 * spoken by the HTTP/1 dialogue.  The key is another one for each probe, as
 * section 4.1 asks: what a cache has kept of an earlier probe is no proof.
 */


#include <ngx_hd_wire.h>
#include <ngx_hd_reason.h>
#include <ngx_sha1.h>


#define NGX_HD_WEBSOCKET_NONCE  16
#define NGX_HD_WEBSOCKET_KEY    24     /* the same in base64 */
#define NGX_HD_WEBSOCKET_PROOF  28     /* SHA-1 in base64 */
#define NGX_HD_WEBSOCKET_SHA1   20

#define NGX_HD_WEBSOCKET_GUID   "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
#define NGX_HD_WEBSOCKET_EMPTY  "AAAAAAAAAAAAAAAAAAAAAA=="


typedef struct {
    ngx_hd_wire_t  http;                /* first: it is what judge is given */
    u_char         key[NGX_HD_WEBSOCKET_KEY];
} ngx_hd_websocket_t;


static ngx_int_t ngx_hd_websocket_create(ngx_hd_wire_t *w, ngx_buf_t *in,
    ngx_buf_t *out);
static void ngx_hd_websocket_make_key(ngx_hd_websocket_t *ws);
static ngx_int_t ngx_hd_websocket_judge(ngx_hd_wire_t *w,
    ngx_hd_answer_t *answer);
static void ngx_hd_websocket_prove(ngx_hd_websocket_t *ws, u_char *proof);
static ngx_int_t ngx_hd_websocket_has(ngx_hd_wire_t *w,
    ngx_hd_answer_t *answer, const char *name, const char *want,
    const char *shown);
static ngx_uint_t ngx_hd_websocket_lists(ngx_str_t *value, const char *word);
static ngx_int_t ngx_hd_websocket_expect_101(ngx_pool_t *pool,
    ngx_hd_check_t *check);


ngx_int_t
ngx_hd_wire_websocket(ngx_hd_wire_t *w, ngx_buf_t *in, ngx_buf_t *out)
{
    ngx_hd_websocket_t  *ws;

    if (w->state == NULL) {
        return ngx_hd_websocket_create(w, in, out);
    }

    ws = w->state;
    ws->http.eof = w->eof;

    return ngx_hd_wire_http1(&ws->http, in, out);
}


static ngx_int_t
ngx_hd_websocket_create(ngx_hd_wire_t *w, ngx_buf_t *in, ngx_buf_t *out)
{
    u_char              *p, *key;
    size_t               len;
    ngx_int_t            rc;
    ngx_hd_websocket_t  *ws;

    len = w->check->request.len;
    ws = ngx_palloc(w->pool, sizeof(ngx_hd_websocket_t));
    p = ngx_pnalloc(w->pool, len);

    if (ws == NULL || p == NULL) {
        ngx_hd_result_set(w->result, NGX_HD_R_LOCAL_MEMORY, NULL);
        return NGX_ERROR;
    }

    ws->http = *w;
    ws->http.judge = ngx_hd_websocket_judge;
    w->state = ws;

    rc = ngx_hd_wire_http1(&ws->http, in, out);

    if (rc != NGX_AGAIN) {
        return rc;
    }

    ngx_hd_websocket_make_key(ws);

    key = w->check->data;

    ngx_memcpy(p, w->check->request.data, len);
    ngx_memcpy(p + (key - w->check->request.data), ws->key,
               NGX_HD_WEBSOCKET_KEY);

    out->pos = p;
    out->last = p + len;

    return NGX_AGAIN;
}


/* no secret, only seldom the same */

static void
ngx_hd_websocket_make_key(ngx_hd_websocket_t *ws)
{
    u_char      nonce[NGX_HD_WEBSOCKET_NONCE];
    uint32_t    r;
    ngx_str_t   plain, coded;
    ngx_uint_t  i;

    for (i = 0; i < NGX_HD_WEBSOCKET_NONCE; i += sizeof(r)) {
        r = (uint32_t) ngx_random();
        ngx_memcpy(nonce + i, &r, sizeof(r));
    }

    plain.data = nonce;
    plain.len = NGX_HD_WEBSOCKET_NONCE;
    coded.data = ws->key;

    ngx_encode_base64(&coded, &plain);
}


static ngx_int_t
ngx_hd_websocket_judge(ngx_hd_wire_t *w, ngx_hd_answer_t *answer)
{
    u_char  proof[NGX_HD_WEBSOCKET_PROOF + 1];

    if (answer->status == NGX_HTTP_SWITCHING_PROTOCOLS) {

        ngx_hd_websocket_prove((ngx_hd_websocket_t *) w, proof);

        if (ngx_hd_websocket_has(w, answer, "Upgrade", "websocket",
                                 "\"websocket\"")
            != NGX_OK
            || ngx_hd_websocket_has(w, answer, "Connection", "upgrade",
                                    "\"upgrade\"")
               != NGX_OK
            || ngx_hd_websocket_has(w, answer, "Sec-WebSocket-Accept",
                                    (char *) proof, "the proof for our key")
               != NGX_OK)
        {
            return NGX_DECLINED;
        }
    }

    return ngx_hd_wire_judge(w, answer);
}


/* section 4.2.2, 5.4 */

static void
ngx_hd_websocket_prove(ngx_hd_websocket_t *ws, u_char *proof)
{
    u_char      hash[NGX_HD_WEBSOCKET_SHA1];
    ngx_str_t   plain, coded;
    ngx_sha1_t  sha1;

    ngx_sha1_init(&sha1);
    ngx_sha1_update(&sha1, ws->key, NGX_HD_WEBSOCKET_KEY);
    ngx_sha1_update(&sha1, NGX_HD_WEBSOCKET_GUID,
                    sizeof(NGX_HD_WEBSOCKET_GUID) - 1);
    ngx_sha1_final(hash, &sha1);

    plain.data = hash;
    plain.len = NGX_HD_WEBSOCKET_SHA1;
    coded.data = proof;

    ngx_encode_base64(&coded, &plain);

    proof[NGX_HD_WEBSOCKET_PROOF] = '\0';
}


/*
 * A field of the name must list want; else the last of them is shown, beside
 * what was expected in words that are the same for each probe.
 */

static ngx_int_t
ngx_hd_websocket_has(ngx_hd_wire_t *w, ngx_hd_answer_t *answer,
    const char *name, const char *want, const char *shown)
{
    size_t            len;
    ngx_str_t         seen;
    ngx_uint_t        i, found;
    ngx_table_elt_t  *h;

    found = 0;
    ngx_str_set(&seen, "");

    len = ngx_strlen(name);
    h = answer->headers->elts;

    for (i = 0; i < answer->headers->nelts; i++) {
        if (h[i].key.len != len
            || ngx_strncasecmp(h[i].key.data, (u_char *) name, len) != 0)
        {
            continue;
        }

        found = 1;
        seen = h[i].value;

        if (ngx_hd_websocket_lists(&seen, want)) {
            return NGX_OK;
        }
    }

    seen.len = ngx_min(seen.len, NGX_HD_SEEN_LEN);

    if (found) {
        ngx_hd_result_set(w->result, NGX_HD_R_RESPONSE_INVALID,
                          "header %s: expected %s, got \"%V\"", name, shown,
                          &seen);

    } else {
        ngx_hd_result_set(w->result, NGX_HD_R_RESPONSE_INVALID,
                          "header %s: expected %s, got no such header", name,
                          shown);
    }

    return NGX_DECLINED;
}


/* "keep-alive, Upgrade"; only names of protocols and options have no case */

static ngx_uint_t
ngx_hd_websocket_lists(ngx_str_t *value, const char *word)
{
    size_t   len;
    u_char  *p, *end, *last;

    len = ngx_strlen(word);
    last = value->data + value->len;

    for (p = value->data; p < last; p = end + 1) {
        end = ngx_strlchr(p, last, ',');
        if (end == NULL) {
            end = last;
        }

        while (p < end && (*p == ' ' || *p == '\t')) {
            p++;
        }

        if ((size_t) (end - p) < len
            || ((len == NGX_HD_WEBSOCKET_PROOF)
                ? ngx_strncmp(p, word, len)
                : ngx_strncasecmp(p, (u_char *) word, len))
               != 0)
        {
            continue;
        }

        for (p += len; p < end && (*p == ' ' || *p == '\t'); p++) {
            /* void */
        }

        if (p == end) {
            return 1;
        }
    }

    return 0;
}


const char *
ngx_hd_wire_websocket_prepare(ngx_pool_t *pool, ngx_hd_check_t *check,
    ngx_str_t *host)
{
    u_char      *p;
    const char  *wrong;

    static const char  lines[] =
        "Upgrade" CRLF
        "Upgrade: websocket" CRLF
        "Sec-WebSocket-Version: 13" CRLF
        "Sec-WebSocket-Key: " NGX_HD_WEBSOCKET_EMPTY;

    if (check->method.len != 3
        || ngx_strncmp(check->method.data, "GET", 3) != 0)
    {
        return "has a method other than GET, which is the only one that can "
               "upgrade";
    }

    if (check->body.len) {
        return "has a body, expected none";
    }

    wrong = ngx_hd_wire_http1_request(pool, check, host, lines);
    if (wrong) {
        return wrong;
    }

    p = ngx_strlcasestrn(check->request.data,
                         check->request.data + check->request.len,
                         (u_char *) NGX_HD_WEBSOCKET_EMPTY,
                         sizeof(NGX_HD_WEBSOCKET_EMPTY) - 2);

    check->data = p;

    return (p && ngx_hd_websocket_expect_101(pool, check) == NGX_OK)
           ? NULL : "could not be made ready: no memory";
}


/* unless another status is expected; the lines of a block are not ours */

static ngx_int_t
ngx_hd_websocket_expect_101(ngx_pool_t *pool, ngx_hd_check_t *check)
{
    ngx_array_t     *conds;
    ngx_hd_cond_t   *cond;
    ngx_hd_range_t  *range;

    if (ngx_hd_match_has(check->conds, NGX_HD_ON_STATUS, 0)) {
        return NGX_OK;
    }

    conds = ngx_array_create(pool, 4, sizeof(ngx_hd_cond_t));
    if (conds == NULL) {
        return NGX_ERROR;
    }

    cond = ngx_array_push(conds);
    if (cond == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(cond, sizeof(ngx_hd_cond_t));

    cond->subject = NGX_HD_ON_STATUS;
    cond->op = NGX_HD_EQ;
    ngx_str_set(&cond->value, "101");

    cond->ranges = ngx_array_create(pool, 1, sizeof(ngx_hd_range_t));
    if (cond->ranges == NULL) {
        return NGX_ERROR;
    }

    range = ngx_array_push(cond->ranges);
    if (range == NULL) {
        return NGX_ERROR;
    }

    range->first = NGX_HTTP_SWITCHING_PROTOCOLS;
    range->last = NGX_HTTP_SWITCHING_PROTOCOLS;

    if (check->conds && check->conds->nelts) {
        cond = ngx_array_push_n(conds, check->conds->nelts);
        if (cond == NULL) {
            return NGX_ERROR;
        }

        ngx_memcpy(cond, check->conds->elts,
                   check->conds->nelts * sizeof(ngx_hd_cond_t));
    }

    check->conds = conds;

    return NGX_OK;
}
