
/*
 * healthdash: the words.  Owns the one table that says for each reason to
 * which layer it belongs and what log, page and JSON call it; log and page
 * can not disagree because there is no second table.  Called by everything
 * that finishes a probe or shows one.  Touches nothing but its arguments.
 */


#include <ngx_hd_reason.h>
#include <ngx_hd_utf8.h>


static void ngx_hd_result_judge(ngx_hd_result_t *result,
    ngx_hd_reason_e reason);
static void ngx_hd_result_clean(ngx_hd_result_t *result, u_char *end);


static const ngx_hd_reason_t  ngx_hd_reasons[NGX_HD_REASONS] = {

    [NGX_HD_R_NONE] =
        { "none", "none", "passed" },

    [NGX_HD_R_RESOLVE_NOT_FOUND] =
        { "resolve", "resolve_not_found", "host name not found" },
    [NGX_HD_R_RESOLVE_TIMEOUT] =
        { "resolve", "resolve_timeout", "name lookup timed out" },
    [NGX_HD_R_RESOLVE_FAILED] =
        { "resolve", "resolve_failed", "name lookup failed" },

    [NGX_HD_R_CONNECT_REFUSED] =
        { "connect", "connect_refused", "connection refused" },
    [NGX_HD_R_CONNECT_TIMEOUT] =
        { "connect", "connect_timeout", "connect timed out" },
    [NGX_HD_R_CONNECT_UNREACHABLE] =
        { "connect", "connect_unreachable", "host or network unreachable" },
    [NGX_HD_R_CONNECT_RESET] =
        { "connect", "connect_reset", "connection reset while connecting" },
    [NGX_HD_R_CONNECT_NO_SOCKET] =
        { "connect", "connect_no_socket", "unix socket does not exist" },
    [NGX_HD_R_CONNECT_DENIED] =
        { "connect", "connect_denied", "no permission to connect" },
    [NGX_HD_R_CONNECT_FAILED] =
        { "connect", "connect_failed", "connect failed" },

    [NGX_HD_R_TLS_TIMEOUT] =
        { "tls", "tls_timeout", "tls handshake timed out" },
    [NGX_HD_R_TLS_HANDSHAKE] =
        { "tls", "tls_handshake", "tls handshake failed" },
    [NGX_HD_R_TLS_CLOSED] =
        { "tls", "tls_closed", "connection closed during tls handshake" },
    [NGX_HD_R_TLS_EXPIRED] =
        { "tls", "tls_expired", "certificate expired" },
    [NGX_HD_R_TLS_NOT_YET_VALID] =
        { "tls", "tls_not_yet_valid", "certificate not yet valid" },
    [NGX_HD_R_TLS_UNTRUSTED] =
        { "tls", "tls_untrusted", "certificate not trusted" },
    [NGX_HD_R_TLS_NAME] =
        { "tls", "tls_name", "certificate is for another name" },
    [NGX_HD_R_TLS_NO_CERT] =
        { "tls", "tls_no_cert", "no certificate sent" },
    [NGX_HD_R_TLS_REFUSED] =
        { "tls", "tls_refused", "the server does not offer tls" },
    [NGX_HD_R_TLS_VERSION] =
        { "tls", "tls_version", "tls version too old" },

    [NGX_HD_R_RESPONSE_TIMEOUT] =
        { "response", "response_timeout", "response timed out" },
    [NGX_HD_R_RESPONSE_CLOSED] =
        { "response", "response_closed", "connection closed without response" },
    [NGX_HD_R_RESPONSE_RESET] =
        { "response", "response_reset", "connection reset during response" },
    [NGX_HD_R_RESPONSE_CUT] =
        { "response", "response_cut", "response cut short" },
    [NGX_HD_R_RESPONSE_INVALID] =
        { "response", "response_invalid", "invalid response" },
    [NGX_HD_R_RESPONSE_HEADER_SIZE] =
        { "response", "response_header_size", "response header too large" },
    [NGX_HD_R_RESPONSE_FAILED] =
        { "response", "response_failed", "response failed" },

    [NGX_HD_R_PROTOCOL_ERROR] =
        { "service", "error_answer", "the server answered with an error" },
    [NGX_HD_R_LOGIN] =
        { "service", "login", "log-in refused" },
    [NGX_HD_R_QUERY] =
        { "service", "query", "query failed" },
    [NGX_HD_R_NOT_SERVING] =
        { "service", "not_serving", "not serving" },
    [NGX_HD_R_ROLE] =
        { "service", "role", "wrong role" },
    [NGX_HD_R_LAG] =
        { "service", "lag", "replication lag" },

    [NGX_HD_R_HEARTBEAT_MISSING] =
        { "heartbeat", "heartbeat_missing", "no heartbeat" },
    [NGX_HD_R_HEARTBEAT_STATUS] =
        { "heartbeat", "heartbeat_status", "the heartbeat reports" },
    [NGX_HD_R_SYSTEM_TIMEOUT] =
        { "system", "system_timeout", "the system did not answer" },
    [NGX_HD_R_SYSTEM_ERROR] =
        { "system", "system_error", "the system answered with an error" },

    [NGX_HD_R_STATUS] =
        { "condition", "http_status", "http status" },
    [NGX_HD_R_HEADER] =
        { "condition", "header", "header" },
    [NGX_HD_R_BODY] =
        { "condition", "body", "body" },
    [NGX_HD_R_STEP] =
        { "condition", "step", "step" },
    [NGX_HD_R_JSON] =
        { "condition", "json", "json" },
    [NGX_HD_R_VALUE] =
        { "condition", "value", "value" },
    [NGX_HD_R_ROW] =
        { "condition", "row", "row" },
    [NGX_HD_R_CERT_DAYS] =
        { "condition", "cert_days", "cert_days" },
    [NGX_HD_R_TIME] =
        { "condition", "time", "time" },
    [NGX_HD_R_SLOW] =
        { "condition", "slow", "slow" },

    [NGX_HD_R_LOCAL_FILES] =
        { "local", "local_files", "nginx is out of file descriptors" },
    [NGX_HD_R_LOCAL_CONNECTIONS] =
        { "local", "local_connections", "nginx is out of worker_connections" },
    [NGX_HD_R_LOCAL_MEMORY] =
        { "local", "local_memory", "nginx is out of memory" },
    [NGX_HD_R_LOCAL_BLOCKED] =
        { "local", "local_blocked", "the worker process was blocked" },
    [NGX_HD_R_LOCAL_ERROR] =
        { "local", "local_error", "the probe could not be made" }
};


/* where the text above only begins what a probe goes on to say */

static const char * const  ngx_hd_reason_generals[NGX_HD_REASONS] = {

    [NGX_HD_R_LAG] = "replication lags behind",
    [NGX_HD_R_HEARTBEAT_STATUS] = "the heartbeat reports a problem",
    [NGX_HD_R_STATUS] = "unexpected http status",
    [NGX_HD_R_HEADER] = "unexpected header",
    [NGX_HD_R_BODY] = "unexpected body",
    [NGX_HD_R_STEP] = "unexpected answer",
    [NGX_HD_R_JSON] = "unexpected json",
    [NGX_HD_R_VALUE] = "unexpected value",
    [NGX_HD_R_ROW] = "unexpected row",
    [NGX_HD_R_CERT_DAYS] = "certificate ends soon",
    [NGX_HD_R_TIME] = "too slow",
    [NGX_HD_R_SLOW] = "slower than it should be"
};


static const char * const  ngx_hd_state_words[NGX_HD_STATES] = {
    [NGX_HD_STATE_UNKNOWN] = "unknown",
    [NGX_HD_STATE_UP] = "up",
    [NGX_HD_STATE_DEGRADED] = "degraded",
    [NGX_HD_STATE_DOWN] = "down",
    [NGX_HD_STATE_PAUSED] = "paused"
};


const ngx_hd_reason_t *
ngx_hd_reason(ngx_uint_t reason)
{
    if (reason >= NGX_HD_REASONS) {
        reason = NGX_HD_R_NONE;
    }

    return &ngx_hd_reasons[reason];
}


const char *
ngx_hd_reason_general(ngx_uint_t reason)
{
    if (reason < NGX_HD_REASONS && ngx_hd_reason_generals[reason]) {
        return ngx_hd_reason_generals[reason];
    }

    return ngx_hd_reason(reason)->text;
}


const char *
ngx_hd_state_word(ngx_uint_t state)
{
    if (state >= NGX_HD_STATES) {
        state = NGX_HD_STATE_UNKNOWN;
    }

    return ngx_hd_state_words[state];
}


void
ngx_hd_result_set(ngx_hd_result_t *result, ngx_hd_reason_e reason,
    const char *fmt, ...)
{
    u_char   *p, *last;
    va_list   args;

    ngx_hd_result_judge(result, reason);

    p = result->detail;
    last = p + NGX_HD_DETAIL_LEN;

    if (result->reason != NGX_HD_R_NONE) {
        p = ngx_slprintf(p, last, "%s",
                         ngx_hd_reasons[result->reason].text);

        if (fmt != NULL) {
            p = ngx_slprintf(p, last, ": ");

            va_start(args, fmt);
            p = ngx_vslprintf(p, last, fmt, args);
            va_end(args);
        }
    }

    ngx_hd_result_clean(result, p);
}


void
ngx_hd_result_say(ngx_hd_result_t *result, ngx_hd_reason_e reason,
    const char *fmt, ...)
{
    u_char   *p, *last;
    va_list   args;

    ngx_hd_result_judge(result, reason);

    last = result->detail + NGX_HD_DETAIL_LEN;

    va_start(args, fmt);
    p = ngx_vslprintf(result->detail, last, fmt, args);
    va_end(args);

    ngx_hd_result_clean(result, p);
}


static void
ngx_hd_result_judge(ngx_hd_result_t *result, ngx_hd_reason_e reason)
{
    /* a number from nowhere is our error and must not pass as health */

    if ((ngx_uint_t) reason >= NGX_HD_REASONS) {
        reason = NGX_HD_R_LOCAL_ERROR;
    }

    result->reason = reason;

    if (reason == NGX_HD_R_NONE) {
        result->verdict = NGX_HD_PASS;

    } else if (reason == NGX_HD_R_SLOW) {
        result->verdict = NGX_HD_WARN;

    } else if (reason >= NGX_HD_R_LOCAL_FILES) {
        result->verdict = NGX_HD_INCONCLUSIVE;

    } else {
        result->verdict = NGX_HD_FAIL;
    }
}


static void
ngx_hd_result_clean(ngx_hd_result_t *result, u_char *end)
{
    size_t         start;
    uint32_t       code;
    const u_char  *p;

    p = result->detail;

    while (p < end) {
        start = p - result->detail;
        code = ngx_hd_utf8_decode(&p, end);

        if (code != NGX_HD_UTF8_BAD && !ngx_hd_utf8_is_control(code)) {
            continue;
        }

        /* a character that the end of the buffer cut is left out */

        if (code == NGX_HD_UTF8_BAD
            && p == result->detail + NGX_HD_DETAIL_LEN)
        {
            end = result->detail + start;
            break;
        }

        ngx_memset(result->detail + start, '?', p - result->detail - start);
    }

    result->len = (uint16_t) (end - result->detail);
}
