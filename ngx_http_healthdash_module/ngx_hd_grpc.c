
/*
 * healthdash: gRPC's health service.  Owns the coding of its two messages,
 * each of which has one field, so that no protobuf library is needed, and the
 * meaning of an answer.  Called by the type grpc.  Every byte is hostile.
 */


#include <ngx_hd_grpc.h>
#include <ngx_hd_reason.h>


/* a field's key: its number, and how its value is written */

#define NGX_HD_GRPC_KEY        1       /* of the one field of both messages */
#define NGX_HD_GRPC_WIRE       0x07
#define NGX_HD_GRPC_VARINT     0
#define NGX_HD_GRPC_FIXED64    1
#define NGX_HD_GRPC_BYTES      2
#define NGX_HD_GRPC_FIXED32    5

#define NGX_HD_GRPC_NOT_FOUND      5
#define NGX_HD_GRPC_UNIMPLEMENTED  12
#define NGX_HD_GRPC_CODES          17


typedef enum {
    NGX_HD_GRPC_UNKNOWN = 0,
    NGX_HD_GRPC_SERVING,
    NGX_HD_GRPC_NOT_SERVING,
    NGX_HD_GRPC_SERVICE_UNKNOWN,
    NGX_HD_GRPC_HEALTHS
} ngx_hd_grpc_health_e;


static u_char *ngx_hd_grpc_put_number(u_char *p, uint64_t n);
static ngx_int_t ngx_hd_grpc_judge_code(const ngx_hd_grpc_answer_t *answer,
    const ngx_str_t *service, ngx_hd_result_t *result);
static u_char *ngx_hd_grpc_message(const ngx_str_t *text, u_char *p,
    u_char *last);
static ngx_int_t ngx_hd_grpc_judge_health(uint64_t health,
    const ngx_str_t *service, ngx_hd_result_t *result);
static ngx_int_t ngx_hd_grpc_unknown(const ngx_str_t *service,
    ngx_hd_result_t *result);
static ngx_uint_t ngx_hd_grpc_is_type(const ngx_str_t *type);
static const char *ngx_hd_grpc_frame(const ngx_str_t *body, uint64_t *health);
static ngx_int_t ngx_hd_grpc_read(const u_char *p, const u_char *last,
    uint64_t *health);
static const u_char *ngx_hd_grpc_skip(const u_char *p, const u_char *last,
    ngx_uint_t wire);
static const u_char *ngx_hd_grpc_number(const u_char *p, const u_char *last,
    uint64_t *n);


static const char * const  ngx_hd_grpc_codes[NGX_HD_GRPC_CODES] = {
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED"
};


static const char * const  ngx_hd_grpc_healths[NGX_HD_GRPC_HEALTHS] = {
    "UNKNOWN",
    "SERVING",
    "NOT_SERVING",
    "SERVICE_UNKNOWN"
};


u_char *
ngx_hd_grpc_request(u_char *p, const ngx_str_t *service)
{
    size_t   len;
    u_char  *start;

    start = p;
    p += NGX_HD_GRPC_FRAME;

    /* a field that has its default value is left out */

    if (service->len) {
        *p++ = (NGX_HD_GRPC_KEY << 3) | NGX_HD_GRPC_BYTES;
        p = ngx_hd_grpc_put_number(p, service->len);
        p = ngx_cpymem(p, service->data, service->len);
    }

    len = p - start - NGX_HD_GRPC_FRAME;

    start[0] = 0;
    start[1] = (u_char) (len >> 24);
    start[2] = (u_char) (len >> 16);
    start[3] = (u_char) (len >> 8);
    start[4] = (u_char) len;

    return p;
}


static u_char *
ngx_hd_grpc_put_number(u_char *p, uint64_t n)
{
    while (n >= 0x80) {
        *p++ = (u_char) (n | 0x80);
        n >>= 7;
    }

    *p++ = (u_char) n;

    return p;
}


ngx_int_t
ngx_hd_grpc_judge(const ngx_hd_grpc_answer_t *answer, const ngx_str_t *service,
    ngx_hd_result_t *result)
{
    uint64_t     health;
    const char  *err;

    if (answer->http != 200) {
        ngx_hd_result_say(result, NGX_HD_R_STATUS,
                          "http status %ui, expected 200", answer->http);
        return NGX_DECLINED;
    }

    if (!ngx_hd_grpc_is_type(&answer->type)) {
        ngx_hd_result_set(result, NGX_HD_R_RESPONSE_INVALID,
                          "Content-Type \"%*s\", expected application/grpc",
                          ngx_min(answer->type.len, NGX_HD_SEEN_LEN),
                          answer->type.data);
        return NGX_DECLINED;
    }

    if (ngx_atoi(answer->status.data, answer->status.len) != 0) {
        return ngx_hd_grpc_judge_code(answer, service, result);
    }

    err = ngx_hd_grpc_frame(&answer->body, &health);

    if (err) {
        ngx_hd_result_set(result, NGX_HD_R_RESPONSE_INVALID, "%s", err);
        return NGX_DECLINED;
    }

    return ngx_hd_grpc_judge_health(health, service, result);
}


static ngx_int_t
ngx_hd_grpc_judge_code(const ngx_hd_grpc_answer_t *answer,
    const ngx_str_t *service, ngx_hd_result_t *result)
{
    u_char     buf[NGX_HD_SEEN_LEN], *p;
    ngx_int_t  code;

    if (answer->status.len == 0) {
        ngx_hd_result_set(result, NGX_HD_R_RESPONSE_INVALID, "no grpc-status");
        return NGX_DECLINED;
    }

    code = ngx_atoi(answer->status.data, answer->status.len);

    if (code == NGX_ERROR) {
        ngx_hd_result_set(result, NGX_HD_R_RESPONSE_INVALID,
                          "malformed grpc-status \"%*s\"",
                          ngx_min(answer->status.len, NGX_HD_SEEN_LEN),
                          answer->status.data);
        return NGX_DECLINED;
    }

    if (code == NGX_HD_GRPC_NOT_FOUND) {
        return ngx_hd_grpc_unknown(service, result);
    }

    if (code == NGX_HD_GRPC_UNIMPLEMENTED) {
        ngx_hd_result_set(result, NGX_HD_R_PROTOCOL_ERROR,
                          "UNIMPLEMENTED, the server has no health service");
        return NGX_DECLINED;
    }

    p = ngx_hd_grpc_message(&answer->message, buf, buf + sizeof(buf));

    if (code >= NGX_HD_GRPC_CODES) {
        ngx_hd_result_set(result, NGX_HD_R_PROTOCOL_ERROR,
                          "grpc-status %i%s%*s", code, p > buf ? ", " : "",
                          (size_t) (p - buf), buf);

    } else {
        ngx_hd_result_set(result, NGX_HD_R_PROTOCOL_ERROR, "%s%s%*s",
                          ngx_hd_grpc_codes[code], p > buf ? ", " : "",
                          (size_t) (p - buf), buf);
    }

    return NGX_DECLINED;
}


/* percent-encoded; what is not stays as it is */

static u_char *
ngx_hd_grpc_message(const ngx_str_t *text, u_char *p, u_char *last)
{
    size_t     i;
    ngx_int_t  c;

    for (i = 0; i < text->len && p < last; i++) {
        c = NGX_ERROR;

        if (text->data[i] == '%' && text->len - i > 2) {
            c = ngx_hextoi(&text->data[i + 1], 2);
        }

        if (c == NGX_ERROR) {
            *p++ = text->data[i];

        } else {
            *p++ = (u_char) c;
            i += 2;
        }
    }

    return p;
}


static ngx_int_t
ngx_hd_grpc_judge_health(uint64_t health, const ngx_str_t *service,
    ngx_hd_result_t *result)
{
    if (health == NGX_HD_GRPC_SERVING) {
        return NGX_OK;
    }

    if (health == NGX_HD_GRPC_SERVICE_UNKNOWN) {
        return ngx_hd_grpc_unknown(service, result);
    }

    if (health >= NGX_HD_GRPC_HEALTHS) {
        ngx_hd_result_set(result, NGX_HD_R_RESPONSE_INVALID,
                          "unknown health %uL", health);

    } else if (service->len) {
        ngx_hd_result_set(result, NGX_HD_R_NOT_SERVING,
                          "service \"%V\" is %s", service,
                          ngx_hd_grpc_healths[health]);

    } else {
        ngx_hd_result_set(result, NGX_HD_R_NOT_SERVING, "the server is %s",
                          ngx_hd_grpc_healths[health]);
    }

    return NGX_DECLINED;
}


static ngx_int_t
ngx_hd_grpc_unknown(const ngx_str_t *service, ngx_hd_result_t *result)
{
    if (service->len) {
        ngx_hd_result_set(result, NGX_HD_R_NOT_SERVING,
                          "the server knows no service \"%V\"", service);

    } else {
        ngx_hd_result_set(result, NGX_HD_R_NOT_SERVING,
                          "the server does not know its own health");
    }

    return NGX_DECLINED;
}


/* application/grpc, with "+proto" or parameters after it */

static ngx_uint_t
ngx_hd_grpc_is_type(const ngx_str_t *type)
{
    size_t  len;

    len = sizeof("application/grpc") - 1;

    if (type->len < len
        || ngx_strncasecmp(type->data, (u_char *) "application/grpc", len)
           != 0)
    {
        return 0;
    }

    return type->len == len || type->data[len] == '+' || type->data[len] == ';'
           || type->data[len] == ' ';
}


/* NULL: body is one whole frame, and health what it says */

static const char *
ngx_hd_grpc_frame(const ngx_str_t *body, uint64_t *health)
{
    size_t         len;
    const u_char  *p;

    p = body->data;

    if (body->len == 0) {
        return "no message";
    }

    if (body->len > NGX_HD_GRPC_ANSWER) {
        return "a message too long for an answer about health";
    }

    if (body->len < NGX_HD_GRPC_FRAME) {
        return "a message cut short";
    }

    if (p[0] != 0) {
        return "a compressed message nobody asked for";
    }

    len = ((size_t) p[1] << 24) | (p[2] << 16) | (p[3] << 8) | p[4];

    if (len > body->len - NGX_HD_GRPC_FRAME) {
        return "a message cut short";
    }

    if (len < body->len - NGX_HD_GRPC_FRAME) {
        return "more than one message";
    }

    p += NGX_HD_GRPC_FRAME;

    if (ngx_hd_grpc_read(p, p + len, health) != NGX_OK) {
        return "a malformed message";
    }

    return NULL;
}


/* the last value of a field counts, and a field that is absent is 0 */

static ngx_int_t
ngx_hd_grpc_read(const u_char *p, const u_char *last, uint64_t *health)
{
    uint64_t    key;
    ngx_uint_t  wire;

    *health = 0;

    while (p < last) {
        p = ngx_hd_grpc_number(p, last, &key);

        if (p == NULL || (key >> 3) == 0 || key > NGX_MAX_UINT32_VALUE) {
            return NGX_ERROR;
        }

        wire = key & NGX_HD_GRPC_WIRE;

        if (key >> 3 == NGX_HD_GRPC_KEY && wire == NGX_HD_GRPC_VARINT) {
            p = ngx_hd_grpc_number(p, last, health);

        } else {
            p = ngx_hd_grpc_skip(p, last, wire);
        }

        if (p == NULL) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* past the value of a field that is none of ours; NULL: malformed */

static const u_char *
ngx_hd_grpc_skip(const u_char *p, const u_char *last, ngx_uint_t wire)
{
    uint64_t  n;

    switch (wire) {

    case NGX_HD_GRPC_VARINT:
        return ngx_hd_grpc_number(p, last, &n);

    case NGX_HD_GRPC_FIXED64:
        n = 8;
        break;

    case NGX_HD_GRPC_BYTES:
        p = ngx_hd_grpc_number(p, last, &n);
        if (p == NULL) {
            return NULL;
        }

        break;

    case NGX_HD_GRPC_FIXED32:
        n = 4;
        break;

    default: /* groups, which proto3 does not have */
        return NULL;
    }

    return (n > (uint64_t) (last - p)) ? NULL : p + n;
}


/* a number in groups of 7 bits, the least significant first */

static const u_char *
ngx_hd_grpc_number(const u_char *p, const u_char *last, uint64_t *n)
{
    ngx_uint_t  shift;

    *n = 0;

    for (shift = 0; shift < 64 && p < last; shift += 7) {
        *n |= (uint64_t) (*p & 0x7f) << shift;

        if (*p++ < 0x80) {
            return p;
        }
    }

    return NULL;
}
