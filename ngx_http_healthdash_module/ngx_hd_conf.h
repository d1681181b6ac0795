
/*
 * healthdash: what the directives leave behind: plain structs, filled while
 * the configuration is read, constant in the workers but for the fields marked
 * "worker".  Memory is that of the configuration (cf->pool).
 */


#ifndef _NGX_HD_CONF_H_INCLUDED_
#define _NGX_HD_CONF_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include <ngx_hd_regex.h>
#include <ngx_hd_state.h>


typedef struct ngx_hd_check_s       ngx_hd_check_t;
typedef struct ngx_hd_target_s      ngx_hd_target_t;
typedef struct ngx_hd_upstream_s    ngx_hd_upstream_t;
typedef struct ngx_hd_main_conf_s   ngx_hd_main_conf_t;
typedef struct ngx_hd_probe_type_s  ngx_hd_probe_type_t;


#define NGX_HD_FRESH    64             /* addresses by DNS seated at once */


typedef enum {
    NGX_HD_ROLE_ANY = 0,
    NGX_HD_ROLE_PRIMARY,
    NGX_HD_ROLE_REPLICA
} ngx_hd_role_e;


/* one header or param line */

typedef struct {
    ngx_str_t                     name;
    ngx_str_t                     value;        /* null-terminated */
    ngx_uint_t                    secret;       /* holds what a @FILE said */
} ngx_hd_pair_t;


/* one step of a dialogue over tcp, tls or udp: bytes sent, or expected */

typedef struct {
    ngx_str_t                     op;           /* "~", "~*", "=": bytes
                                                   expected; "": sent */
    ngx_str_t                     text;         /* escapes decoded, a pattern
                                                   as written */
    ngx_hd_regex_t               *re;           /* of "~" and "~*" */
    ngx_uint_t                    secret;       /* what a @FILE said */
} ngx_hd_step_t;


/*
 * How to ask, what to expect, how often: one healthdash_check or one
 * healthdash_service after its probe= block and the defaults were merged in.
 * A healthdash_probe block is one of these with what it does not say unset.
 */

struct ngx_hd_check_s {
    ngx_str_t                     name;         /* of the probe block or "" */
    ngx_str_t                     type_name;    /* "http" */
    const ngx_hd_probe_type_t    *type;

    ngx_msec_t                    interval;
    ngx_msec_t                    fast;
    ngx_msec_t                    timeout;
    ngx_msec_t                    slow;         /* 0: off */
    ngx_uint_t                    jitter;       /* percent of interval */
    ngx_hd_rules_t                rules;        /* fails, passes, flap */
    ngx_uint_t                    initial;      /* ngx_hd_initial_e */
    ngx_uint_t                    trusted;      /* initial=up was said, and not
                                                   only left at its default */
    ngx_uint_t                    min_up;
    ngx_uint_t                    min_up_percent;   /* min_up is a percentage */
    ngx_uint_t                    max_servers;  /* by "resolve", probed */
    ngx_uint_t                    observe;      /* mode=observe */
    ngx_msec_t                    slow_start;   /* 0: off */

    ngx_str_t                     uri;
    ngx_uint_t                    uri_secret;   /* of a @FILE: never printed */
    ngx_str_t                     method;
    ngx_str_t                     host;         /* "": by upstream or URL */
    in_port_t                     port;         /* 0: the server's */
    ngx_uint_t                    http;         /* 11 */
    ngx_flag_t                    keepalive;
    ngx_str_t                     body;         /* of the request */
    ngx_str_t                     user_agent;
    ngx_array_t                  *headers;      /* ngx_hd_pair_t, or NULL:
                                                   header lines */
    ngx_array_t                  *params;       /* the same: param lines */
    ngx_array_t                  *steps;        /* ngx_hd_step_t, or NULL */
    ngx_array_t                  *secrets;      /* ngx_str_t, or NULL: masked
                                                   in all a target sends */
    ngx_str_t                     user;
    ngx_str_t                     password;     /* secret: never printed */
    ngx_str_t                     database;
    ngx_str_t                     query;
    ngx_uint_t                    role;         /* ngx_hd_role_e */
    ngx_msec_t                    max_lag;      /* 0: off */
    ngx_str_t                     service;      /* gRPC: whose health */
    ngx_str_t                     qname;        /* DNS: name= */
    ngx_uint_t                    qtype;        /* DNS: record=, RFC 1035 */
    ngx_uint_t                    rcode;        /* DNS: expected */
    ngx_str_t                     item;         /* memcached: a key to get */
    ngx_msec_t                    grace;        /* heartbeat */
    ngx_str_t                     token;        /* heartbeat, secret */
    size_t                        body_limit;

    ngx_uint_t                    proxy_protocol;   /* 0, 1 or 2 */
    ngx_str_t                     source;       /* address probes come from */
    ngx_addr_t                   *local;        /* the same, or NULL */
    ngx_uint_t                    all;          /* addresses=all */
    ngx_uint_t                    prefer;       /* 0, AF_INET or AF_INET6 */

    ngx_flag_t                    tls;          /* the type speaks TLS */
    ngx_flag_t                    starttls;
    ngx_uint_t                    min_tls;      /* 0, 12 or 13 */
    ngx_flag_t                    verify;
    ngx_str_t                     ca;
    ngx_str_t                     cert;
    ngx_str_t                     key;
    ngx_str_t                     sni;          /* name sent and verified */

    ngx_str_t                     group;
    ngx_str_t                     description;
    ngx_str_t                     link;
    ngx_flag_t                    critical;

    ngx_array_t                  *conds;        /* ngx_hd_cond_t, or NULL */
    ngx_str_t                     request;      /* bytes to send, or "" */
    void                         *tls_ctx;      /* ngx_ssl_t, see tls.h */
    void                         *trust;        /* X509_STORE, see cert.h */
    void                         *data;         /* of the type's prepare */

    u_char                       *file_name;    /* of the directive */
    ngx_uint_t                    line;
};


/* one thing to probe: a server of an upstream by one check, or a service */

struct ngx_hd_target_s {
    ngx_hd_check_t               *check;
    ngx_hd_upstream_t            *upstream;     /* NULL: a service */
    ngx_str_t                     name;         /* of the server or service */
    ngx_str_t                     address;      /* shown: "10.0.0.1:80", URL
                                                   without password */

    struct sockaddr              *sockaddr;     /* NULL: resolve host */
    socklen_t                     socklen;
    ngx_addr_t                   *addrs;        /* of a name that was looked up
                                                   at start, sockaddr first */
    ngx_uint_t                    naddrs;
    ngx_str_t                     host;         /* to resolve at each probe;
                                                   of disk:/path the path */
    in_port_t                     port;         /* beside host */

    u_char                        id[NGX_HD_ID_LEN];
    ngx_uint_t                    index;        /* in main conf targets */
    ngx_uint_t                    record;       /* in the zone; set by store */
    ngx_uint_t                    namesake;     /* of a service: upstream of its
                                                   name, index + 1; 0: none */
    ngx_hd_main_conf_t           *main;

    ngx_uint_t                    sentinel;     /* of healthdash_guard */

    unsigned                      spare:1;      /* for an address by DNS: name,
                                                   address, sockaddr and id are
                                                   the worker's then, see
                                                   ngx_hd_place.h */
    unsigned                      absent:1;     /* worker: of a spare one: there
                                                   is nothing to probe */

    ngx_connection_t             *kept;         /* worker: keepalive=on */
    void                         *task;         /* worker: of the scheduler */
};


/* one address in an upstream and the targets that speak for it */

typedef struct {
    ngx_str_t                     name;         /* as nginx prints it */
    ngx_str_t                     server;       /* as configured */
    struct sockaddr              *sockaddr;
    socklen_t                     socklen;
    ngx_hd_target_t             **targets;      /* one a check */
    uint64_t                      seen;         /* worker: recoveries known */
    ngx_uint_t                    back;         /* worker: one more since */
    ngx_uint_t                    share;        /* worker: see ngx_hd_ramp.h */
    ngx_uint_t                    credit;       /* worker: requests that are
                                                   its due, as many times
                                                   NGX_HD_RAMP_FULL */

    /* worker: of a spare one, as its place in the zone was when copied */

    uint64_t                      version;      /* 0: no address */
    uint64_t                      gone;         /* ngx_hd_gone() */
} ngx_hd_server_t;


/* an address that nginx's list has and no server, by DNS */

typedef struct {
    ngx_sockaddr_t                sockaddr;
    socklen_t                     socklen;
} ngx_hd_fresh_t;


struct ngx_hd_upstream_s {
    ngx_str_t                     name;
    ngx_http_upstream_srv_conf_t *uscf;
    ngx_http_upstream_init_peer_pt
                                  init_peer;    /* what ours calls through to */
    ngx_array_t                   checks;       /* ngx_hd_check_t * */
    ngx_hd_check_t               *labels;       /* whose description, link ...
                                                   stand for the upstream */
    ngx_hd_server_t              *servers;      /* backups included */
    ngx_uint_t                    nservers;
    ngx_hd_server_t              *spares;       /* for addresses by DNS */
    ngx_uint_t                    nspares;      /* 0: none has "resolve" */
    ngx_uint_t                    fixed;        /* peers of nginx.conf, if
                                                   there are spare servers */
    uint64_t                     *listed;       /* worker: of each spare one:
                                                   its version, if nginx's list
                                                   has it */
    u_char                       *news;         /* worker: of each spare one:
                                                   ngx_hd_event_e, or 0 */
    ngx_hd_fresh_t               *fresh;        /* worker: NGX_HD_FRESH of them
                                                   at a time */
    uint64_t                      group;        /* by name, for the zone */
    ngx_uint_t                    min_up;
    ngx_uint_t                    min_up_percent;
    ngx_uint_t                    namesake;     /* service of its name: index
                                                   + 1; 0: none */
    ngx_uint_t                    word;         /* in zone->changes */
    uint64_t                      applied;      /* worker: value of the word */
    ngx_uint_t                    config;       /* worker: of nginx's list, as
                                                   it was applied to */
    ngx_uint_t                    followed;     /* worker: the same, when spare
                                                   places were given */
    uint64_t                      places;       /* worker: a sum over them, as
                                                   they were then */
    uint64_t                      ramp_end;     /* worker: when no server ramps
                                                   any more, monotonic, msec;
                                                   0: none does */
    ngx_hd_main_conf_t           *main;
};


/* so many probes of a worker at once, and of one address, unless said */

#define NGX_HD_INFLIGHT          256
#define NGX_HD_PER_ADDRESS       32
/* healthdash_state_file; all names are null-terminated */

typedef struct {
    ngx_str_t                     name;         /* "": none */
    ngx_str_t                     folder;
    ngx_str_t                     temp;         /* where it is written first */
    ngx_str_t                     bad;          /* what is of no use is kept */
    ngx_core_conf_t              *core;         /* as whom workers run */
    ngx_uint_t                    restored;     /* targets known from it */
    uint64_t                      age;          /* msec, when it was read */
    u_char                       *file_name;    /* of the directive */
    ngx_uint_t                    line;
} ngx_hd_state_file_t;


struct ngx_hd_main_conf_s {
    ngx_array_t                   probes;       /* ngx_hd_check_t * */
    ngx_array_t                   targets;      /* ngx_hd_target_t * */
    ngx_array_t                   services;     /* ngx_hd_target_t * */
    ngx_array_t                   upstreams;    /* ngx_hd_upstream_t * */
    ngx_array_t                   readies;      /* pointers: of ready.c */
    ngx_array_t                  *stores;       /* of ngx_hd_cert.c, or NULL */

    ngx_str_t                     title;
    ngx_str_t                     zone_name;
    size_t                        zone_size;    /* 0: by configuration */
    ngx_shm_zone_t               *shm_zone;     /* NULL: nothing to probe */
    ngx_hd_zone_t                *zone;         /* mapped; set by store */
    uint64_t                      generation;   /* of this cycle; by store */

    ngx_hd_state_file_t           state_file;
    ngx_resolver_t               *resolver;     /* of http{}, or NULL */
    ngx_uint_t                    guard;        /* percent; 0: off */
    ngx_msec_t                    guard_hold;
    ngx_array_t                  *sentinels;    /* ngx_str_t: names, or NULL */
    ngx_hd_check_t               *guard_place;  /* where it stands, or NULL */
    ngx_uint_t                    rate_set;     /* healthdash_rate was read */
    ngx_uint_t                    rate;         /* probes a second; 0: no
                                                   limit */
    ngx_uint_t                    inflight;     /* probes of a worker at once */
    ngx_uint_t                    per_address;  /* of these, of one address */
    ngx_uint_t                    workers;
    ngx_uint_t                    status;       /* a status location exists */
    void                         *worker;       /* worker: of the scheduler */
    ngx_uint_t                    files;        /* worker: connections that the
                                                   limit of files allows */
    void                         *local;        /* worker: of ngx_hd_local.c */
    void                         *curl;         /* worker: of libcurl */
    void                         *saver;        /* worker: of ngx_hd_saver.c */
    void                         *hub;          /* worker: of live viewers */
    off_t                         held;         /* the same: bytes that are
                                                   kept for slow clients */
    off_t                         pictures;     /* the same: of answers */
    ngx_queue_t                   waiting;      /* the same: for room */
    ngx_msec_t                    refused;      /* the same: last told of */
};


#endif /* _NGX_HD_CONF_H_INCLUDED_ */
