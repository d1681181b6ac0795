
/*
 * healthdash: what a probe learned beside its verdict, in words: TLS, a
 * measured value, the phases.  Called by the renderers.
 */


#include <ngx_hd_detail.h>
#include <ngx_hd_number.h>


#define NGX_HD_DETAIL_DAY      86400000    /* msec */


static ngx_uint_t ngx_hd_detail_number(ngx_hd_text_t *t, double value);


static const ngx_hd_detail_problem_t  ngx_hd_detail_table[] = {
    { NGX_HD_CERT_EXPIRED, "expired", "expired" },
    { NGX_HD_CERT_EARLY, "not_yet_valid", "not yet valid" },
    { NGX_HD_CERT_NAME, "wrong_name", "for another name" },
    { NGX_HD_CERT_UNTRUSTED, "untrusted", "not trusted" },
    { 0, NULL, NULL }
};


const ngx_hd_detail_problem_t *
ngx_hd_detail_problems(void)
{
    return ngx_hd_detail_table;
}


const char *
ngx_hd_detail_version(const ngx_hd_cert_t *cert)
{
    switch (cert->version) {

    case 0x0301:
        return "TLS 1.0";

    case 0x0302:
        return "TLS 1.1";

    case 0x0303:
        return "TLS 1.2";

    case 0x0304:
        return "TLS 1.3";

    default:
        return "TLS";
    }
}


int64_t
ngx_hd_detail_days(const ngx_hd_cert_t *cert, int64_t wall)
{
    int64_t  left;

    left = cert->not_after * 1000 - wall;

    return (left >= 0) ? left / NGX_HD_DETAIL_DAY
                       : -((NGX_HD_DETAIL_DAY - 1 - left)
                           / NGX_HD_DETAIL_DAY);
}


ngx_uint_t
ngx_hd_detail_has_tls(const ngx_hd_data_t *data)
{
    return data->cert.version || data->cert.not_after;
}


void
ngx_hd_detail_tls(ngx_hd_text_t *t, const ngx_hd_view_t *view,
    const ngx_hd_cert_t *cert,
    void (*escape)(ngx_hd_text_t *t, const u_char *data, size_t len))
{
    int64_t                         days;
    uint64_t                        n;
    const ngx_hd_detail_problem_t  *p;

    ngx_hd_text_add(t, ngx_hd_detail_version(cert));

    if (cert->not_after) {
        ngx_hd_text_add(t, ", certificate");

        if (cert->issuer_len) {
            ngx_hd_text_add(t, " issued by ");
            escape(t, cert->issuer, ngx_min(cert->issuer_len,
                                            NGX_HD_ISSUER_LEN));
        }

        days = ngx_hd_detail_days(cert, view->time);
        n = (uint64_t) ((days < 0) ? -(days + 1) : days);

        ngx_hd_text_add(t, (days < 0) ? " ended " : " ends in ");
        ngx_hd_text_uint(t, n);
        ngx_hd_text_add(t, (n == 1) ? " day" : " days");
        ngx_hd_text_add(t, (days < 0) ? " ago" : "");
    }

    for (p = ngx_hd_detail_table; p->bit; p++) {

        if (cert->wrong & p->bit) {
            ngx_hd_text_add(t, ", ");
            ngx_hd_text_add(t, p->text);
        }
    }
}


ngx_uint_t
ngx_hd_detail_value(ngx_hd_text_t *t, const ngx_hd_data_t *data)
{
    return data->has_value ? ngx_hd_detail_number(t, data->value) : 0;
}


void
ngx_hd_detail_measure(ngx_hd_text_t *t, const ngx_hd_data_t *data,
    const char *unit)
{
    double  value;

    value = data->value;

    /* what we measure is no better than that; what a server says stays */

    if (unit && value > -1e9 && value < 1e9) {
        value = (double) (int64_t) (value * 100 + (value < 0 ? -0.5 : 0.5))
                / 100;
    }

    if (data->has_value && ngx_hd_detail_number(t, value) && unit) {
        ngx_hd_text_add(t, unit);
    }
}


static ngx_uint_t
ngx_hd_detail_number(ngx_hd_text_t *t, double value)
{
    u_char           *p;
    u_char            buf[NGX_HD_NUMBER_LEN];
    ngx_hd_number_t   number;

    if (ngx_hd_number_real(value, &number) != NGX_OK) {
        return 0;
    }

    p = ngx_hd_number_print(buf, buf + sizeof(buf), value);
    ngx_hd_text_raw(t, buf, p - buf);

    return 1;
}


void
ngx_hd_detail_phases(ngx_hd_text_t *t, const uint32_t *phase, uint32_t usec)
{
    ngx_uint_t          i;
    static const char  *words[] = {
        [NGX_HD_PHASE_RESOLVE] = "resolve ",
        [NGX_HD_PHASE_CONNECT] = "connect ",
        [NGX_HD_PHASE_TLS] = "TLS ",
        [NGX_HD_PHASE_FIRST] = "first byte "
    };

    for (i = 0; i < NGX_HD_PHASES; i++) {

        if (phase[i]) {
            ngx_hd_text_add(t, words[i]);
            ngx_hd_text_msec(t, phase[i]);
            ngx_hd_text_add(t, " ms, ");
        }
    }

    ngx_hd_text_add(t, "total ");
    ngx_hd_text_msec(t, usec);
    ngx_hd_text_add(t, " ms");
}
