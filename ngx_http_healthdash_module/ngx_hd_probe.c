
/*
 * healthdash: the life of a run.  Owns its pool, its log, its deadline and the
 * moment its result counts.  Called by the scheduler, which starts and aborts,
 * and by the probe types, which end a run.  Nothing here blocks, and nothing a
 * probe meets reaches the error log unless nginx logs for debugging.
 */


#include <ngx_hd_clock.h>
#include <ngx_hd_probe.h>
#include <ngx_hd_reason.h>
#include <ngx_hd_secret.h>


#define NGX_HD_RUN_POOL        4096    /* bytes: a tcp probe takes one block */
#define NGX_HD_RUN_SLACK       50      /* msec, least lateness called blocked */
#define NGX_HD_RUN_RESERVE     16      /* connections, and files, that are left
                                          to clients, if there are many */
#define NGX_HD_RUN_TICKS       4       /* looks at the clock in a timeout */


static ngx_hd_run_t *ngx_hd_run_create(ngx_hd_target_t *target);
static u_char *ngx_hd_run_log_handler(ngx_log_t *log, u_char *buf, size_t len);
static ngx_int_t ngx_hd_run_has(ngx_hd_run_t *run, ngx_uint_t need);
static ngx_uint_t ngx_hd_run_reserve(ngx_uint_t all);
static void ngx_hd_run_set_deadline(ngx_hd_run_t *run);
static void ngx_hd_run_wait(ngx_hd_run_t *run, ngx_msec_t step);
static void ngx_hd_run_count_lost(ngx_hd_run_t *run);
static void ngx_hd_run_deadline_handler(ngx_event_t *ev);
static void ngx_hd_run_timed_out(ngx_hd_run_t *run);
static void ngx_hd_run_judge(ngx_hd_run_t *run);
static void ngx_hd_run_nothing(ngx_hd_run_t *run);
static void ngx_hd_run_release(ngx_hd_run_t *run);
static void ngx_hd_run_finish_handler(ngx_event_t *ev);


ngx_hd_run_t *
ngx_hd_run_start(ngx_hd_target_t *target, ngx_hd_run_pt handler, void *data,
    ngx_hd_reason_e *reason)
{
    ngx_uint_t     need;
    ngx_hd_run_t  *run;

    run = ngx_hd_run_create(target);
    if (run == NULL) {
        *reason = NGX_HD_R_LOCAL_MEMORY;
        return NULL;
    }

    run->handler = handler;
    run->data = data;

    ngx_log_debug3(NGX_LOG_DEBUG_HTTP, run->log, 0,
                   "healthdash probe: %p \"%V\" %V",
                   run, &target->name, &target->address);

    ngx_hd_run_set_deadline(run);

    /* what needs several connections does not begin with some of them */

    need = target->check->type->connections;

    if (need && ngx_hd_run_has(run, need) != NGX_OK) {
        ngx_hd_run_done(run);
        return run;
    }

    switch (target->check->type->start(run)) {

    case NGX_ERROR:
        ngx_hd_run_done(run);
        break;

    case NGX_DECLINED:
        ngx_hd_run_nothing(run);
        break;

    default: /* NGX_AGAIN */
        break;
    }

    return run;
}


static ngx_hd_run_t *
ngx_hd_run_create(ngx_hd_target_t *target)
{
    ngx_log_t      mute;
    ngx_pool_t    *pool;
    ngx_hd_run_t  *run;

    ngx_hd_run_mute(&mute);

    pool = ngx_create_pool(NGX_HD_RUN_POOL, &mute);
    if (pool == NULL) {
        return NULL;
    }

    run = ngx_pcalloc(pool, sizeof(ngx_hd_run_t));
    if (run == NULL) {
        goto failed;
    }

    run->log = ngx_palloc(pool, sizeof(ngx_log_t));
    if (run->log == NULL) {
        goto failed;
    }

    *run->log = mute;
    run->log->handler = ngx_hd_run_log_handler;
    run->log->data = run;
    run->log->action = "starting a probe";

    pool->log = run->log;

    run->target = target;
    run->fd = (ngx_socket_t) -1;
    run->pool = pool;
    run->late = NGX_HD_R_CONNECT_TIMEOUT;

    run->finish.handler = ngx_hd_run_finish_handler;
    run->finish.data = run;
    run->finish.log = run->log;

    return run;

failed:

    ngx_destroy_pool(pool);

    return NULL;
}


void
ngx_hd_run_mute(ngx_log_t *log)
{
    *log = *ngx_cycle->log;

    log->connection = 0;
    log->handler = NULL;
    log->data = NULL;
    log->action = NULL;

    if (!(log->log_level & NGX_LOG_DEBUG_ALL)) {
        log->log_level = NGX_LOG_STDERR;
    }
}


static u_char *
ngx_hd_run_log_handler(ngx_log_t *log, u_char *buf, size_t len)
{
    u_char        *p;
    ngx_hd_run_t  *run;

    p = buf;
    run = log->data;

    if (log->action) {
        p = ngx_snprintf(buf, len, " while %s", log->action);
        len -= p - buf;
    }

    return ngx_snprintf(p, len, ", target: \"%V\", type: %V, peer: %V",
                        &run->target->name, &run->target->check->type->name,
                        run->peer ? run->peer : &run->target->address);
}


static void
ngx_hd_run_set_deadline(ngx_hd_run_t *run)
{
    ngx_msec_t  late, timeout;

    run->start = ngx_hd_now_usec();

    /*
     * Timers count from the time nginx has read in this turn of its loop; a
     * run that starts late in a long turn must not lose what has passed since.
     */

    timeout = run->target->check->timeout;
    late = (ngx_msec_t) (run->start / 1000) - ngx_current_msec;

    if (late >= timeout) {
        late = 0;
    }

    run->limit = ngx_current_msec + late + timeout;

    run->deadline.handler = ngx_hd_run_deadline_handler;
    run->deadline.data = run;
    run->deadline.log = run->log;
    run->deadline.cancelable = 1;

    ngx_hd_run_wait(run, late + timeout / NGX_HD_RUN_TICKS + 1);
}


static void
ngx_hd_run_wait(ngx_hd_run_t *run, ngx_msec_t step)
{
    step = ngx_min(step, run->limit - ngx_current_msec);

    run->tick = ngx_current_msec + step;

    ngx_add_timer(&run->deadline, step);
}


/*
 * A look that comes late tells that this worker was stopped or busy, and the
 * target had no chance meanwhile: what it sent was not read, and what it was
 * to get was not sent.  It gets that time back, so that its timeout is one of
 * attention, and a worker that is always late still comes to a verdict.
 */

static void
ngx_hd_run_count_lost(ngx_hd_run_t *run)
{
    ngx_msec_int_t  late;

    late = (ngx_msec_int_t) (ngx_current_msec - run->tick);

    if (late > NGX_HD_RUN_SLACK) {
        run->lost += late;
        run->limit += late;
        run->tick = ngx_current_msec;
    }
}


static void
ngx_hd_run_deadline_handler(ngx_event_t *ev)
{
    ngx_msec_t     timeout;
    ngx_hd_run_t  *run;

    run = ev->data;
    timeout = run->target->check->timeout;

    ngx_hd_run_count_lost(run);

    if (run->lost <= timeout
        && (ngx_msec_int_t) (run->limit - ngx_current_msec) > 0)
    {
        ngx_hd_run_wait(run, timeout / NGX_HD_RUN_TICKS + 1);
        return;
    }

    ngx_hd_run_timed_out(run);
    ngx_hd_run_done(run);
}


static void
ngx_hd_run_timed_out(ngx_hd_run_t *run)
{
    ngx_str_t   where, waits;
    ngx_uint_t  whole;
    ngx_msec_t  timeout;

    timeout = run->target->check->timeout;
    whole = (timeout % 1000 == 0);
    ngx_str_set(&where, "");

    ngx_str_set(&waits, "");

    if (run->peer) {
        where = *run->peer;
    }

    if (run->waits) {
        waits = *run->waits;
    }

    ngx_hd_result_say(&run->result, run->late, "%s after %M%s%s%V%s%V",
                      ngx_hd_reason(run->late)->text,
                      whole ? timeout / 1000 : timeout, whole ? "s" : "ms",
                      where.len ? ": " : "", &where,
                      waits.len ? ": " : "", &waits);
}


void
ngx_hd_run_done(ngx_hd_run_t *run)
{
    if (run->done) {
        ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, 0,
                      "healthdash: a probe of \"%V\" ended twice",
                      &run->target->name);
        return;
    }

    run->done = 1;

    ngx_hd_run_judge(run);
    ngx_hd_secret_hide(run->target->check, &run->result);
    ngx_hd_run_release(run);

    ngx_log_debug4(NGX_LOG_DEBUG_HTTP, run->log, 0,
                   "healthdash probe done: %p verdict:%d reason:%d usec:%uD",
                   run, run->result.verdict, run->result.reason,
                   run->result.usec);

    /* what breaks while nginx exits was broken by nginx */

    if ((ngx_exiting || ngx_terminate)
        && run->result.verdict != NGX_HD_PASS
        && run->result.verdict != NGX_HD_WARN)
    {
        return;
    }

    ngx_post_event(&run->finish, &ngx_posted_events);
}


static void
ngx_hd_run_judge(ngx_hd_run_t *run)
{
    uint64_t         usec;
    ngx_hd_check_t  *check;

    check = run->target->check;

    usec = ngx_hd_now_usec() - run->start;
    run->result.usec = (uint32_t) ngx_min(usec, NGX_MAX_UINT32_VALUE);

    ngx_hd_run_count_lost(run);

    /* how long it took is not known if anything was lost */

    if (run->lost > check->timeout
        || (run->lost && run->result.reason == NGX_HD_R_TIME))
    {
        ngx_hd_result_set(&run->result, NGX_HD_R_LOCAL_BLOCKED, "for %Mms",
                          run->lost);
        return;
    }

    if (run->lost == 0 && run->result.verdict == NGX_HD_PASS && check->slow
        && usec > (uint64_t) check->slow * 1000)
    {
        ngx_hd_result_set(&run->result, NGX_HD_R_SLOW,
                          "%uL.%03uLms, more than %Mms", usec / 1000,
                          usec % 1000, check->slow);
    }
}


static void
ngx_hd_run_nothing(ngx_hd_run_t *run)
{
    run->done = 1;
    run->nothing = 1;

    ngx_hd_run_release(run);

    ngx_post_event(&run->finish, &ngx_posted_events);
}


static void
ngx_hd_run_release(ngx_hd_run_t *run)
{
    run->target->check->type->release(run);

    if (run->deadline.timer_set) {
        ngx_del_timer(&run->deadline);
    }
}


static void
ngx_hd_run_finish_handler(ngx_event_t *ev)
{
    ngx_hd_run_t  *run;

    run = ev->data;

    run->handler(run);

    ngx_destroy_pool(run->pool);
}


void
ngx_hd_run_abort(ngx_hd_run_t *run)
{
    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, run->log, 0,
                   "healthdash probe abort: %p", run);

    if (!run->done) {
        run->done = 1;
        ngx_hd_run_release(run);
    }

    if (run->finish.posted) {
        ngx_delete_posted_event(&run->finish);
    }

    ngx_destroy_pool(run->pool);
}


ngx_int_t
ngx_hd_run_room(ngx_hd_run_t *run)
{
    return ngx_hd_run_has(run, 1);
}


/*
 * Clients come first.  What is left to them is more than the sixteenth below
 * which nginx closes connections that clients keep, to get one.
 */

static ngx_int_t
ngx_hd_run_has(ngx_hd_run_t *run, ngx_uint_t need)
{
    ngx_uint_t  used, files;

    if (ngx_cycle->free_connection_n
        < need + ngx_hd_run_reserve(ngx_cycle->connection_n))
    {
        ngx_hd_result_set(&run->result, NGX_HD_R_LOCAL_CONNECTIONS, NULL);
        return NGX_ERROR;
    }

    used = ngx_cycle->connection_n - ngx_cycle->free_connection_n;
    files = run->target->main->files;

    if (used + need + ngx_hd_run_reserve(files) > files) {
        ngx_hd_result_set(&run->result, NGX_HD_R_LOCAL_FILES, NULL);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/*
 * A worker that has just begun has no holes in its table of files, so a new one
 * tells how many there are.
 */

ngx_uint_t
ngx_hd_run_files(void)
{
    int            fd;
    ngx_uint_t     used;
    struct rlimit  limit;

    fd = dup(STDERR_FILENO);

    if (fd == -1) {
        return ngx_cycle->connection_n;
    }

    (void) close(fd);

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0
        || limit.rlim_cur > NGX_MAX_INT32_VALUE)
    {
        return NGX_MAX_INT32_VALUE;
    }

    used = ngx_cycle->connection_n - ngx_cycle->free_connection_n;

    /* what is no connection: logs, the loop's own */

    fd -= ngx_min((ngx_int_t) used, fd);

    return limit.rlim_cur - ngx_min((rlim_t) fd, limit.rlim_cur);
}


static ngx_uint_t
ngx_hd_run_reserve(ngx_uint_t all)
{
    return ngx_min(ngx_max(NGX_HD_RUN_RESERVE, all / 8), all / 4);
}


void
ngx_hd_run_phase(ngx_hd_run_t *run, ngx_hd_phase_e phase)
{
    run->result.phase[phase] = ngx_hd_run_usec(run);
}


uint32_t
ngx_hd_run_usec(void *data)
{
    uint64_t       usec;
    ngx_hd_run_t  *run;

    run = data;
    usec = ngx_hd_now_usec() - run->start;

    return (uint32_t) ngx_min(usec, NGX_MAX_UINT32_VALUE);
}


