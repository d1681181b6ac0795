
/*
 * healthdash: the state file written.  Of all workers the one that holds the
 * lease in the zone looks every half second whether anything has changed, and
 * gives a thread the job to write it, for a dead file server makes a write
 * wait for ever.  How the thread writes is ngx_hd_job.c.
 */


#include <ngx_hd_clock.h>
#include <ngx_hd_job.h>
#include <ngx_hd_restore.h>
#include <ngx_hd_saver.h>
#include <ngx_hd_store.h>
#include <ngx_hd_thread.h>


#define NGX_HD_SAVER_TICK      500     /* msec between two looks */
#define NGX_HD_SAVER_LEASE     3000    /* msec, of the writer */
#define NGX_HD_SAVER_EVERY     4000    /* msec between two beginnings */
#define NGX_HD_SAVER_AGAIN     30000   /* msec, after a second failure */
#define NGX_HD_SAVER_SLOW      30000   /* msec, then it is told */
#define NGX_HD_SAVER_LAST      2000    /* msec to wait at the end */
#define NGX_HD_SAVER_TERM      500     /* the same when it is to end at once */
#define NGX_HD_SAVER_LOG       3600000 /* msec between two lines */


/* the first fields are for ngx_event_ident() */

typedef struct {
    ngx_hd_main_conf_t  *main;
    ngx_hd_job_t        *job;           /* under way, or NULL */
    void                *dummy;
    ngx_socket_t         fd;

    ngx_event_t          timer;
    uint64_t             begun;         /* monotonic, msec: of the last job */
    ngx_msec_t           pause;         /* from then on */
    ngx_uint_t           failures;      /* one after the other */
} ngx_hd_saver_t;


static void ngx_hd_saver_timer_handler(ngx_event_t *ev);
static ngx_uint_t ngx_hd_saver_is_over(ngx_hd_saver_t *s);
static ngx_uint_t ngx_hd_saver_claim(ngx_hd_saver_t *s);
static ngx_uint_t ngx_hd_saver_is_held(uint64_t word);
static void ngx_hd_saver_release(ngx_hd_saver_t *s);
static ngx_uint_t ngx_hd_saver_is_ours(uint64_t word);
static void ngx_hd_saver_look(ngx_hd_saver_t *s);
static uint64_t ngx_hd_saver_sum(ngx_hd_main_conf_t *hmcf);
static void ngx_hd_saver_begin(ngx_hd_saver_t *s, uint64_t sum);
static ngx_hd_job_t *ngx_hd_saver_job(ngx_hd_saver_t *s, uint64_t sum);
static void ngx_hd_saver_end(ngx_hd_saver_t *s);
static void ngx_hd_saver_failed(ngx_hd_saver_t *s, uint64_t wrong);
static void ngx_hd_saver_last(ngx_hd_saver_t *s);


ngx_int_t
ngx_hd_saver_init_worker(ngx_cycle_t *cycle, ngx_hd_main_conf_t *hmcf)
{
    ngx_hd_saver_t  *s;

    if (hmcf->state_file.name.len == 0) {
        return NGX_OK;
    }

    s = ngx_pcalloc(cycle->pool, sizeof(ngx_hd_saver_t));
    if (s == NULL) {
        return NGX_ERROR;
    }

    s->main = hmcf;
    s->fd = (ngx_socket_t) -1;

    s->timer.handler = ngx_hd_saver_timer_handler;
    s->timer.data = s;
    s->timer.log = cycle->log;
    s->timer.cancelable = 1;

    hmcf->saver = s;

    /*
     * Workers of ours were there a moment ago, or the configuration has just
     * come into force, or there is something to learn.  To read takes its time
     * where the file system is slow, and a reload must not wait for a dead one.
     */

    if (!ngx_hd_saver_is_held(ngx_hd_load(&hmcf->zone->saved.lease))
        && ngx_hd_wall() - hmcf->zone->load_time > NGX_HD_SAVER_LEASE)
    {
        ngx_hd_restore_overtaken(cycle, hmcf);
    }

    ngx_add_timer(&s->timer, NGX_HD_SAVER_TICK);

    return NGX_OK;
}


static void
ngx_hd_saver_timer_handler(ngx_event_t *ev)
{
    ngx_hd_saver_t  *s;

    s = ev->data;

    if (s->job && ngx_hd_job_is_done(s->job)) {
        ngx_hd_saver_end(s);
    }

    if (ngx_hd_saver_is_over(s)) {

        if (s->job == NULL) {
            ngx_hd_saver_release(s);
            return;
        }

    } else if (ngx_hd_saver_claim(s)) {
        ngx_hd_saver_look(s);
    }

    ngx_add_timer(&s->timer, NGX_HD_SAVER_TICK);
}


/* workers of a newer configuration go on */

static ngx_uint_t
ngx_hd_saver_is_over(ngx_hd_saver_t *s)
{
    return ngx_hd_load(&s->main->zone->generation) != s->main->generation;
}


/* takes the lease, or keeps it; 0: it is another worker's */

static ngx_uint_t
ngx_hd_saver_claim(ngx_hd_saver_t *s)
{
    uint64_t  word;

    word = ngx_hd_load(&s->main->zone->saved.lease);

    if (ngx_hd_saver_is_held(word)) {
        return 0;
    }

    return ngx_hd_cas(&s->main->zone->saved.lease, &word,
                      (uint64_t) ngx_pid << 32
                      | (uint32_t) (ngx_hd_now_usec() / 1000
                                    + NGX_HD_SAVER_LEASE));
}


/*
 * By another worker.  One of another boot, or of long ago, may seem to last for
 * days.  The time is read after the word: nginx's own may be older than that.
 */

static ngx_uint_t
ngx_hd_saver_is_held(uint64_t word)
{
    int32_t  left;

    left = (int32_t) ((uint32_t) word
                      - (uint32_t) (ngx_hd_now_usec() / 1000));

    return word && !ngx_hd_saver_is_ours(word)
           && left > 0 && left <= NGX_HD_SAVER_LEASE;
}


static void
ngx_hd_saver_release(ngx_hd_saver_t *s)
{
    uint64_t  word;

    word = ngx_hd_load(&s->main->zone->saved.lease);

    if (ngx_hd_saver_is_ours(word)) {
        (void) ngx_hd_cas(&s->main->zone->saved.lease, &word, 0);
    }
}


static ngx_uint_t
ngx_hd_saver_is_ours(uint64_t word)
{
    return word >> 32 == (uint32_t) ngx_pid;
}


static void
ngx_hd_saver_look(ngx_hd_saver_t *s)
{
    uint64_t  sum, away;

    away = ngx_hd_since(s->begun, ngx_current_msec);

    if (s->job) {

        if (away >= NGX_HD_SAVER_SLOW) {
            ngx_hd_saver_failed(s, (uint64_t) NGX_HD_JOB_SLOW << 32);
        }

        return;
    }

    if (s->begun && away < s->pause) {
        return;
    }

    sum = ngx_hd_saver_sum(s->main);

    if (sum != ngx_hd_load(&s->main->zone->saved.sum)) {
        ngx_hd_saver_begin(s, sum);
    }
}


/* over everything that moves when there is something new, and where it goes */

static uint64_t
ngx_hd_saver_sum(ngx_hd_main_conf_t *hmcf)
{
    uint64_t           sum, word[3];
    ngx_str_t         *name;
    ngx_uint_t         i;
    ngx_hd_record_t   *rec;
    ngx_hd_target_t  **t;

    name = &hmcf->state_file.name;

    word[0] = ngx_hd_load(&hmcf->zone->nevents);
    word[1] = hmcf->generation << 32
              | ngx_murmur_hash2(name->data, name->len);

    sum = ngx_hd_words_sum(word, 2, 0);

    t = hmcf->targets.elts;

    for (i = 0; i < hmcf->targets.nelts; i++) {
        rec = ngx_hd_store_record(hmcf, t[i]);

        if (rec) {
            /* the count alone: a look that found nothing moves the epoch */

            word[0] = (uint32_t) ngx_hd_load(&rec->seq);
            word[1] = ngx_hd_load(&rec->told.mono);
            word[2] = ngx_hd_load(&rec->place.gone);

            sum = ngx_hd_words_sum(word, 3, sum);
        }
    }

    return sum;
}


static void
ngx_hd_saver_begin(ngx_hd_saver_t *s, uint64_t sum)
{
    int            err;
    ngx_hd_job_t  *job;

    s->begun = ngx_hd_now_usec() / 1000;
    s->pause = NGX_HD_SAVER_EVERY;

    job = ngx_hd_saver_job(s, sum);
    if (job == NULL) {
        ngx_hd_saver_failed(s, (uint64_t) NGX_HD_JOB_MEMORY << 32);
        return;
    }

    err = (ngx_hd_thread_pin() == NGX_OK)
          ? ngx_hd_thread_spawn(ngx_hd_job_thread, job) : ENOTSUP;

    if (err) {
        ngx_hd_job_free(job);
        ngx_hd_saver_failed(s, (uint64_t) NGX_HD_JOB_THREAD << 32 | err);
        return;
    }

    s->job = job;
}


/* which records are whose does not change while this configuration is in use */

static ngx_hd_job_t *
ngx_hd_saver_job(ngx_hd_saver_t *s, uint64_t sum)
{
    ngx_uint_t           i, n;
    ngx_hd_job_t        *job;
    ngx_hd_target_t    **t;
    ngx_hd_main_conf_t  *hmcf;

    hmcf = s->main;

    job = ngx_hd_job_create(&hmcf->state_file, hmcf->targets.nelts,
                            s->timer.log);
    if (job == NULL) {
        return NULL;
    }

    job->zone = hmcf->zone;
    job->generation = hmcf->generation;
    job->instance = hmcf->zone->saved.instance;
    job->pid = ngx_pid;
    job->master = (ngx_process == NGX_PROCESS_SINGLE) ? ngx_pid : getppid();
    job->sum = sum;

    t = hmcf->targets.elts;

    /* a spare server without an address has nothing to keep */

    for (n = 0, i = 0; i < hmcf->targets.nelts; i++) {

        if (ngx_hd_store_record(hmcf, t[i])) {
            job->record[n++] = (uint32_t) t[i]->record;
        }
    }

    job->nrecords = n;

    return job;
}


/* what came of a job that is done */

static void
ngx_hd_saver_end(ngx_hd_saver_t *s)
{
    uint64_t         wrong;
    ngx_hd_job_t    *job;
    ngx_hd_saved_t  *saved;

    job = s->job;
    s->job = NULL;

    wrong = (uint64_t) job->step << 32 | (uint32_t) job->err;
    saved = &s->main->zone->saved;

    if (job->step == NGX_HD_JOB_LEFT
        || !ngx_hd_saver_is_ours(ngx_hd_load(&saved->lease)))
    {
        /* another one writes: it knows more, and tells */

    } else if (job->step == NGX_HD_JOB_NONE) {
        ngx_hd_set(&saved->saved, job->head.wall);
        ngx_hd_set(&saved->sum, job->sum);
        s->failures = 0;

        if (ngx_hd_load(&saved->wrong)) {
            ngx_hd_set(&saved->wrong, 0);
            ngx_log_error(NGX_LOG_NOTICE, s->timer.log, 0,
                          "healthdash: state file \"%V\" is written again",
                          &s->main->state_file.name);
        }

    } else {
        ngx_hd_saver_failed(s, wrong);
    }

    ngx_hd_job_free(job);
}


static void
ngx_hd_saver_failed(ngx_hd_saver_t *s, uint64_t wrong)
{
    u_char           text[NGX_HD_SAVER_TEXT];
    u_char          *p;
    uint64_t         told, now;
    ngx_hd_saved_t  *saved;

    /*
     * A later nginx that ends is followed at once, and what is wrong for a
     * moment must not cost half a minute; a full disk may wait.
     */

    s->pause = (wrong >> 32 == NGX_HD_JOB_OTHER || s->failures++ == 0)
               ? NGX_HD_SAVER_EVERY : NGX_HD_SAVER_AGAIN;

    saved = &s->main->zone->saved;

    ngx_hd_set(&saved->wrong, wrong);

    told = ngx_hd_load(&saved->told);
    now = ngx_hd_now_usec() / 1000;

    if ((told && ngx_hd_since(told, now) < NGX_HD_SAVER_LOG)
        || !ngx_hd_cas(&saved->told, &told, now))
    {
        return;
    }

    p = ngx_hd_saver_wrong(text, wrong);

    ngx_log_error(NGX_LOG_WARN, s->timer.log, 0,
                  "healthdash: state file \"%V\" is not written: %*s",
                  &s->main->state_file.name, (size_t) (p - text), text);
}


void
ngx_hd_saver_exit_worker(ngx_hd_main_conf_t *hmcf)
{
    ngx_hd_saver_t  *s;

    s = hmcf->saver;

    if (s == NULL) {
        return;
    }

    hmcf->saver = NULL;

    if (s->timer.timer_set) {
        ngx_del_timer(&s->timer);
    }

    /* a single process that reloads has clients that would have to wait */

    if (!ngx_hd_saver_is_over(s) && (ngx_exiting || ngx_terminate || ngx_quit))
    {
        ngx_hd_saver_last(s);
    }

    if (s->job) {
        ngx_hd_job_leave(s->job);
        s->job = NULL;
    }

    ngx_hd_saver_release(s);
}


/*
 * There is nobody left whom it could delay: a worker comes here when its
 * clients are gone, or when it was told not to care.
 */

static void
ngx_hd_saver_last(ngx_hd_saver_t *s)
{
    uint64_t    sum;
    ngx_msec_t  end, now;

    now = ngx_hd_now_usec() / 1000;
    end = now + (ngx_terminate ? NGX_HD_SAVER_TERM : NGX_HD_SAVER_LAST);

    if (s->job && ngx_hd_job_wait(s->job, end - now) == NGX_OK) {
        ngx_hd_saver_end(s);
    }

    if (s->job || !ngx_hd_saver_claim(s)) {
        return;
    }

    sum = ngx_hd_saver_sum(s->main);
    now = ngx_hd_now_usec() / 1000;

    if (sum == ngx_hd_load(&s->main->zone->saved.sum) || now >= end) {
        return;
    }

    ngx_hd_saver_begin(s, sum);

    if (s->job && ngx_hd_job_wait(s->job, end - now) == NGX_OK) {
        ngx_hd_saver_end(s);
    }
}


u_char *
ngx_hd_saver_wrong(u_char *p, uint64_t wrong)
{
    int         err;
    ngx_uint_t  step;

    static const char * const  steps[] = {
        [NGX_HD_JOB_NONE] = "",
        [NGX_HD_JOB_LEFT] = "it was given up",
        [NGX_HD_JOB_MEMORY] = "there is no memory",
        [NGX_HD_JOB_THREAD] = "no thread can be made",
        [NGX_HD_JOB_SLOW] = "the file system does not answer",
        [NGX_HD_JOB_ODD] = "there is something that is no regular file",
        [NGX_HD_JOB_OTHER] = "a later nginx writes it, process",
        [NGX_HD_JOB_FOLDER] = "the folder cannot be opened",
        [NGX_HD_JOB_CREATE] = "the file beside it cannot be created",
        [NGX_HD_JOB_WRITE] = "the file beside it cannot be written",
        [NGX_HD_JOB_RENAME] = "the file beside it cannot be renamed"
    };

    err = (int) (uint32_t) wrong;
    step = ngx_min(wrong >> 32, NGX_HD_JOB_RENAME);

    p = ngx_slprintf(p, p + NGX_HD_SAVER_TEXT, "%s", steps[step]);

    if (err == 0) {
        return p;
    }

    if (step == NGX_HD_JOB_OTHER) {
        return ngx_slprintf(p, p + NGX_INT_T_LEN + 1, " %d", err);
    }

    return ngx_slprintf(p, p + 80, ": %s", strerror(err));
}
