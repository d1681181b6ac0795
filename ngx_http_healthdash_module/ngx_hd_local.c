
/*
 * healthdash: what this machine tells about itself.  A dead file server makes
 * statvfs() wait for ever, and a dead lxcfs does the same to files of /proc, so
 * each look is a detached thread of its own, of which a target never has more
 * than one in a worker.
 *
 * Nobody waits for a thread.  It owns its job until it has written the job's
 * address to the worker's pipe; then the job is the worker's, and if there is
 * no worker any more, the thread frees it.
 */


#include <ngx_hd_clock.h>
#include <ngx_hd_local.h>
#include <ngx_hd_compat.h>
#include <ngx_hd_cond.h>
#include <ngx_hd_failure.h>
#include <ngx_hd_match.h>
#include <ngx_hd_match_facts.h>
#include <ngx_hd_measure.h>
#include <ngx_hd_reason.h>
#include <ngx_hd_thread.h>
#include <ngx_hd_watch.h>


#define NGX_HD_LOCAL_TURN      64      /* jobs taken in a turn of the loop */
#define NGX_HD_LOCAL_ZONE      95      /* percent, a zone nearly full */


typedef struct ngx_hd_local_s      ngx_hd_local_t;
typedef struct ngx_hd_local_job_s  ngx_hd_local_job_t;


/* what there is to know of a type; a NULL for measure: nginx itself */

typedef struct {
    ngx_str_t                   name;
    void                      (*measure)(ngx_hd_measure_t *m);
    const char                 *warn;           /* defaults, NULL: none */
    const char                 *fail;
    const char                 *system;         /* what does not answer */
} ngx_hd_local_kind_t;


/* check->data: of one target, for a service has its check to itself */

struct ngx_hd_local_s {
    const ngx_hd_local_kind_t  *kind;
    ngx_str_t                   name;           /* "disk /var" */
    ngx_str_t                   path;

    ngx_hd_local_job_t         *job;            /* worker: under way, or NULL */
    ngx_uint_t                  dropped;        /* worker: seen last */
    ngx_uint_t                  told;           /* worker: of them, told */
    unsigned                    counted:1;      /* worker: both are set */
};


/* followed by what the measure points to */

struct ngx_hd_local_job_s {
    ngx_hd_local_t             *local;          /* worker */
    ngx_hd_run_t               *run;            /* worker, NULL: given up */
    uint64_t                    start;          /* monotonic, usec */

    int                         fd;             /* where to write its address */
    void                      (*measure)(ngx_hd_measure_t *m);
    ngx_hd_measure_t            m;
};


/* hmcf->local: of one worker */

typedef struct {
    int                         fd[2];
    ngx_uint_t                  outstanding;    /* jobs not read yet */
    ngx_hd_watch_t              watch;
} ngx_hd_local_worker_t;


static const ngx_hd_local_kind_t *ngx_hd_local_kind(const ngx_str_t *name);
static const char *ngx_hd_local_defaults(ngx_pool_t *pool,
    ngx_hd_check_t *check, const ngx_hd_local_kind_t *kind);
static ngx_int_t ngx_hd_local_default(ngx_pool_t *pool, ngx_array_t *conds,
    const char *value, ngx_uint_t warn);
static ngx_int_t ngx_hd_local_begin(ngx_hd_run_t *run);
static ngx_int_t ngx_hd_local_stuck(ngx_hd_run_t *run);
static ngx_hd_local_worker_t *ngx_hd_local_worker(ngx_hd_run_t *run);
static ngx_hd_local_worker_t *ngx_hd_local_open(ngx_hd_run_t *run);
static ngx_hd_local_job_t *ngx_hd_local_job(ngx_hd_run_t *run);
static ngx_uint_t ngx_hd_local_pids(ngx_pid_t *pids);
static void *ngx_hd_local_thread(void *data);
static void ngx_hd_local_read_handler(ngx_hd_watch_t *watch,
    ngx_uint_t ready);
static void ngx_hd_local_done(ngx_hd_local_job_t *job);
static void ngx_hd_local_judge(ngx_hd_run_t *run, double value,
    const ngx_str_t *text);
static void ngx_hd_local_reword(ngx_hd_run_t *run,
    const ngx_hd_answer_t *answer, const ngx_str_t *text);
static void ngx_hd_local_nginx(ngx_hd_run_t *run);
static void ngx_hd_local_dropped(ngx_hd_run_t *run);
static void ngx_hd_local_zone(ngx_hd_run_t *run);


static const ngx_hd_local_kind_t  ngx_hd_local_kinds[] = {
    { ngx_string("disk"), ngx_hd_measure_disk, "85", "95",
      "the file system" },
    { ngx_string("memory"), ngx_hd_measure_memory, "90", "97", "the system" },
    { ngx_string("load"), ngx_hd_measure_load, "2", NULL, "the system" },
    { ngx_string("files"), ngx_hd_measure_files, "80", "95", "the system" },
    { ngx_string("nginx"), NULL, "80", "95", NULL }
};


const char *
ngx_hd_local_prepare(ngx_pool_t *pool, ngx_hd_check_t *check, ngx_str_t *host)
{
    ngx_hd_local_t             *local;
    const ngx_hd_local_kind_t  *kind;

    kind = ngx_hd_local_kind(&check->type->name);

    if (kind->measure == ngx_hd_measure_disk) {

        if (host->len == 0 || host->data[0] != '/') {
            return "needs a path, expected one such as disk:/var";
        }

    } else if (host->len) {
        return "is about this machine, expected nothing behind the colon";
    }

    local = ngx_pcalloc(pool, sizeof(ngx_hd_local_t));
    if (local == NULL) {
        return "could not be made ready: no memory";
    }

    local->kind = kind;
    local->path = *host;

    local->name.data = ngx_pnalloc(pool, kind->name.len + 1 + host->len);
    if (local->name.data == NULL) {
        return "could not be made ready: no memory";
    }

    local->name.len = ngx_sprintf(local->name.data, "%V%s%V", &kind->name,
                                  host->len ? " " : "", host)
                      - local->name.data;

    check->data = local;

    if (ngx_hd_match_has(check->conds, NGX_HD_ON_VALUE, 1)) {
        return NULL;
    }

    return ngx_hd_local_defaults(pool, check, kind);
}


static const ngx_hd_local_kind_t *
ngx_hd_local_kind(const ngx_str_t *name)
{
    ngx_uint_t                  i;
    const ngx_hd_local_kind_t  *kind;

    kind = ngx_hd_local_kinds;

    for (i = 0; !ngx_hd_cond_equal(&kind[i].name, name); i++) { /* void */ }

    return &kind[i];
}


static const char *
ngx_hd_local_defaults(ngx_pool_t *pool, ngx_hd_check_t *check,
    const ngx_hd_local_kind_t *kind)
{
    ngx_uint_t      i;
    ngx_array_t    *conds;
    ngx_hd_cond_t  *cond, *from;

    /* those of the probe block are shared with others */

    conds = ngx_array_create(pool, 4, sizeof(ngx_hd_cond_t));
    if (conds == NULL) {
        return "could not be made ready: no memory";
    }

    from = check->conds ? check->conds->elts : NULL;

    for (i = 0; from && i < check->conds->nelts; i++) {
        cond = ngx_array_push(conds);
        if (cond == NULL) {
            return "could not be made ready: no memory";
        }

        *cond = from[i];
    }

    if (ngx_hd_local_default(pool, conds, kind->fail, 0) != NGX_OK
        || ngx_hd_local_default(pool, conds, kind->warn, 1) != NGX_OK)
    {
        return "could not be made ready: no memory";
    }

    check->conds = conds;

    return NULL;
}


static ngx_int_t
ngx_hd_local_default(ngx_pool_t *pool, ngx_array_t *conds, const char *value,
    ngx_uint_t warn)
{
    u_char          err[NGX_HD_DETAIL_LEN];
    ngx_str_t       words[3];
    ngx_hd_cond_t  *cond;

    if (value == NULL) {
        return NGX_OK;
    }

    cond = ngx_array_push(conds);
    if (cond == NULL) {
        return NGX_ERROR;
    }

    ngx_str_set(&words[0], "value");
    ngx_str_set(&words[1], "<");

    words[2].data = (u_char *) value;
    words[2].len = ngx_strlen(value);

    if (ngx_hd_match_parse(pool, cond, words, 3, err, sizeof(err)) != NGX_OK) {
        return NGX_ERROR;
    }

    cond->warn = warn;

    return NGX_OK;
}


ngx_int_t
ngx_hd_local_start(ngx_hd_run_t *run)
{
    ngx_hd_local_t  *local;

    local = run->target->check->data;

    if (local->kind->measure == NULL) {
        ngx_hd_local_nginx(run);
        return NGX_ERROR;
    }

    run->late = NGX_HD_R_SYSTEM_TIMEOUT;
    run->waits = &local->name;

    return local->job ? ngx_hd_local_stuck(run) : ngx_hd_local_begin(run);
}


/* what waits for a dead file server is not helped by company */

static ngx_int_t
ngx_hd_local_stuck(ngx_hd_run_t *run)
{
    uint64_t         msec;
    ngx_hd_local_t  *local;

    local = run->target->check->data;
    msec = (ngx_hd_now_usec() - local->job->start) / 1000;

    ngx_hd_result_say(&run->result, NGX_HD_R_SYSTEM_TIMEOUT,
                      "%V: %s has not answered for %uL%s", &local->name,
                      local->kind->system, msec < 1000 ? msec : msec / 1000,
                      msec < 1000 ? "ms" : "s");

    return NGX_ERROR;
}


static ngx_int_t
ngx_hd_local_begin(ngx_hd_run_t *run)
{
    int                     err;
    ngx_hd_local_t         *local;
    ngx_hd_local_job_t     *job;
    ngx_hd_local_worker_t  *w;

    local = run->target->check->data;

    w = ngx_hd_local_worker(run);
    if (w == NULL) {
        return NGX_ERROR;
    }

    job = ngx_hd_local_job(run);
    if (job == NULL) {
        ngx_hd_result_set(&run->result, NGX_HD_R_LOCAL_MEMORY, NULL);
        return NGX_ERROR;
    }

    job->fd = w->fd[1];

    err = ngx_hd_thread_spawn(ngx_hd_local_thread, job);

    if (err) {
        ngx_free(job);

        ngx_hd_result_set(&run->result, NGX_HD_R_LOCAL_ERROR,
                          "no thread: %s", strerror(err));
        return NGX_ERROR;
    }

    local->job = job;
    w->outstanding++;

    return NGX_AGAIN;
}


static ngx_hd_local_worker_t *
ngx_hd_local_worker(ngx_hd_run_t *run)
{
    ngx_hd_main_conf_t  *hmcf;

    hmcf = run->target->main;

    if (hmcf->local == NULL) {
        hmcf->local = ngx_hd_local_open(run);
    }

    return hmcf->local;
}


static ngx_hd_local_worker_t *
ngx_hd_local_open(ngx_hd_run_t *run)
{
    ngx_err_t               err;
    ngx_hd_local_worker_t  *w;

    if (ngx_hd_thread_pin() != NGX_OK) {
        ngx_hd_result_set(&run->result, NGX_HD_R_LOCAL_ERROR,
                          "the module cannot be kept loaded");
        return NULL;
    }

    w = ngx_pcalloc(ngx_cycle->pool, sizeof(ngx_hd_local_worker_t));
    if (w == NULL) {
        ngx_hd_result_set(&run->result, NGX_HD_R_LOCAL_MEMORY, NULL);
        return NULL;
    }

    if (pipe2(w->fd, O_CLOEXEC) == -1) {
        err = ngx_errno;

        ngx_hd_result_set(&run->result,
                          (err == NGX_EMFILE || err == NGX_ENFILE)
                          ? NGX_HD_R_LOCAL_FILES : NGX_HD_R_LOCAL_ERROR, NULL);
        goto failed;
    }

    w->watch.handler = ngx_hd_local_read_handler;
    w->watch.data = w;

    if (ngx_nonblocking(w->fd[0]) == -1) {
        ngx_hd_result_set(&run->result, NGX_HD_R_LOCAL_ERROR, NULL);

    } else if (ngx_hd_watch_open(&w->watch, w->fd[0], ngx_cycle->log)
               != NGX_OK)
    {
        ngx_hd_result_set(&run->result, NGX_HD_R_LOCAL_CONNECTIONS, NULL);

    } else if (ngx_hd_watch_set(&w->watch, NGX_HD_WATCH_READ) != NGX_OK) {
        ngx_hd_result_set(&run->result, NGX_HD_R_LOCAL_ERROR, NULL);

    } else {
        return w;
    }

    ngx_hd_watch_close(&w->watch);
    (void) close(w->fd[0]);
    (void) close(w->fd[1]);

failed:

    (void) ngx_pfree(ngx_cycle->pool, w);

    return NULL;
}


/* not from a pool: it may outlive all of them */

static ngx_hd_local_job_t *
ngx_hd_local_job(ngx_hd_run_t *run)
{
    size_t               size;
    ngx_hd_local_t      *local;
    ngx_hd_local_job_t  *job;

    local = run->target->check->data;

    size = (local->kind->measure == ngx_hd_measure_files)
           ? (NGX_MAX_PROCESSES + 1) * sizeof(ngx_pid_t)
           : local->path.len + 1;

    job = ngx_calloc(sizeof(ngx_hd_local_job_t) + size, run->log);
    if (job == NULL) {
        return NULL;
    }

    job->local = local;
    job->run = run;
    job->start = run->start;
    job->measure = local->kind->measure;

    job->m.root = "";

    if (local->kind->measure == ngx_hd_measure_files) {
        job->m.pids = (ngx_pid_t *) (job + 1);
        job->m.npids = ngx_hd_local_pids(job->m.pids);

    } else {
        job->m.path = (char *) (job + 1);
        ngx_memcpy(job->m.path, local->path.data, local->path.len);
    }

    return job;
}


/*
 * This worker, then the processes beside it that it knows of; those that were
 * started later than it are not counted in ngx_last_process.
 */

static ngx_uint_t
ngx_hd_local_pids(ngx_pid_t *pids)
{
    ngx_int_t   i;
    ngx_uint_t  n;

    n = 0;
    pids[n++] = ngx_pid;

    for (i = 0; i < NGX_MAX_PROCESSES; i++) {

        if (i != ngx_process_slot && ngx_processes[i].pid > 0
            && ngx_processes[i].channel[0] != -1)
        {
            pids[n++] = ngx_processes[i].pid;
        }
    }

    return n;
}


static void *
ngx_hd_local_thread(void *data)
{
    ngx_hd_local_job_t  *job;

    job = data;

    job->measure(&job->m);

    /* from a write that succeeds on, the job is the worker's */

    if (write(job->fd, &job, sizeof(job)) != (ssize_t) sizeof(job)) {
        ngx_free(job);
    }

    return NULL;
}


static void
ngx_hd_local_read_handler(ngx_hd_watch_t *watch, ngx_uint_t ready)
{
    ngx_uint_t              i;
    ngx_hd_local_job_t     *job;
    ngx_hd_local_worker_t  *w;

    w = watch->data;

    /* an address is written, and read, as a whole; the rest is found again */

    for (i = 0; i < NGX_HD_LOCAL_TURN; i++) {

        if (read(w->fd[0], &job, sizeof(job)) != (ssize_t) sizeof(job)) {
            return;
        }

        w->outstanding--;

        ngx_hd_local_done(job);
    }
}


static void
ngx_hd_local_done(ngx_hd_local_job_t *job)
{
    ngx_str_t          text;
    ngx_hd_run_t      *run;
    ngx_hd_local_t    *local;
    ngx_hd_reason_e    lack;
    ngx_hd_measure_t  *m;

    m = &job->m;
    run = job->run;
    local = job->local;

    local->job = NULL;

    if (run == NULL) {
        ngx_free(job);
        return;
    }

    lack = ngx_hd_failure_lack(m->err);

    if (lack != NGX_HD_R_NONE) {
        ngx_hd_result_set(&run->result, lack, NULL);

    } else if (m->err) {
        ngx_hd_result_say(&run->result, NGX_HD_R_SYSTEM_ERROR,
                          "%V: %s%s%s", &local->name, m->what ? m->what : "",
                          m->what ? ": " : "", strerror(m->err));

    } else {
        text.data = m->text;
        text.len = m->len;

        ngx_hd_local_judge(run, m->value, &text);
    }

    ngx_free(job);

    ngx_hd_run_done(run);
}


static void
ngx_hd_local_judge(ngx_hd_run_t *run, double value, const ngx_str_t *text)
{
    ngx_hd_answer_t  answer;

    run->result.has_value = 1;
    run->result.value = value;

    ngx_memzero(&answer, sizeof(ngx_hd_answer_t));

    answer.has_value = 1;
    answer.value = value;
    answer.usec = ngx_hd_run_usec(run);

    if (ngx_hd_match(run->target->check->conds, &answer, &run->result)
        == NGX_DECLINED
        && run->result.reason == NGX_HD_R_VALUE)
    {
        ngx_hd_local_reword(run, &answer, text);
    }
}


/* more than a number: of what, and how much is left */

static void
ngx_hd_local_reword(ngx_hd_run_t *run, const ngx_hd_answer_t *answer,
    const ngx_str_t *text)
{
    u_char            *last;
    u_char             wanted[NGX_HD_DETAIL_LEN];
    ngx_uint_t         i, warn;
    ngx_array_t       *conds;
    ngx_hd_cond_t     *cond;
    ngx_hd_result_t   *result, scratch;

    result = &run->result;
    conds = run->target->check->conds;
    cond = conds->elts;
    warn = (result->verdict == NGX_HD_WARN);

    scratch = *result;

    for (i = 0; i < conds->nelts; i++) {

        if (cond[i].subject != NGX_HD_ON_VALUE || !cond[i].warn != !warn
            || ngx_hd_match_value(&cond[i], answer, &scratch) == NGX_OK)
        {
            continue;
        }

        last = ngx_hd_cond_wanted(wanted, wanted + sizeof(wanted), &cond[i]);

        ngx_hd_result_say(result, NGX_HD_R_VALUE, "%V, expected %*s", text,
                          (size_t) (last - wanted), wanted);

        if (warn) {
            result->verdict = NGX_HD_WARN;
        }

        return;
    }
}


/* a thread that is still out forgets who has sent it */

void
ngx_hd_local_release(ngx_hd_run_t *run)
{
    ngx_hd_local_t  *local;

    local = run->target->check->data;

    if (local->job && local->job->run == run) {
        local->job->run = NULL;
    }
}


void
ngx_hd_local_exit_worker(ngx_hd_main_conf_t *hmcf)
{
    ngx_hd_local_worker_t  *w;

    w = hmcf->local;

    if (w == NULL) {
        return;
    }

    hmcf->local = NULL;

    ngx_hd_local_read_handler(&w->watch, NGX_HD_WATCH_READ);

    ngx_hd_watch_close(&w->watch);
    (void) close(w->fd[0]);

    /* a thread that comes back must not find another file under this number */

    if (w->outstanding == 0) {
        (void) close(w->fd[1]);
    }
}


static void
ngx_hd_local_nginx(ngx_hd_run_t *run)
{
    u_char             *p, buf[NGX_HD_DETAIL_LEN];
    ngx_str_t           text;
    ngx_uint_t          used, all, n, workers;
    const char         *whose;

    n = ngx_cycle->connection_n;
    workers = run->target->main->workers;
    whose = "this worker";

    /* idle ones of clients are closed when there is need */

    used = n - ngx_cycle->free_connection_n;
    used -= ngx_min(used, ngx_cycle->reusable_connections_n);

    all = ngx_hd_stat_busy();

    if (all > used * workers) {
        whose = "all workers";
        used = all;
        n *= workers;
    }

    p = ngx_slprintf(buf, buf + sizeof(buf),
                     "nginx: %.1f%% of the connections of %s in use "
                     "(%ui of %ui)", 100.0 * used / n, whose, used, n);

    text.data = buf;
    text.len = p - buf;

    ngx_hd_local_judge(run, 100.0 * used / n, &text);

    ngx_hd_local_dropped(run);
    ngx_hd_local_zone(run);
}


/*
 * Connections that nginx has accepted and closed at once, having no place for
 * them.  One that another worker is just accepting looks the same, so only what
 * was there a probe ago, too, is told.
 */

static void
ngx_hd_local_dropped(ngx_hd_run_t *run)
{
    ngx_uint_t       now, sure;
    ngx_hd_local_t  *local;

    local = run->target->check->data;
    now = ngx_hd_stat_dropped();

    if (!local->counted) {
        local->counted = 1;
        local->dropped = now;
        local->told = now;
        return;
    }

    sure = ngx_min(now, local->dropped);
    local->dropped = now;

    if (sure <= local->told) {
        local->told = sure;
        return;
    }

    if (run->result.verdict == NGX_HD_PASS) {
        ngx_hd_result_say(&run->result, NGX_HD_R_VALUE,
                          "nginx: %ui connection%s dropped since the last "
                          "probe, expected more worker_connections",
                          sure - local->told,
                          (sure - local->told == 1) ? "" : "s");

        run->result.verdict = NGX_HD_WARN;
    }

    local->told = sure;
}


/* nothing fails by it before the next target is added */

static void
ngx_hd_local_zone(ngx_hd_run_t *run)
{
    ngx_uint_t           n, max;
    ngx_hd_main_conf_t  *hmcf;

    hmcf = run->target->main;
    n = hmcf->targets.nelts;
    max = hmcf->zone->capacity;

    if (run->result.verdict != NGX_HD_PASS
        || n * 100 < max * NGX_HD_LOCAL_ZONE)
    {
        return;
    }

    ngx_hd_result_say(&run->result, NGX_HD_R_VALUE,
                      "nginx: the zone \"%V\" is nearly full (%ui of %ui "
                      "targets)", &hmcf->shm_zone->shm.name, n, max);

    run->result.verdict = NGX_HD_WARN;
}
