
/*
 * healthdash: heartbeats.  A location writes down that and what a service has
 * called in, in whichever worker the request came to, and makes the record due;
 * the lease holder looks then, and when the time is over.  Times are those of
 * the monotonic clock: a clock that is set makes nobody late.
 */


#include <ngx_hd_beat.h>
#include <ngx_hd_clock.h>
#include <ngx_hd_cond.h>
#include <ngx_hd_reason.h>
#include <ngx_hd_store.h>


#define NGX_HD_BEAT_AGAIN      60000   /* msec, so often a silence is told anew,
                                          its length is part of the sentence */
#define NGX_HD_BEAT_TIME       32      /* bytes of a printed time */


static ngx_slab_pool_t *ngx_hd_beat_pool(ngx_hd_target_t *t);
static void ngx_hd_beat_judge(ngx_hd_run_t *run, const ngx_hd_told_t *told);
static ngx_int_t ngx_hd_beat_silent(ngx_hd_run_t *run,
    const ngx_hd_told_t *told);
static u_char *ngx_hd_beat_expected(u_char *p, u_char *last,
    const ngx_hd_check_t *check);
static u_char *ngx_hd_beat_time(u_char *p, u_char *last, ngx_msec_t msec,
    ngx_uint_t least);
static ngx_uint_t ngx_hd_beat_equal(const ngx_str_t *given,
    const ngx_str_t *secret);
static ngx_uint_t ngx_hd_beat_is_heard(ngx_hd_main_conf_t *hmcf,
    ngx_hd_record_t *rec);


const char *
ngx_hd_beat_prepare(ngx_pool_t *pool, ngx_hd_check_t *check, ngx_str_t *host)
{
    return host->len ? "is called by its name, expected \"heartbeat:\" alone"
                     : NULL;
}


ngx_int_t
ngx_hd_beat_start(ngx_hd_run_t *run)
{
    ngx_hd_told_t     told;
    ngx_hd_record_t  *rec;
    ngx_hd_target_t  *t;
    ngx_slab_pool_t  *shpool;

    t = run->target;

    rec = ngx_hd_store_record(t->main, t);
    if (rec == NULL) {
        return NGX_DECLINED;
    }

    shpool = ngx_hd_beat_pool(t);

    ngx_shmtx_lock(&shpool->mutex);

    told = rec->told;

    ngx_shmtx_unlock(&shpool->mutex);

    run->next = (told.mono ? told.mono : told.known) + t->check->interval
                + t->check->grace;

    /* what was told before the machine's last boot was so below zero */

    if ((int64_t) (run->next - ngx_current_msec) <= 0) {
        return ngx_hd_beat_silent(run, &told);
    }

    if (told.mono == 0) {
        return NGX_DECLINED;
    }

    ngx_hd_beat_judge(run, &told);

    return NGX_ERROR;
}


static ngx_slab_pool_t *
ngx_hd_beat_pool(ngx_hd_target_t *t)
{
    return (ngx_slab_pool_t *) t->main->shm_zone->shm.addr;
}


static void
ngx_hd_beat_judge(ngx_hd_run_t *run, const ngx_hd_told_t *told)
{
    size_t       len;
    const char  *word;

    if (told->status == NGX_HD_PASS) {
        return;
    }

    word = (told->status == NGX_HD_WARN) ? "degraded" : "down";
    len = ngx_min(told->len, NGX_HD_MESSAGE_LEN);

    ngx_hd_result_set(&run->result, NGX_HD_R_HEARTBEAT_STATUS, "%s%s%*s",
                      word, len ? ": " : "", len, told->message);

    if (told->status == NGX_HD_WARN) {
        run->result.verdict = NGX_HD_WARN;
    }
}


static ngx_int_t
ngx_hd_beat_silent(ngx_hd_run_t *run, const ngx_hd_told_t *told)
{
    u_char           *p, *end;
    u_char            since[NGX_HD_BEAT_TIME], wanted[2 * NGX_HD_BEAT_TIME];
    ngx_hd_check_t   *check;

    check = run->target->check;
    end = ngx_hd_beat_expected(wanted, wanted + sizeof(wanted), check);

    run->next = ngx_current_msec + ngx_min(NGX_HD_BEAT_AGAIN, check->interval);

    if (told->mono == 0) {
        ngx_hd_result_say(&run->result, NGX_HD_R_HEARTBEAT_MISSING,
                          "no heartbeat yet, expected every %*s",
                          (size_t) (end - wanted), wanted);
        return NGX_ERROR;
    }

    p = ngx_hd_beat_time(since, since + sizeof(since),
                         ngx_current_msec - told->mono, 3);

    ngx_hd_result_say(&run->result, NGX_HD_R_HEARTBEAT_MISSING,
                      "no heartbeat for %*s, expected every %*s",
                      (size_t) (p - since), since,
                      (size_t) (end - wanted), wanted);

    return NGX_ERROR;
}


static u_char *
ngx_hd_beat_expected(u_char *p, u_char *last, const ngx_hd_check_t *check)
{
    p = ngx_hd_beat_time(p, last, check->interval, 0);

    if (check->grace) {
        p = ngx_slprintf(p, last, " plus ");
        p = ngx_hd_beat_time(p, last, check->grace, 0);
    }

    return p;
}


/*
 * In one unit: the largest that msec is a multiple of, or, with least, the
 * largest of which it is at least so many.
 */

static u_char *
ngx_hd_beat_time(u_char *p, u_char *last, ngx_msec_t msec, ngx_uint_t least)
{
    ngx_uint_t  i;

    static const struct {
        ngx_msec_t   msec;
        const char  *name;
    } units[] = {
        { 86400000, "d" }, { 3600000, "h" }, { 60000, "m" }, { 1000, "s" }
    };

    for (i = 0; i < sizeof(units) / sizeof(units[0]); i++) {

        if (least ? msec >= least * units[i].msec
                  : msec && msec % units[i].msec == 0)
        {
            return ngx_slprintf(p, last, "%M%s", msec / units[i].msec,
                                units[i].name);
        }
    }

    return ngx_slprintf(p, last, "%Mms", msec);
}


/* what was read in start is a copy */

void
ngx_hd_beat_release(ngx_hd_run_t *run)
{
}


ngx_int_t
ngx_hd_beat_find(ngx_hd_main_conf_t *hmcf, const ngx_str_t *name,
    const ngx_str_t *token, ngx_hd_target_t **found)
{
    ngx_str_t          secret;
    ngx_uint_t         i, guarded;
    ngx_hd_target_t  **t;

    *found = NULL;
    guarded = 0;

    t = hmcf->services.elts;

    for (i = 0; i < hmcf->services.nelts; i++) {

        if (!t[i]->check->type->told) {
            continue;
        }

        guarded |= (t[i]->check->token.len != 0);

        if (ngx_hd_cond_equal(&t[i]->name, name)) {
            *found = t[i];
        }
    }

    /* an unknown name has a token nobody can know */

    ngx_str_set(&secret, "\0");

    if (*found) {
        secret = (*found)->check->token;

    } else if (!guarded) {
        return NGX_ABORT;
    }

    if (secret.len && !ngx_hd_beat_equal(token, &secret)) {
        *found = NULL;
        return NGX_DECLINED;
    }

    return *found ? NGX_OK : NGX_DECLINED;
}


/* as long as what was given is, so that time tells nothing of the secret */

static ngx_uint_t
ngx_hd_beat_equal(const ngx_str_t *given, const ngx_str_t *secret)
{
    size_t           i;
    volatile u_char  differs;

    differs = (given->len != secret->len);

    for (i = 0; i < given->len; i++) {
        differs |= given->data[i] ^ secret->data[i % secret->len];
    }

    return !differs;
}


ngx_int_t
ngx_hd_beat_tell(ngx_hd_target_t *t, ngx_hd_verdict_e status,
    const ngx_str_t *message)
{
    ngx_str_t         cut;
    ngx_hd_record_t  *rec;
    ngx_slab_pool_t  *shpool;

    rec = ngx_hd_store_record(t->main, t);
    if (rec == NULL) {
        return NGX_DECLINED;
    }

    cut = ngx_hd_cond_cut(message, NGX_HD_MESSAGE_LEN);
    shpool = ngx_hd_beat_pool(t);

    ngx_shmtx_lock(&shpool->mutex);

    rec->told.mono = ngx_max(ngx_current_msec, 1);
    rec->told.wall = ngx_hd_wall();
    rec->told.status = status;
    rec->told.len = (uint32_t) cut.len;

    if (cut.len) {
        ngx_memcpy(rec->told.message, cut.data, cut.len);
    }

    ngx_shmtx_unlock(&shpool->mutex);

    ngx_hd_set(&rec->due, ngx_current_msec);

    return ngx_hd_beat_is_heard(t->main, rec) ? NGX_OK : NGX_DECLINED;
}


/*
 * A worker of the configuration before may have a record that is not the one
 * of this configuration any more.  Asked once all is written: what was written
 * before the master has counted the generation up is in the new record, too.
 */

static ngx_uint_t
ngx_hd_beat_is_heard(ngx_hd_main_conf_t *hmcf, ngx_hd_record_t *rec)
{
    uint64_t  generation;

    generation = ngx_hd_load(&hmcf->zone->generation);

    return generation == hmcf->generation
           || generation == ngx_hd_load(&rec->generation);
}
