
/*
 * healthdash: the one table of probe types.  A row is all that directives,
 * scheduler and page know of a protocol; a stream type is only a dialogue.
 */


#include <ngx_hd_types.h>
#include <ngx_hd_beat.h>
#include <ngx_hd_curl.h>
#include <ngx_hd_curl_grpc.h>
#include <ngx_hd_curl_http.h>
#include <ngx_hd_local.h>
#include <ngx_hd_mail.h>
#include <ngx_hd_mysql.h>
#include <ngx_hd_pgsql.h>
#include <ngx_hd_stream.h>
#include <ngx_hd_wire.h>


/* in the order messages list them; a type may have a row for each http= */

static const ngx_hd_probe_type_t  ngx_hd_types[] = {

    { .name = ngx_string("http"),
      .port = 80,
      .version = 11,
      .form = NGX_HD_URL_HTTP,
      .takes = NGX_HD_TAKES_HTTP|NGX_HD_TAKES_URI|NGX_HD_TAKES_USER
               |NGX_HD_TAKES_KEEPALIVE|NGX_HD_TAKES_PEER,
      .judges = NGX_HD_ON_HTTP,
      .data = (void *) ngx_hd_wire_http1,
      .prepare = ngx_hd_wire_http1_prepare,
      .start = ngx_hd_stream_start,
      .release = ngx_hd_stream_release },

    { .name = ngx_string("https"),
      .port = 443,
      .version = 11,
      .form = NGX_HD_URL_HTTP,
      .takes = NGX_HD_TAKES_HTTP|NGX_HD_TAKES_URI|NGX_HD_TAKES_USER
               |NGX_HD_TAKES_KEEPALIVE|NGX_HD_TAKES_PEER|NGX_HD_TAKES_TLS,
      .judges = NGX_HD_ON_HTTP|NGX_HD_ON(NGX_HD_ON_CERT_DAYS),
      .tls = 1,
      .data = (void *) ngx_hd_wire_http1,
      .prepare = ngx_hd_wire_http1_prepare,
      .start = ngx_hd_stream_start,
      .release = ngx_hd_stream_release },

    { .name = ngx_string("http"),
      .port = 80,
      .version = 20,
      .connections = NGX_HD_PROBE_CONNECTIONS,
      .form = NGX_HD_URL_HTTP,
      .takes = NGX_HD_TAKES_HTTP|NGX_HD_TAKES_URI|NGX_HD_TAKES_USER
               |NGX_HD_TAKES_PORT,
      .judges = NGX_HD_ON_HTTP,
      .curl = 1,
      .prepare = ngx_hd_curl_http_prepare,
      .start = ngx_hd_curl_http_start,
      .release = ngx_hd_curl_release },

    { .name = ngx_string("https"),
      .port = 443,
      .version = 20,
      .connections = NGX_HD_PROBE_CONNECTIONS,
      .form = NGX_HD_URL_HTTP,
      .takes = NGX_HD_TAKES_HTTP|NGX_HD_TAKES_URI|NGX_HD_TAKES_USER
               |NGX_HD_TAKES_TLS|NGX_HD_TAKES_PORT,
      .judges = NGX_HD_ON_HTTP|NGX_HD_ON(NGX_HD_ON_CERT_DAYS),
      .tls = 1,
      .curl = 1,
      .prepare = ngx_hd_curl_http_prepare,
      .start = ngx_hd_curl_http_start,
      .release = ngx_hd_curl_release },

    { .name = ngx_string("https"),
      .port = 443,
      .version = 30,
      .form = NGX_HD_URL_HTTP,
      .takes = NGX_HD_TAKES_HTTP|NGX_HD_TAKES_URI|NGX_HD_TAKES_USER
               |NGX_HD_TAKES_TLS|NGX_HD_TAKES_PORT,
      .judges = NGX_HD_ON_HTTP|NGX_HD_ON(NGX_HD_ON_CERT_DAYS),
      .tls = 1,
      .curl = 1,
      .prepare = ngx_hd_curl_http_prepare,
      .start = ngx_hd_curl_http_start,
      .release = ngx_hd_curl_release },

    { .name = ngx_string("grpc"),
      .connections = NGX_HD_PROBE_CONNECTIONS,
      .takes = NGX_HD_TAKES_SERVICE|NGX_HD_TAKES_PORT,
      .curl = 1,
      .prepare = ngx_hd_curl_grpc_prepare,
      .start = ngx_hd_curl_grpc_start,
      .release = ngx_hd_curl_release },

    { .name = ngx_string("grpcs"),
      .connections = NGX_HD_PROBE_CONNECTIONS,
      .port = 443,
      .takes = NGX_HD_TAKES_SERVICE|NGX_HD_TAKES_TLS
               |NGX_HD_TAKES_PORT,
      .judges = NGX_HD_ON(NGX_HD_ON_CERT_DAYS),
      .tls = 1,
      .curl = 1,
      .prepare = ngx_hd_curl_grpc_prepare,
      .start = ngx_hd_curl_grpc_start,
      .release = ngx_hd_curl_release },

    { .name = ngx_string("websocket"),
      .port = 80,
      .form = NGX_HD_URL_HTTP,
      .takes = NGX_HD_TAKES_HTTP|NGX_HD_TAKES_URI|NGX_HD_TAKES_USER
               |NGX_HD_TAKES_PEER,
      .judges = NGX_HD_ON_HTTP,
      .data = (void *) ngx_hd_wire_websocket,
      .prepare = ngx_hd_wire_websocket_prepare,
      .start = ngx_hd_stream_start,
      .release = ngx_hd_stream_release },

    { .name = ngx_string("websockets"),
      .port = 443,
      .form = NGX_HD_URL_HTTP,
      .takes = NGX_HD_TAKES_HTTP|NGX_HD_TAKES_URI|NGX_HD_TAKES_USER
               |NGX_HD_TAKES_PEER
               |NGX_HD_TAKES_TLS,
      .judges = NGX_HD_ON_HTTP|NGX_HD_ON(NGX_HD_ON_CERT_DAYS),
      .tls = 1,
      .data = (void *) ngx_hd_wire_websocket,
      .prepare = ngx_hd_wire_websocket_prepare,
      .start = ngx_hd_stream_start,
      .release = ngx_hd_stream_release },

    { .name = ngx_string("tcp"),
      .takes = NGX_HD_TAKES_STEPS|NGX_HD_TAKES_PEER,
      .data = (void *) ngx_hd_wire_steps,
      .prepare = ngx_hd_wire_steps_prepare,
      .start = ngx_hd_stream_start,
      .release = ngx_hd_stream_release },

    { .name = ngx_string("tls"),
      .port = 443,
      .takes = NGX_HD_TAKES_STEPS|NGX_HD_TAKES_TLS
               |NGX_HD_TAKES_PEER,
      .judges = NGX_HD_ON(NGX_HD_ON_CERT_DAYS),
      .tls = 1,
      .data = (void *) ngx_hd_wire_steps,
      .prepare = ngx_hd_wire_steps_prepare,
      .start = ngx_hd_stream_start,
      .release = ngx_hd_stream_release },

    { .name = ngx_string("udp"),
      .takes = NGX_HD_TAKES_STEPS|NGX_HD_TAKES_PEER,
      .udp = 1,
      .data = (void *) ngx_hd_wire_steps,
      .prepare = ngx_hd_wire_steps_prepare,
      .fits = ngx_hd_stream_fits_udp,
      .start = ngx_hd_stream_start,
      .release = ngx_hd_stream_release },

    { .name = ngx_string("dns"),
      .port = 53,
      .unit = " answers",
      .takes = NGX_HD_TAKES_DNS|NGX_HD_TAKES_PEER,
      .judges = NGX_HD_ON(NGX_HD_ON_VALUE)|NGX_HD_ON(NGX_HD_ON_ROW),
      .udp = 1,
      .data = (void *) ngx_hd_wire_dns,
      .prepare = ngx_hd_wire_dns_prepare,
      .fits = ngx_hd_stream_fits_udp,
      .start = ngx_hd_stream_start,
      .release = ngx_hd_stream_release },

    { .name = ngx_string("redis"),
      .port = 6379,
      .takes = NGX_HD_TAKES_USER|NGX_HD_TAKES_ROLE|NGX_HD_TAKES_LAG
               |NGX_HD_TAKES_PEER,
      .data = (void *) ngx_hd_wire_redis,
      .prepare = ngx_hd_wire_redis_prepare,
      .start = ngx_hd_stream_start,
      .release = ngx_hd_stream_release },

    { .name = ngx_string("rediss"),
      .port = 6379,
      .takes = NGX_HD_TAKES_USER|NGX_HD_TAKES_ROLE|NGX_HD_TAKES_LAG
               |NGX_HD_TAKES_PEER|NGX_HD_TAKES_TLS,
      .judges = NGX_HD_ON(NGX_HD_ON_CERT_DAYS),
      .tls = 1,
      .data = (void *) ngx_hd_wire_redis,
      .prepare = ngx_hd_wire_redis_prepare,
      .start = ngx_hd_stream_start,
      .release = ngx_hd_stream_release },

    { .name = ngx_string("memcached"),
      .port = 11211,
      .takes = NGX_HD_TAKES_ITEM|NGX_HD_TAKES_PEER,
      .judges = NGX_HD_ON(NGX_HD_ON_ROW),
      .data = (void *) ngx_hd_wire_memcached,
      .prepare = ngx_hd_wire_memcached_prepare,
      .start = ngx_hd_stream_start,
      .release = ngx_hd_stream_release },

    { .name = ngx_string("postgres"),
      .port = 5432,
      .takes = NGX_HD_TAKES_USER|NGX_HD_TAKES_DATABASE|NGX_HD_TAKES_ROLE
               |NGX_HD_TAKES_LAG|NGX_HD_TAKES_TLS|NGX_HD_TAKES_STARTTLS
               |NGX_HD_TAKES_PORT,
      .judges = NGX_HD_ON(NGX_HD_ON_VALUE)|NGX_HD_ON(NGX_HD_ON_ROW)
                |NGX_HD_ON(NGX_HD_ON_CERT_DAYS),
      .starts_tls = 1,
      .missing = NGX_HD_PGSQL_MISSING,
      .prepare = ngx_hd_pgsql_prepare,
      .fits = ngx_hd_pgsql_fits,
      .start = ngx_hd_pgsql_start,
      .release = ngx_hd_pgsql_release },

    { .name = ngx_string("mysql"),
      .port = 3306,
      .takes = NGX_HD_TAKES_USER|NGX_HD_TAKES_DATABASE|NGX_HD_TAKES_ROLE
               |NGX_HD_TAKES_LAG|NGX_HD_TAKES_TLS|NGX_HD_TAKES_STARTTLS
               |NGX_HD_TAKES_PORT,
      .judges = NGX_HD_ON(NGX_HD_ON_VALUE)|NGX_HD_ON(NGX_HD_ON_ROW)
                |NGX_HD_ON(NGX_HD_ON_CERT_DAYS),
      .starts_tls = 1,
      .missing = NGX_HD_MYSQL_MISSING,
      .prepare = ngx_hd_mysql_prepare,
      .fits = ngx_hd_mysql_fits,
      .start = ngx_hd_mysql_start,
      .release = ngx_hd_mysql_release },

    { .name = ngx_string("smtp"),
      .port = 25,
      .takes = NGX_HD_TAKES_USER|NGX_HD_TAKES_TLS|NGX_HD_TAKES_STARTTLS
               |NGX_HD_TAKES_PEER,
      .judges = NGX_HD_ON(NGX_HD_ON_CERT_DAYS),
      .data = (void *) ngx_hd_wire_mail,
      .prepare = ngx_hd_mail_prepare,
      .start = ngx_hd_stream_start,
      .release = ngx_hd_stream_release },

    { .name = ngx_string("smtps"),
      .port = 465,
      .takes = NGX_HD_TAKES_USER|NGX_HD_TAKES_TLS|NGX_HD_TAKES_PEER,
      .judges = NGX_HD_ON(NGX_HD_ON_CERT_DAYS),
      .tls = 1,
      .data = (void *) ngx_hd_wire_mail,
      .prepare = ngx_hd_mail_prepare,
      .start = ngx_hd_stream_start,
      .release = ngx_hd_stream_release },

    { .name = ngx_string("imap"),
      .port = 143,
      .takes = NGX_HD_TAKES_USER|NGX_HD_TAKES_TLS|NGX_HD_TAKES_STARTTLS
               |NGX_HD_TAKES_PEER,
      .judges = NGX_HD_ON(NGX_HD_ON_CERT_DAYS),
      .data = (void *) ngx_hd_wire_mail,
      .prepare = ngx_hd_mail_prepare,
      .start = ngx_hd_stream_start,
      .release = ngx_hd_stream_release },

    { .name = ngx_string("imaps"),
      .port = 993,
      .takes = NGX_HD_TAKES_USER|NGX_HD_TAKES_TLS|NGX_HD_TAKES_PEER,
      .judges = NGX_HD_ON(NGX_HD_ON_CERT_DAYS),
      .tls = 1,
      .data = (void *) ngx_hd_wire_mail,
      .prepare = ngx_hd_mail_prepare,
      .start = ngx_hd_stream_start,
      .release = ngx_hd_stream_release },

    { .name = ngx_string("pop3"),
      .port = 110,
      .takes = NGX_HD_TAKES_USER|NGX_HD_TAKES_TLS|NGX_HD_TAKES_STARTTLS
               |NGX_HD_TAKES_PEER,
      .judges = NGX_HD_ON(NGX_HD_ON_CERT_DAYS),
      .data = (void *) ngx_hd_wire_mail,
      .prepare = ngx_hd_mail_prepare,
      .start = ngx_hd_stream_start,
      .release = ngx_hd_stream_release },

    { .name = ngx_string("pop3s"),
      .port = 995,
      .takes = NGX_HD_TAKES_USER|NGX_HD_TAKES_TLS|NGX_HD_TAKES_PEER,
      .judges = NGX_HD_ON(NGX_HD_ON_CERT_DAYS),
      .tls = 1,
      .data = (void *) ngx_hd_wire_mail,
      .prepare = ngx_hd_mail_prepare,
      .start = ngx_hd_stream_start,
      .release = ngx_hd_stream_release },

    { .name = ngx_string("ftp"),
      .port = 21,
      .takes = NGX_HD_TAKES_USER|NGX_HD_TAKES_TLS|NGX_HD_TAKES_STARTTLS
               |NGX_HD_TAKES_PEER,
      .judges = NGX_HD_ON(NGX_HD_ON_CERT_DAYS),
      .data = (void *) ngx_hd_wire_mail,
      .prepare = ngx_hd_mail_prepare,
      .start = ngx_hd_stream_start,
      .release = ngx_hd_stream_release },

    { .name = ngx_string("fastcgi"),
      .port = 9000,
      .form = NGX_HD_URL_HTTP,
      .takes = NGX_HD_TAKES_URI|NGX_HD_TAKES_PARAM|NGX_HD_TAKES_PEER,
      .judges = NGX_HD_ON_HTTP,
      .data = (void *) ngx_hd_wire_fastcgi,
      .prepare = ngx_hd_wire_fastcgi_prepare,
      .start = ngx_hd_stream_start,
      .release = ngx_hd_stream_release },

    { .name = ngx_string("uwsgi"),
      .port = 3031,
      .form = NGX_HD_URL_HTTP,
      .takes = NGX_HD_TAKES_URI|NGX_HD_TAKES_PARAM|NGX_HD_TAKES_PEER,
      .judges = NGX_HD_ON_HTTP,
      .data = (void *) ngx_hd_wire_uwsgi,
      .prepare = ngx_hd_wire_uwsgi_prepare,
      .start = ngx_hd_stream_start,
      .release = ngx_hd_stream_release },

    { .name = ngx_string("ajp"),
      .port = 8009,
      .takes = NGX_HD_TAKES_PEER,
      .data = (void *) ngx_hd_wire_ajp,
      .start = ngx_hd_stream_start,
      .release = ngx_hd_stream_release },

    { .name = ngx_string("disk"),
      .unit = " %",
      .form = NGX_HD_URL_NAME,
      .judges = NGX_HD_ON(NGX_HD_ON_VALUE),
      .prepare = ngx_hd_local_prepare,
      .start = ngx_hd_local_start,
      .release = ngx_hd_local_release },

    { .name = ngx_string("memory"),
      .unit = " %",
      .form = NGX_HD_URL_NAME,
      .judges = NGX_HD_ON(NGX_HD_ON_VALUE),
      .prepare = ngx_hd_local_prepare,
      .start = ngx_hd_local_start,
      .release = ngx_hd_local_release },

    { .name = ngx_string("load"),
      .unit = " per core",
      .form = NGX_HD_URL_NAME,
      .judges = NGX_HD_ON(NGX_HD_ON_VALUE),
      .prepare = ngx_hd_local_prepare,
      .start = ngx_hd_local_start,
      .release = ngx_hd_local_release },

    { .name = ngx_string("files"),
      .unit = " %",
      .form = NGX_HD_URL_NAME,
      .judges = NGX_HD_ON(NGX_HD_ON_VALUE),
      .prepare = ngx_hd_local_prepare,
      .start = ngx_hd_local_start,
      .release = ngx_hd_local_release },

    { .name = ngx_string("nginx"),
      .unit = " %",
      .form = NGX_HD_URL_NAME,
      .judges = NGX_HD_ON(NGX_HD_ON_VALUE),
      .prepare = ngx_hd_local_prepare,
      .start = ngx_hd_local_start,
      .release = ngx_hd_local_release },

    { .name = ngx_string("heartbeat"),
      .form = NGX_HD_URL_NAME,
      .takes = NGX_HD_TAKES_BEAT,
      .told = 1,
      .prepare = ngx_hd_beat_prepare,
      .start = ngx_hd_beat_start,
      .release = ngx_hd_beat_release }
};


#define NGX_HD_TYPES  (sizeof(ngx_hd_types) / sizeof(ngx_hd_types[0]))


const ngx_hd_probe_type_t *
ngx_hd_type_find(ngx_str_t *name, ngx_uint_t version)
{
    ngx_uint_t                  i;
    const ngx_hd_probe_type_t  *type;

    for (i = 0; i < NGX_HD_TYPES; i++) {
        type = &ngx_hd_types[i];

        if ((version == 0 || type->version == version)
            && type->name.len == name->len
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
        if (ngx_hd_types[i].version <= 11) {
            p = ngx_slprintf(p, last, "%s%V", i ? ", " : "",
                             &ngx_hd_types[i].name);
        }
    }

    return p;
}
