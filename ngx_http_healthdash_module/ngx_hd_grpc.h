
/*
 * healthdash: gRPC's health service as pure functions: the bytes of a question,
 * and what an answer says.  No connection, no clock, no allocation.
 */


#ifndef _NGX_HD_GRPC_H_INCLUDED_
#define _NGX_HD_GRPC_H_INCLUDED_


#include <ngx_hd.h>


#define NGX_HD_GRPC_URI        "/grpc.health.v1.Health/Check"

#define NGX_HD_GRPC_FRAME      5       /* bytes before a message: a flag, then
                                          its length, most significant first */
#define NGX_HD_GRPC_ANSWER     1024    /* bytes of an answer worth keeping */

/* bytes of a request for a service of len bytes, at most */
#define ngx_hd_grpc_request_size(len)  (NGX_HD_GRPC_FRAME + 1 + 5 + (len))


/* what came over HTTP/2; strings are not copied, absent ones are empty */

typedef struct {
    ngx_uint_t  http;           /* status */
    ngx_str_t   type;           /* Content-Type */
    ngx_str_t   status;         /* grpc-status, of trailers or header */
    ngx_str_t   message;        /* grpc-message, the same */
    ngx_str_t   body;           /* at most NGX_HD_GRPC_ANSWER bytes and one */
} ngx_hd_grpc_answer_t;


/*
 * Writes a HealthCheckRequest for service ("": the whole server) in its frame
 * to p, which has room for ngx_hd_grpc_request_size().  Returns its end.
 */
u_char *ngx_hd_grpc_request(u_char *p, const ngx_str_t *service);

/*
 * Judges answer to a question about service.  Returns NGX_OK: SERVING, or
 * NGX_DECLINED with result set to what is wrong.
 */
ngx_int_t ngx_hd_grpc_judge(const ngx_hd_grpc_answer_t *answer,
    const ngx_str_t *service, ngx_hd_result_t *result);


#endif /* _NGX_HD_GRPC_H_INCLUDED_ */
