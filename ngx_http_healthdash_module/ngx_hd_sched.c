
/*
 * Who probes what when.  Each worker has a cancelable timer for each target
 * that is its own (by index), and one that looks for targets others dropped.
 * What is due waits in the worker's queue for its turn: see ngx_hd_queue.h.
 * A probe runs under the lease of the target's record; its result is counted
 * by the state machine, published, put into effect and, if the state changed,
 * logged: all in the worker that holds the lease, in this order.
 */


#include <ngx_hd_compat.h>
#include <ngx_hd_follow.h>
#include <ngx_hd_history.h>
#include <ngx_hd_judge.h>
#include <ngx_hd_local.h>
#include <ngx_hd_pace.h>
#include <ngx_hd_probe.h>
#include <ngx_hd_queue.h>
#include <ngx_hd_reason.h>
#include <ngx_hd_sched.h>
#include <ngx_hd_stream.h>
#include <ngx_hd_tell.h>


#define NGX_HD_SWEEP          500       /* msec between two looks at others */
#define NGX_HD_SOON           20        /* msec, if one was not enough */
#define NGX_HD_YIELD          20        /* msec the owner goes first */
#define NGX_HD_SLACK          1000      /* msec a lease outlives a probe */
#define NGX_HD_GRID           100       /* msec a probe may begin late without
                                           moving the ones after it */
#define NGX_HD_TAKEOVER       60000     /* msec in which many targets of one
                                           worker are one takeover */


typedef struct ngx_hd_worker_s  ngx_hd_worker_t;


/* one target in this worker; the first fields are for ngx_event_ident() */

typedef struct {
    ngx_hd_worker_t   *worker;
    ngx_hd_target_t   *target;
    ngx_hd_run_t      *run;             /* under way, or NULL */
    ngx_socket_t       fd;

    ngx_event_t        timer;
    ngx_hd_wait_t      wait;
    ngx_msec_t         pause;           /* between two probes, now */
    ngx_hd_lease_t     lease;
    uint64_t           start;           /* monotonic, msec: of the run */
    uint64_t           due;             /* what the timer waits for */
    uint64_t           failed;          /* monotonic, msec: the first failure
                                           in a row seen here; 0: none */
    uint64_t           set;             /* record->due as this run has left it:
                                           who changed it since wants a look */
    unsigned           adopted:1;       /* another worker's target */
} ngx_hd_task_t;


struct ngx_hd_worker_s {
    ngx_hd_main_conf_t  *main;
    ngx_cycle_t         *cycle;
    void                *dummy;
    ngx_socket_t         fd;

    ngx_event_t          sweep;
    ngx_hd_judge_t       judge;
    ngx_hd_queue_t       queue;
    uint64_t             swept;         /* monotonic, msec */
    ngx_msec_t          *taken;         /* when we last took over from whom */
};


static ngx_hd_task_t *ngx_hd_sched_task(ngx_hd_worker_t *w,
    ngx_hd_target_t *t);
static void ngx_hd_sched_join(ngx_hd_worker_t *w, ngx_hd_target_t *t);
static void ngx_hd_sched_leave(ngx_hd_worker_t *w, ngx_hd_target_t *t);
static ngx_uint_t ngx_hd_sched_follow(ngx_hd_worker_t *w);
static void ngx_hd_sched_follow_server(ngx_hd_worker_t *w,
    ngx_hd_upstream_t *u, ngx_hd_server_t *server);
static ngx_uint_t ngx_hd_sched_is_over(ngx_hd_worker_t *w);
static void ngx_hd_sched_timer_handler(ngx_event_t *ev);
static void ngx_hd_sched_ask(ngx_hd_task_t *task);
static void ngx_hd_sched_set_rate(ngx_hd_worker_t *w);
static void ngx_hd_sched_turn_handler(ngx_hd_wait_t *wait);
static void ngx_hd_sched_begin(ngx_hd_task_t *task, ngx_hd_record_t *rec);
static void ngx_hd_sched_tell_takeover(ngx_hd_worker_t *w,
    ngx_hd_target_t *t);
static void ngx_hd_sched_wait(ngx_hd_task_t *task, uint64_t due);
static void ngx_hd_sched_done_handler(ngx_hd_run_t *run);
static void ngx_hd_sched_skip(ngx_hd_task_t *task, uint64_t next);
static void ngx_hd_sched_set_due(ngx_hd_task_t *task, ngx_hd_record_t *rec,
    uint64_t due);
static void ngx_hd_sched_finish(ngx_hd_task_t *task,
    const ngx_hd_result_t *result, uint64_t next);
static uint64_t ngx_hd_sched_next(ngx_hd_task_t *task,
    const ngx_hd_data_t *data, const ngx_hd_data_t *was);
static uint64_t ngx_hd_sched_round(uint64_t msec);
static void ngx_hd_sched_sweep_handler(ngx_event_t *ev);
static void ngx_hd_sched_sync(ngx_hd_worker_t *w);
static void ngx_hd_sched_look(ngx_hd_worker_t *w, ngx_hd_target_t *t);
static ngx_uint_t ngx_hd_sched_is_home(ngx_hd_worker_t *w,
    ngx_hd_target_t *t);


ngx_int_t
ngx_hd_sched_init_worker(ngx_cycle_t *cycle, ngx_hd_main_conf_t *hmcf)
{
    uint64_t           due;
    ngx_uint_t         i;
    ngx_hd_task_t     *task;
    ngx_hd_worker_t   *w;
    ngx_hd_target_t  **t;

    w = ngx_pcalloc(cycle->pool, sizeof(ngx_hd_worker_t));
    if (w == NULL) {
        return NGX_ERROR;
    }

    hmcf->files = ngx_hd_run_files();

    w->main = hmcf;
    w->cycle = cycle;
    w->fd = (ngx_socket_t) -1;
    w->swept = ngx_current_msec;

    ngx_hd_judge_init(&w->judge, hmcf);

    w->taken = ngx_pcalloc(cycle->pool, hmcf->workers * sizeof(ngx_msec_t));
    if (w->taken == NULL
        || ngx_hd_queue_init(&w->queue, hmcf, cycle,
                             ngx_hd_sched_turn_handler)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    w->sweep.handler = ngx_hd_sched_sweep_handler;
    w->sweep.data = w;
    w->sweep.log = cycle->log;
    w->sweep.cancelable = 1;

    t = hmcf->targets.elts;

    for (i = 0; i < hmcf->targets.nelts; i++) {
        t[i]->task = NULL;
        t[i]->kept = NULL;
    }

    /* who comes in the place of a dead worker has what the master knew */

    (void) ngx_hd_sched_follow(w);

    for (i = 0; i < hmcf->targets.nelts; i++) {

        if (t[i]->absent || !ngx_hd_sched_is_home(w, t[i])) {
            continue;
        }

        /* without memory it is found to be overdue, here or elsewhere */

        task = ngx_hd_sched_task(w, t[i]);

        if (task) {
            due = ngx_hd_load(&hmcf->zone->record[t[i]->record].due);
            ngx_hd_sched_wait(task, due);
        }
    }

    hmcf->worker = w;

    ngx_hd_sched_set_rate(w);

    ngx_add_timer(&w->sweep, NGX_HD_SWEEP);

    return NGX_OK;
}


void
ngx_hd_sched_exit_worker(ngx_hd_main_conf_t *hmcf)
{
    ngx_uint_t         i;
    ngx_hd_worker_t   *w;
    ngx_hd_target_t  **t;

    w = hmcf->worker;

    if (w == NULL) {
        return;
    }

    hmcf->worker = NULL;

    if (w->sweep.timer_set) {
        ngx_del_timer(&w->sweep);
    }

    ngx_hd_queue_end(&w->queue);

    t = hmcf->targets.elts;

    for (i = 0; i < hmcf->targets.nelts; i++) {
        ngx_hd_sched_leave(w, t[i]);
        t[i]->task = NULL;
    }

    ngx_hd_local_exit_worker(hmcf);
}


/* ends what this worker does for a target */

static void
ngx_hd_sched_leave(ngx_hd_worker_t *w, ngx_hd_target_t *t)
{
    ngx_hd_task_t    *task;
    ngx_hd_record_t  *rec;

    task = t->task;

    if (task == NULL) {
        return;
    }

    if (task->timer.timer_set) {
        ngx_del_timer(&task->timer);
    }

    if (task->run) {
        ngx_hd_run_abort(task->run);

        task->run = NULL;
        ngx_hd_queue_leave(&w->queue, &task->wait);

        /* the interrupted probe is made up for by whoever comes next */

        rec = ngx_hd_store_record(w->main, t);

        if (rec && ngx_hd_load(&rec->lease) == task->lease.word) {
            ngx_hd_set(&rec->due, task->start);
            ngx_hd_store_release(rec, &task->lease);
        }
    }

    ngx_hd_queue_part(&w->queue, &task->wait);
    ngx_hd_stream_drop_kept(t);
}


/* what DNS has changed; 1 if there is more to do soon */

static ngx_uint_t
ngx_hd_sched_follow(ngx_hd_worker_t *w)
{
    ngx_uint_t            i, k, again;
    ngx_hd_follow_t       follow;
    ngx_hd_upstream_t   **u;

    again = 0;
    u = w->main->upstreams.elts;

    for (i = 0; i < w->main->upstreams.nelts; i++) {

        if (u[i]->nspares == 0) {
            continue;
        }

        ngx_hd_follow(u[i], &follow);

        again |= follow.again;

        if (follow.changed) {
            ngx_hd_store_changed(u[i]);
        }

        if (follow.crowded) {
            ngx_hd_tell_crowded(u[i], follow.crowded);
        }

        for (k = 0; k < u[i]->nspares; k++) {
            ngx_hd_sched_follow_server(w, u[i], &u[i]->spares[k]);

            if (u[i]->news[k]) {
                ngx_hd_tell_moved(u[i], &u[i]->spares[k], u[i]->news[k]);
            }
        }
    }

    return again;
}


static void
ngx_hd_sched_follow_server(ngx_hd_worker_t *w, ngx_hd_upstream_t *u,
    ngx_hd_server_t *server)
{
    ngx_uint_t      i;
    ngx_hd_place_t  p;

    ngx_hd_place_look(u, server, &p);

    if (p.version == 0) {
        p.gone = 0;
    }

    if (p.version == server->version && p.gone == server->gone) {
        return;
    }

    for (i = 0; i < u->checks.nelts; i++) {
        ngx_hd_sched_leave(w, server->targets[i]);
    }

    ngx_hd_place_copy(u, server, &p);

    for (i = 0; i < u->checks.nelts; i++) {
        ngx_hd_sched_join(w, server->targets[i]);
    }
}


/* the task of a target in this worker, made when it is first needed */

static ngx_hd_task_t *
ngx_hd_sched_task(ngx_hd_worker_t *w, ngx_hd_target_t *t)
{
    ngx_hd_task_t  *task;

    if (t->task) {
        return t->task;
    }

    task = ngx_pcalloc(w->cycle->pool, sizeof(ngx_hd_task_t));
    if (task == NULL) {
        return NULL;
    }

    task->worker = w;
    task->target = t;
    task->fd = (ngx_socket_t) -1;
    task->adopted = !ngx_hd_sched_is_home(w, t);

    task->timer.handler = ngx_hd_sched_timer_handler;
    task->timer.data = task;
    task->timer.log = w->cycle->log;
    task->timer.cancelable = 1;

    t->task = task;

    ngx_hd_sched_join(w, t);

    return task;
}


/* t may be about another address than before */

static void
ngx_hd_sched_join(ngx_hd_worker_t *w, ngx_hd_target_t *t)
{
    ngx_hd_task_t  *task;

    task = t->task;

    if (task) {
        task->pause = ngx_min(t->check->interval, NGX_HD_PACE_FIRST);
        task->failed = 0;

        ngx_hd_queue_join(&w->queue, &task->wait, t);
    }
}


/* a worker of an earlier configuration, or one that exits, probes no more */

static ngx_uint_t
ngx_hd_sched_is_over(ngx_hd_worker_t *w)
{
    return ngx_exiting || ngx_terminate || ngx_quit
           || ngx_hd_load(&w->main->zone->generation) != w->main->generation;
}


static void
ngx_hd_sched_timer_handler(ngx_event_t *ev)
{
    ngx_hd_task_t  *task;

    task = ev->data;

    if (!ngx_hd_sched_is_over(task->worker)) {
        ngx_hd_sched_ask(task);
    }
}


/* begins a probe that is due, now or when it is its turn */

static void
ngx_hd_sched_ask(ngx_hd_task_t *task)
{
    ngx_hd_record_t  *rec;

    if (task->run || task->wait.queued) {
        return;
    }

    /* to look at what was told us bothers nobody */

    if (task->target->check->type->told) {
        ngx_hd_sched_turn_handler(&task->wait);
        return;
    }

    rec = ngx_hd_store_record(task->worker->main, task->target);

    if (rec) {
        task->wait.urgent = (task->pause < task->target->check->interval
                             || ngx_hd_store_verdict(rec, NULL)
                                == NGX_HD_STATE_UNKNOWN);

        ngx_hd_queue_put(&task->worker->queue, &task->wait);
        ngx_hd_queue_pump(&task->worker->queue);
    }
}


static void
ngx_hd_sched_set_rate(ngx_hd_worker_t *w)
{
    uint64_t           micro;
    ngx_uint_t         i;
    ngx_hd_task_t     *task;
    ngx_hd_target_t  **t;

    micro = 0;
    t = w->main->targets.elts;

    for (i = 0; i < w->main->targets.nelts; i++) {
        task = t[i]->task;

        if (task && !t[i]->absent
            && (!task->adopted || task->timer.timer_set || task->run)) {
            micro += 1000000000 / task->pause;
        }
    }

    ngx_hd_queue_set_rate(&w->queue, micro);
}


static void
ngx_hd_sched_turn_handler(ngx_hd_wait_t *wait)
{
    uint64_t          due;
    ngx_hd_task_t    *task;
    ngx_hd_record_t  *rec;

    task = ngx_queue_data(wait, ngx_hd_task_t, wait);

    if (ngx_hd_sched_is_over(task->worker)) {
        return;
    }

    rec = ngx_hd_store_record(task->worker->main, task->target);
    if (rec == NULL) {
        return;
    }

    due = ngx_hd_load(&rec->due);

    if (due <= ngx_current_msec) {
        ngx_hd_sched_begin(task, rec);
        return;
    }

    /* somebody else has probed; a target that was adopted is given back */

    if (task->adopted) {
        ngx_hd_stream_drop_kept(task->target);
        return;
    }

    ngx_hd_sched_wait(task, due);
}


static void
ngx_hd_sched_begin(ngx_hd_task_t *task, ngx_hd_record_t *rec)
{
    uint64_t             due, until;
    ngx_int_t            rc;
    ngx_hd_check_t      *check;
    ngx_hd_result_t      result;
    ngx_hd_reason_e      reason;
    ngx_hd_worker_t     *w;

    w = task->worker;
    check = task->target->check;

    /* a run gets back what this worker was away, up to its timeout again */

    rc = ngx_hd_store_claim(w->main, rec, 2 * check->timeout + NGX_HD_SLACK,
                            &task->lease, &until);

    if (rc == NGX_BUSY) {
        ngx_hd_sched_wait(task, ngx_min(until, ngx_current_msec
                                               + check->interval));
        return;
    }

    if (rc != NGX_OK) {
        return;
    }

    due = ngx_hd_load(&rec->due);

    if (due > ngx_current_msec) {
        /* probed by another worker between our look and our claim */
        ngx_hd_store_release(rec, &task->lease);
        ngx_hd_sched_wait(task, due);
        return;
    }

    if (task->adopted) {
        ngx_hd_sched_tell_takeover(w, task->target);
    }

    if (!check->type->told) {
        ngx_hd_pace_begun(&w->main->zone->pace, ngx_current_msec,
                          ngx_current_msec - due);
    }

    task->start = (ngx_current_msec - due < NGX_HD_GRID) ? due
                                                         : ngx_current_msec;
    task->set = ngx_hd_sched_round(task->start + check->interval);

    ngx_hd_set(&rec->due, task->set);

    task->run = ngx_hd_run_start(task->target, ngx_hd_sched_done_handler, task,
                                 &reason);

    if (task->run) {
        ngx_hd_queue_enter(&w->queue, &task->wait);
        return;
    }

    ngx_memzero(&result, sizeof(ngx_hd_result_t));
    ngx_hd_result_set(&result, reason, NULL);

    ngx_hd_sched_finish(task, &result, 0);
}


/* once for all that a worker has left, not for each of its targets */

static void
ngx_hd_sched_tell_takeover(ngx_hd_worker_t *w, ngx_hd_target_t *t)
{
    ngx_uint_t  from;

    from = t->index % w->main->workers;

    if (w->taken[from] && ngx_current_msec - w->taken[from] < NGX_HD_TAKEOVER)
    {
        return;
    }

    w->taken[from] = ngx_current_msec;

    ngx_hd_tell_takeover(w->main, from);
}


static void
ngx_hd_sched_wait(ngx_hd_task_t *task, uint64_t due)
{
    ngx_msec_t  delay;

    task->due = due;

    if (task->timer.timer_set) {
        ngx_del_timer(&task->timer);
    }

    delay = (due > ngx_current_msec) ? due - ngx_current_msec : 0;

    /* whose target it is has the first try */

    if (task->adopted) {
        delay += NGX_HD_YIELD;
    }

    ngx_add_timer(&task->timer, delay);
}


static void
ngx_hd_sched_done_handler(ngx_hd_run_t *run)
{
    ngx_hd_task_t  *task;

    task = run->data;

    task->run = NULL;
    ngx_hd_queue_leave(&task->worker->queue, &task->wait);

    if (run->nothing) {
        ngx_hd_sched_skip(task, run->next);

    } else {
        ngx_hd_sched_finish(task, &run->result, run->next);
    }

    ngx_hd_queue_pump(&task->worker->queue);
}


/* there is no news: what is known stays, and nobody hears of it */

static void
ngx_hd_sched_skip(ngx_hd_task_t *task, uint64_t next)
{
    ngx_hd_record_t  *rec;

    rec = ngx_hd_store_record(task->worker->main, task->target);
    if (rec == NULL) {
        return;
    }

    /* the holder before may have died between its result and its effect */

    if (task->lease.left && task->target->upstream) {
        ngx_hd_store_changed(task->target->upstream);
        ngx_hd_upstream_sync(task->target->upstream);
    }

    if (ngx_hd_load(&rec->lease) == task->lease.word) {
        ngx_hd_sched_set_due(task, rec, next ? next : task->set);
        ngx_hd_store_release(rec, &task->lease);
    }

    if (!ngx_hd_sched_is_over(task->worker)) {
        ngx_hd_sched_wait(task, ngx_hd_load(&rec->due));
    }
}


/* whoever asked for a look while this run was under way still gets it */

static void
ngx_hd_sched_set_due(ngx_hd_task_t *task, ngx_hd_record_t *rec, uint64_t due)
{
    uint64_t  set;

    set = task->set;

    (void) ngx_hd_cas(&rec->due, &set, due);
}


static void
ngx_hd_sched_finish(ngx_hd_task_t *task, const ngx_hd_result_t *result,
    uint64_t next)
{
    uint64_t          due;
    ngx_uint_t        changed;
    ngx_hd_data_t     data, was;
    ngx_hd_record_t  *rec;
    ngx_hd_target_t  *t;

    t = task->target;

    rec = ngx_hd_store_record(task->worker->main, t);
    if (rec == NULL) {
        return;
    }

    (void) ngx_hd_store_read(rec, &data);

    was = data;
    changed = ngx_hd_judge_count(&task->worker->judge, t, rec, &task->failed,
                                 result, &data);
    due = next ? next : ngx_hd_sched_next(task, &data, &was);

    if (ngx_hd_store_publish(rec, &task->lease, &data) != NGX_OK) {
        /* stopped for longer than the lease: the result is not ours to give */
        ngx_hd_sched_wait(task, ngx_hd_load(&rec->due));
        return;
    }

    ngx_hd_history_keep(&rec->history, &data, result);
    ngx_hd_sched_set_due(task, rec, due);

    /*
     * Released last: who dies before leaves the lease behind, and whoever has
     * it next tells the workers what the dead one may not have told them.
     */

    if (t->upstream && (changed || task->lease.left)) {
        ngx_hd_store_changed(t->upstream);
        ngx_hd_upstream_sync(t->upstream);
    }

    ngx_hd_store_release(rec, &task->lease);

    if (changed) {
        ngx_hd_tell_change(t, &data, &was);
    }

    if (result->verdict == NGX_HD_INCONCLUSIVE) {
        ngx_hd_judge_tell_trouble(&task->worker->judge, t, result);
    }

    if (!ngx_hd_sched_is_over(task->worker)) {
        ngx_hd_sched_wait(task, ngx_hd_load(&rec->due));
    }
}


/* one interval after the start of this probe, or now if that is over */

static uint64_t
ngx_hd_sched_next(ngx_hd_task_t *task, const ngx_hd_data_t *data,
    const ngx_hd_data_t *was)
{
    uint64_t         due;
    ngx_msec_t       interval;
    ngx_hd_check_t  *check;

    check = task->target->check;

    interval = ngx_hd_state_is_moving(data) ? check->fast : check->interval;
    task->pause = interval;

    due = task->start + interval;

    if ((data->checks == 1 || was->pid == 0) && interval > NGX_HD_PACE_FIRST) {

        /*
         * First probes, also those after a start that knows the state, come
         * soon, and together; the next ones spread out.
         */

        due = task->start + check->fast
              + ngx_hd_pace_spread(task->target->index + 1,
                                   interval - check->fast + 1);
    }

    if (check->jitter) {
        due += ngx_random() % (interval * check->jitter / 100 + 1);
    }

    return ngx_hd_sched_round(ngx_max(due, ngx_current_msec));
}


/* probes that are due at nearly the same time share a wake-up of the loop */

static uint64_t
ngx_hd_sched_round(uint64_t msec)
{
    return (msec + NGX_HD_TICK - 1) / NGX_HD_TICK * NGX_HD_TICK;
}


static void
ngx_hd_sched_sweep_handler(ngx_event_t *ev)
{
    ngx_uint_t         i, again;
    ngx_hd_worker_t   *w;
    ngx_hd_target_t  **t;

    w = ev->data;

    ngx_hd_sched_sync(w);

    if (ngx_hd_sched_is_over(w)) {
        ngx_add_timer(&w->sweep, NGX_HD_SWEEP);
        return;
    }

    if (ngx_current_msec - w->swept > NGX_HD_SWEEP) {
        ngx_hd_pace_lagged(&w->main->zone->pace, ngx_current_msec,
                           ngx_current_msec - w->swept - NGX_HD_SWEEP);
    }

    w->swept = ngx_current_msec;

    ngx_hd_sched_set_rate(w);

    if (w->main->guard) {
        ngx_hd_judge_guard(&w->judge, ngx_current_msec);
    }

    again = ngx_hd_sched_follow(w);

    t = w->main->targets.elts;

    for (i = 0; i < w->main->targets.nelts; i++) {
        ngx_hd_sched_look(w, t[i]);
    }

    ngx_add_timer(&w->sweep, again ? NGX_HD_SOON : NGX_HD_SWEEP);
}


/*
 * A request looks at what is new when it comes, but it may be tried again long
 * after that: as long as there are clients.
 */

static void
ngx_hd_sched_sync(ngx_hd_worker_t *w)
{
    ngx_uint_t           i;
    ngx_hd_upstream_t  **u;

    u = w->main->upstreams.elts;

    for (i = 0; i < w->main->upstreams.nelts; i++) {
        ngx_hd_upstream_sync(u[i]);
    }
}


/*
 * Takes over a target of a worker that hangs, and sees when a probe of our own
 * was handed back before its time.
 */

static void
ngx_hd_sched_look(ngx_hd_worker_t *w, ngx_hd_target_t *t)
{
    uint64_t          due, late;
    ngx_hd_task_t    *task;
    ngx_hd_record_t  *rec;

    rec = t->absent ? NULL : ngx_hd_store_record(w->main, t);
    if (rec == NULL) {
        return;
    }

    task = t->task;
    due = ngx_hd_load(&rec->due);

    if (task && (task->run || task->wait.queued
                 || (task->timer.timer_set && task->due <= due)))
    {
        return;
    }

    late = 0;

    if (!ngx_hd_sched_is_home(w, t)) {
        late = ngx_hd_store_patience(t->check);
    }

    if (due + late > ngx_current_msec) {
        return;
    }

    task = ngx_hd_sched_task(w, t);

    if (task) {
        ngx_hd_sched_ask(task);
    }
}


static ngx_uint_t
ngx_hd_sched_is_home(ngx_hd_worker_t *w, ngx_hd_target_t *t)
{
    return t->index % w->main->workers == ngx_worker;
}
