
/*
 * healthdash: the DNS dialogue, RFC 1035: one query, one answer, each a
 * datagram.  Owns the reading of a message and the text of its records.  Every
 * byte is hostile, and a datagram that answers another question than ours may
 * come from anybody: it is passed over.
 */


#include <ngx_hd_wire.h>
#include <ngx_hd_reason.h>


#define NGX_HD_DNS_HEAD        12
#define NGX_HD_DNS_OPT         11      /* EDNS0, RFC 6891, 6.1.2 */
#define NGX_HD_DNS_NAME        255     /* bytes of a name, as sent */
#define NGX_HD_DNS_LABEL       63
#define NGX_HD_DNS_JUMPS       64      /* compression pointers of a name */
#define NGX_HD_DNS_SIZE        1232    /* bytes of an answer we ask for */
#define NGX_HD_DNS_TEXT        4096    /* bytes of the text of all records */
#define NGX_HD_DNS_RECORDS     64      /* records with a text */

#define NGX_HD_DNS_A           1
#define NGX_HD_DNS_NS          2
#define NGX_HD_DNS_CNAME       5
#define NGX_HD_DNS_SOA         6
#define NGX_HD_DNS_PTR         12
#define NGX_HD_DNS_MX          15
#define NGX_HD_DNS_TXT         16
#define NGX_HD_DNS_AAAA        28
#define NGX_HD_DNS_SRV         33
#define NGX_HD_DNS_CAA         257

#define NGX_HD_DNS_IN          1

#define NGX_HD_DNS_FORMERR     1
#define NGX_HD_DNS_NOTIMP      4

#define ngx_hd_dns_16(p)       ((ngx_uint_t) (((p)[0] << 8) | (p)[1]))
#define ngx_hd_dns_32(p)       (((uint32_t) (p)[0] << 24) | ((p)[1] << 16)    \
                                | ((p)[2] << 8) | (p)[3])


/* the state of a dialogue */

typedef struct {
    u_char          *query;     /* with an id of its own */
    size_t           question;  /* bytes of the question in it */
    unsigned         plain:1;   /* it was without EDNS0 */
} ngx_hd_dns_t;


/* a message while it is read */

typedef struct {
    u_char          *start;
    u_char          *last;
    u_char          *text;      /* of the records so far */
    u_char          *end;
    ngx_uint_t       n;         /* records of the type */
    ngx_uint_t       texts;     /* of them with a text */
    ngx_str_t        row[NGX_HD_DNS_RECORDS];
} ngx_hd_dns_msg_t;


static ngx_int_t ngx_hd_dns_begin(ngx_hd_wire_t *w, ngx_buf_t *out);
static ngx_int_t ngx_hd_dns_ask(ngx_hd_wire_t *w, ngx_buf_t *out, size_t len);
static ngx_uint_t ngx_hd_dns_is_old(ngx_hd_wire_t *w, u_char *p);
static ngx_int_t ngx_hd_dns_ask_plain(ngx_hd_wire_t *w, ngx_buf_t *out);
static ngx_uint_t ngx_hd_dns_is_ours(ngx_hd_wire_t *w, u_char *p, size_t len);
static ngx_int_t ngx_hd_dns_answer(ngx_hd_wire_t *w, u_char *p, size_t len);
static ngx_int_t ngx_hd_dns_records(ngx_hd_wire_t *w, ngx_hd_dns_msg_t *msg);
static ngx_int_t ngx_hd_dns_record(ngx_hd_wire_t *w, ngx_hd_dns_msg_t *msg,
    u_char **pos);
static u_char *ngx_hd_dns_skip(u_char *p, u_char *last);
static ngx_int_t ngx_hd_dns_text(ngx_hd_dns_msg_t *msg, ngx_uint_t type,
    u_char *p, size_t len);
static u_char *ngx_hd_dns_address(u_char *p, u_char *end, ngx_uint_t family,
    u_char *data);
static u_char *ngx_hd_dns_strings(u_char *text, u_char *end, u_char *p,
    u_char *last);
static u_char *ngx_hd_dns_soa(ngx_hd_dns_msg_t *msg, u_char *p, u_char *last);
static u_char *ngx_hd_dns_caa(u_char *text, u_char *end, u_char *p,
    size_t len);
static u_char *ngx_hd_dns_name(ngx_hd_dns_msg_t *msg, u_char *text, u_char *p,
    u_char *last);
static u_char *ngx_hd_dns_label(u_char *text, u_char *end, u_char *p,
    size_t len);
static ngx_int_t ngx_hd_dns_judge(ngx_hd_wire_t *w, ngx_hd_dns_msg_t *msg);
static void ngx_hd_dns_sort(ngx_hd_dns_msg_t *msg);
static const char *ngx_hd_dns_type(ngx_uint_t type);
static u_char *ngx_hd_dns_rcode(u_char *p, u_char *last, ngx_uint_t rcode);
static u_char *ngx_hd_dns_write_name(u_char *p, ngx_str_t *name);


ngx_int_t
ngx_hd_wire_dns(ngx_hd_wire_t *w, ngx_buf_t *in, ngx_buf_t *out)
{
    size_t   len;
    u_char  *p;

    if (w->state == NULL) {
        return ngx_hd_dns_begin(w, out);
    }

    p = in->pos;
    len = in->last - in->pos;
    in->pos = in->last;

    if (ngx_hd_dns_is_ours(w, p, len)) {
        return ngx_hd_dns_is_old(w, p) ? ngx_hd_dns_ask_plain(w, out)
                                       : ngx_hd_dns_answer(w, p, len);
    }

    if (w->eof) {
        ngx_hd_result_set(w->result, NGX_HD_R_RESPONSE_CLOSED, NULL);
        return NGX_DECLINED;
    }

    return NGX_AGAIN;
}


static ngx_int_t
ngx_hd_dns_begin(ngx_hd_wire_t *w, ngx_buf_t *out)
{
    ngx_hd_dns_t  *dns;

    dns = ngx_pcalloc(w->pool, sizeof(ngx_hd_dns_t));
    if (dns == NULL) {
        ngx_hd_result_set(w->result, NGX_HD_R_LOCAL_MEMORY, NULL);
        return NGX_ERROR;
    }

    dns->question = w->check->request.len - NGX_HD_DNS_HEAD - NGX_HD_DNS_OPT;

    w->state = dns;

    return ngx_hd_dns_ask(w, out, w->check->request.len);
}


/* sends the first len bytes of the query, with an id of their own */

static ngx_int_t
ngx_hd_dns_ask(ngx_hd_wire_t *w, ngx_buf_t *out, size_t len)
{
    long           id;
    u_char        *p;
    ngx_hd_dns_t  *dns;

    p = ngx_pnalloc(w->pool, len);
    if (p == NULL) {
        ngx_hd_result_set(w->result, NGX_HD_R_LOCAL_MEMORY, NULL);
        return NGX_ERROR;
    }

    ngx_memcpy(p, w->check->request.data, len);

    id = ngx_random();
    p[0] = (u_char) (id >> 8);
    p[1] = (u_char) id;

    dns = w->state;
    dns->query = p;

    out->pos = p;
    out->last = p + len;

    return NGX_AGAIN;
}


/*
 * RFC 6891, 7: who does not know EDNS0 answers FORMERR, without it.  Before,
 * by RFC 2671, it was NOTIMP as well.
 */

static ngx_uint_t
ngx_hd_dns_is_old(ngx_hd_wire_t *w, u_char *p)
{
    ngx_uint_t     rcode;
    ngx_hd_dns_t  *dns;

    dns = w->state;
    rcode = p[3] & 0x0f;

    return !dns->plain
           && rcode != w->check->rcode
           && (rcode == NGX_HD_DNS_FORMERR || rcode == NGX_HD_DNS_NOTIMP)
           && ngx_hd_dns_16(p + 10) == 0;
}


static ngx_int_t
ngx_hd_dns_ask_plain(ngx_hd_wire_t *w, ngx_buf_t *out)
{
    ngx_int_t      rc;
    ngx_hd_dns_t  *dns;

    dns = w->state;
    dns->plain = 1;

    rc = ngx_hd_dns_ask(w, out, NGX_HD_DNS_HEAD + dns->question);

    if (rc == NGX_AGAIN) {
        dns->query[11] = 0;             /* no additional record */
    }

    return rc;
}


/* an error may come without the question it is about */

static ngx_uint_t
ngx_hd_dns_is_ours(ngx_hd_wire_t *w, u_char *p, size_t len)
{
    size_t         i;
    u_char        *q;
    ngx_hd_dns_t  *dns;

    dns = w->state;
    q = dns->query;

    if (len < NGX_HD_DNS_HEAD
        || p[0] != q[0] || p[1] != q[1]
        || (p[2] & 0xf8) != 0x80)
    {
        return 0;
    }

    if (ngx_hd_dns_16(p + 4) == 0) {
        return (p[3] & 0x0f) != 0;
    }

    if (ngx_hd_dns_16(p + 4) != 1 || len < NGX_HD_DNS_HEAD + dns->question) {
        return 0;
    }

    for (i = NGX_HD_DNS_HEAD; i < NGX_HD_DNS_HEAD + dns->question; i++) {

        if (ngx_tolower(p[i]) != ngx_tolower(q[i])) {
            return 0;
        }
    }

    return 1;
}


static ngx_int_t
ngx_hd_dns_answer(ngx_hd_wire_t *w, u_char *p, size_t len)
{
    u_char             line[NGX_HD_LINE_LEN], *end;
    u_char             wanted[16], *wend, seen[16], *send;
    ngx_int_t          rc;
    ngx_uint_t         rcode;
    ngx_hd_dns_msg_t  *msg;

    rcode = p[3] & 0x0f;

    send = ngx_hd_dns_rcode(seen, seen + sizeof(seen), rcode);

    end = ngx_slprintf(line, line + sizeof(line), "%*s, %ui answers%s",
                       (size_t) (send - seen), seen, ngx_hd_dns_16(p + 6),
                       (p[2] & 0x02) ? ", truncated" : "");
    ngx_hd_wire_line(w, line, end - line);

    if (rcode != w->check->rcode) {
        wend = ngx_hd_dns_rcode(wanted, wanted + sizeof(wanted),
                                w->check->rcode);

        ngx_hd_result_say(w->result, NGX_HD_R_PROTOCOL_ERROR,
                          "rcode %*s, expected %*s",
                          (size_t) (send - seen), seen,
                          (size_t) (wend - wanted), wanted);
        return NGX_DECLINED;
    }

    msg = ngx_pcalloc(w->pool, sizeof(ngx_hd_dns_msg_t) + NGX_HD_DNS_TEXT);
    if (msg == NULL) {
        ngx_hd_result_set(w->result, NGX_HD_R_LOCAL_MEMORY, NULL);
        return NGX_ERROR;
    }

    msg->start = p;
    msg->last = p + len;
    msg->text = (u_char *) msg + sizeof(ngx_hd_dns_msg_t);
    msg->end = msg->text + NGX_HD_DNS_TEXT;

    rc = ngx_hd_dns_records(w, msg);

    /* of a truncated answer what came is judged */

    if (rc != NGX_OK && !(p[2] & 0x02)) {
        ngx_hd_result_set(w->result, NGX_HD_R_RESPONSE_INVALID,
                          "malformed DNS message");
        return NGX_DECLINED;
    }

    return ngx_hd_dns_judge(w, msg);
}


static ngx_int_t
ngx_hd_dns_records(ngx_hd_wire_t *w, ngx_hd_dns_msg_t *msg)
{
    u_char        *p;
    ngx_uint_t     i, n;
    ngx_hd_dns_t  *dns;

    dns = w->state;

    p = msg->start + NGX_HD_DNS_HEAD;
    n = ngx_hd_dns_16(msg->start + 6);

    if (ngx_hd_dns_16(msg->start + 4)) {
        p += dns->question;
    }

    for (i = 0; i < n; i++) {
        if (ngx_hd_dns_record(w, msg, &p) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_hd_dns_record(ngx_hd_wire_t *w, ngx_hd_dns_msg_t *msg, u_char **pos)
{
    u_char      *p;
    size_t       len;
    ngx_uint_t   type, class;

    p = ngx_hd_dns_skip(*pos, msg->last);

    if (p == NULL || msg->last - p < 10) {
        return NGX_ERROR;
    }

    type = ngx_hd_dns_16(p);
    class = ngx_hd_dns_16(p + 2);
    len = ngx_hd_dns_16(p + 8);
    p += 10;

    if ((size_t) (msg->last - p) < len) {
        return NGX_ERROR;
    }

    *pos = p + len;

    if (type != w->check->qtype || class != NGX_HD_DNS_IN) {
        return NGX_OK;
    }

    msg->n++;

    return ngx_hd_dns_text(msg, type, p, len);
}


/* behind a name, or NULL */

static u_char *
ngx_hd_dns_skip(u_char *p, u_char *last)
{
    while (p < last) {

        if (*p == 0) {
            return p + 1;
        }

        if ((*p & 0xc0) == 0xc0) {
            return (last - p < 2) ? NULL : p + 2;
        }

        if (*p > NGX_HD_DNS_LABEL) {
            return NULL;
        }

        p += 1 + *p;
    }

    return NULL;
}


/* what finds no room is counted, but not shown */

static ngx_int_t
ngx_hd_dns_text(ngx_hd_dns_msg_t *msg, ngx_uint_t type, u_char *p, size_t len)
{
    u_char  *t, *end, *last;

    t = msg->text;
    end = msg->end;
    last = p + len;

    switch (type) {

    case NGX_HD_DNS_A:
        t = (len == 4) ? ngx_hd_dns_address(t, end, AF_INET, p) : NULL;
        break;

    case NGX_HD_DNS_AAAA:
        t = (len == 16) ? ngx_hd_dns_address(t, end, AF_INET6, p) : NULL;
        break;

    case NGX_HD_DNS_MX:

        if (len < 3) {
            return NGX_ERROR;
        }

        t = ngx_slprintf(t, end, "%ui ", ngx_hd_dns_16(p));
        t = ngx_hd_dns_name(msg, t, p + 2, last);
        break;

    case NGX_HD_DNS_SRV:

        if (len < 7) {
            return NGX_ERROR;
        }

        t = ngx_slprintf(t, end, "%ui %ui %ui ", ngx_hd_dns_16(p),
                         ngx_hd_dns_16(p + 2), ngx_hd_dns_16(p + 4));
        t = ngx_hd_dns_name(msg, t, p + 6, last);
        break;

    case NGX_HD_DNS_TXT:
        t = ngx_hd_dns_strings(t, end, p, last);
        break;

    case NGX_HD_DNS_SOA:
        t = ngx_hd_dns_soa(msg, p, last);
        break;

    case NGX_HD_DNS_CAA:
        t = ngx_hd_dns_caa(t, end, p, len);
        break;

    default: /* NGX_HD_DNS_NS, NGX_HD_DNS_CNAME, NGX_HD_DNS_PTR */
        t = ngx_hd_dns_name(msg, t, p, last);
        break;
    }

    if (t == NULL) {
        return NGX_ERROR;
    }

    if (msg->texts < NGX_HD_DNS_RECORDS) {
        msg->row[msg->texts].data = msg->text;
        msg->row[msg->texts++].len = t - msg->text;
        msg->text = t;
    }

    return NGX_OK;
}


static u_char *
ngx_hd_dns_address(u_char *p, u_char *end, ngx_uint_t family, u_char *data)
{
    char  text[INET6_ADDRSTRLEN];

    if (inet_ntop((int) family, data, text, sizeof(text)) == NULL) {
        return NULL;
    }

    return ngx_slprintf(p, end, "%s", text);
}


/* the strings of a TXT record make one text */

static u_char *
ngx_hd_dns_strings(u_char *text, u_char *end, u_char *p, u_char *last)
{
    size_t  n;

    while (p < last) {
        n = *p++;

        if (n > (size_t) (last - p)) {
            return NULL;
        }

        text = ngx_slprintf(text, end, "%*s", n, p);
        p += n;
    }

    return text;
}


static u_char *
ngx_hd_dns_soa(ngx_hd_dns_msg_t *msg, u_char *p, u_char *last)
{
    u_char      *t;
    ngx_uint_t   i;

    t = msg->text;

    for (i = 0; i < 2; i++) {
        t = ngx_hd_dns_name(msg, t, p, last);
        if (t == NULL) {
            return NULL;
        }

        t = ngx_slprintf(t, msg->end, " ");

        p = ngx_hd_dns_skip(p, last);
        if (p == NULL) {
            return NULL;
        }
    }

    if (last - p < 20) {
        return NULL;
    }

    return ngx_slprintf(t, msg->end, "%uD %uD %uD %uD %uD",
                        ngx_hd_dns_32(p), ngx_hd_dns_32(p + 4),
                        ngx_hd_dns_32(p + 8), ngx_hd_dns_32(p + 12),
                        ngx_hd_dns_32(p + 16));
}


/* 0 issue "ca.example.net", RFC 8659, 4.1 */

static u_char *
ngx_hd_dns_caa(u_char *text, u_char *end, u_char *p, size_t len)
{
    size_t  tag;

    if (len < 2) {
        return NULL;
    }

    tag = p[1];

    if (tag > len - 2) {
        return NULL;
    }

    return ngx_slprintf(text, end, "%ui %*s \"%*s\"", (ngx_uint_t) p[0],
                        tag, p + 2, len - 2 - tag, p + 2 + tag);
}


/*
 * Writes the name at p, which lies before last until it jumps.  A jump goes
 * backwards only, in front of all that was read of this name, so it ends.
 */

static u_char *
ngx_hd_dns_name(ngx_hd_dns_msg_t *msg, u_char *text, u_char *p, u_char *last)
{
    size_t       offset, size;
    u_char      *lowest;
    ngx_uint_t   jumps;

    lowest = p;
    jumps = 0;
    size = 0;

    for ( ;; ) {

        if (p >= last) {
            return NULL;
        }

        if (*p == 0) {
            return size ? text : ngx_slprintf(text, msg->end, ".");
        }

        if ((*p & 0xc0) == 0xc0) {

            if (last - p < 2 || ++jumps > NGX_HD_DNS_JUMPS) {
                return NULL;
            }

            offset = ngx_hd_dns_16(p) & 0x3fff;

            if (offset >= (size_t) (lowest - msg->start)) {
                return NULL;
            }

            p = msg->start + offset;
            last = lowest;
            lowest = p;

            continue;
        }

        size += 1 + *p;

        if (*p > NGX_HD_DNS_LABEL
            || *p >= last - p
            || size >= NGX_HD_DNS_NAME)
        {
            return NULL;
        }

        if (size > (size_t) 1 + *p) {
            text = ngx_slprintf(text, msg->end, ".");
        }

        text = ngx_hd_dns_label(text, msg->end, p + 1, *p);
        p += 1 + *p;
    }
}


/* RFC 1035, 5.1: a dot within a label is no end of it */

static u_char *
ngx_hd_dns_label(u_char *text, u_char *end, u_char *p, size_t len)
{
    u_char  *last;

    for (last = p + len; p < last; p++) {

        if (*p == '.' || *p == '\\') {
            text = ngx_slprintf(text, end, "\\%*s", (size_t) 1, p);

        } else if (*p <= ' ' || *p > '~') {
            text = ngx_slprintf(text, end, "\\%03ui", (ngx_uint_t) *p);

        } else {
            text = ngx_slprintf(text, end, "%*s", (size_t) 1, p);
        }
    }

    return text;
}


static ngx_int_t
ngx_hd_dns_judge(ngx_hd_wire_t *w, ngx_hd_dns_msg_t *msg)
{
    u_char           *p, *last;
    ngx_uint_t        i;
    ngx_hd_answer_t   answer;

    ngx_memzero(&answer, sizeof(ngx_hd_answer_t));

    if (msg->n == 0 && w->check->rcode == 0
        && !ngx_hd_match_has(w->check->conds, NGX_HD_ON_VALUE, 0))
    {
        ngx_hd_result_say(w->result, NGX_HD_R_VALUE, "no %s records of %V",
                          ngx_hd_dns_type(w->check->qtype),
                          &w->check->qname);
        return NGX_DECLINED;
    }

    ngx_hd_dns_sort(msg);

    p = ngx_pnalloc(w->pool, NGX_HD_DNS_TEXT + NGX_HD_DNS_RECORDS);
    if (p == NULL) {
        ngx_hd_result_set(w->result, NGX_HD_R_LOCAL_MEMORY, NULL);
        return NGX_ERROR;
    }

    answer.row.data = p;
    last = p + NGX_HD_DNS_TEXT + NGX_HD_DNS_RECORDS;

    for (i = 0; i < msg->texts; i++) {
        p = ngx_slprintf(p, last, "%s%V", i ? " " : "", &msg->row[i]);
    }

    answer.row.len = p - answer.row.data;
    answer.no_row = (msg->n == 0);
    answer.value = (double) msg->n;
    answer.has_value = 1;

    ngx_hd_wire_sample(w, answer.row.data, answer.row.len);

    return ngx_hd_wire_judge(w, &answer);
}


/* servers change the order from answer to answer */

static void
ngx_hd_dns_sort(ngx_hd_dns_msg_t *msg)
{
    ngx_int_t   rc;
    ngx_str_t   row;
    ngx_uint_t  i, k;

    for (i = 1; i < msg->texts; i++) {
        row = msg->row[i];

        for (k = i; k; k--) {
            rc = ngx_memcmp(msg->row[k - 1].data, row.data,
                            ngx_min(msg->row[k - 1].len, row.len));

            if (rc < 0 || (rc == 0 && msg->row[k - 1].len <= row.len)) {
                break;
            }

            msg->row[k] = msg->row[k - 1];
        }

        msg->row[k] = row;
    }
}


static const char *
ngx_hd_dns_type(ngx_uint_t type)
{
    switch (type) {

    case NGX_HD_DNS_A:
        return "A";

    case NGX_HD_DNS_NS:
        return "NS";

    case NGX_HD_DNS_CNAME:
        return "CNAME";

    case NGX_HD_DNS_SOA:
        return "SOA";

    case NGX_HD_DNS_PTR:
        return "PTR";

    case NGX_HD_DNS_MX:
        return "MX";

    case NGX_HD_DNS_TXT:
        return "TXT";

    case NGX_HD_DNS_AAAA:
        return "AAAA";

    case NGX_HD_DNS_SRV:
        return "SRV";

    default: /* NGX_HD_DNS_CAA */
        return "CAA";
    }
}


static u_char *
ngx_hd_dns_rcode(u_char *p, u_char *last, ngx_uint_t rcode)
{
    static const char  *names[] = {
        "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED",
        "YXDOMAIN", "YXRRSET", "NXRRSET", "NOTAUTH", "NOTZONE"
    };

    if (rcode < sizeof(names) / sizeof(names[0])) {
        return ngx_slprintf(p, last, "%s", names[rcode]);
    }

    return ngx_slprintf(p, last, "%ui", rcode);
}


const char *
ngx_hd_wire_dns_prepare(ngx_pool_t *pool, ngx_hd_check_t *check,
    ngx_str_t *host)
{
    u_char  *p;

    if (check->qname.len == 0) {
        return "needs \"name\", expected a domain name such as "
               "www.example.com";
    }

    p = ngx_pcalloc(pool, NGX_HD_DNS_HEAD + NGX_HD_DNS_NAME + 1 + 4
                          + NGX_HD_DNS_OPT);
    if (p == NULL) {
        return "could not be made ready: no memory";
    }

    check->request.data = p;

    p[2] = 0x01;                        /* recursion desired */
    p[5] = 1;                           /* one question */
    p[11] = 1;                          /* one additional record: EDNS0 */

    p = ngx_hd_dns_write_name(p + NGX_HD_DNS_HEAD, &check->qname);
    if (p == NULL) {
        return "has a malformed \"name\", expected labels of 1 to 63 bytes, "
               "separated by \".\", such as www.example.com";
    }

    *p++ = (u_char) (check->qtype >> 8);
    *p++ = (u_char) check->qtype;
    *p++ = 0;
    *p++ = NGX_HD_DNS_IN;

    *p++ = 0;                           /* the root */
    *p++ = 0;
    *p++ = 41;                          /* OPT */
    *p++ = (u_char) (NGX_HD_DNS_SIZE >> 8);
    *p++ = (u_char) (NGX_HD_DNS_SIZE & 0xff);

    p += 6;                             /* no flags, no options */

    check->request.len = p - check->request.data;

    return NULL;
}


static u_char *
ngx_hd_dns_write_name(u_char *p, ngx_str_t *name)
{
    size_t   i, len;
    u_char  *label;

    if (name->len == 1 && name->data[0] == '.') {
        *p++ = 0;
        return p;
    }

    len = name->len - (name->data[name->len - 1] == '.');
    label = p++;

    for (i = 0; i <= len; i++) {

        if (i < len && name->data[i] != '.') {
            *p++ = name->data[i];
            continue;
        }

        if (p - label - 1 < 1 || p - label - 1 > NGX_HD_DNS_LABEL) {
            return NULL;
        }

        *label = (u_char) (p - label - 1);
        label = p++;
    }

    *label = 0;

    return label + 1;
}
