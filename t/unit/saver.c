
/*
 * Unit test of who writes the state file: the lease of ngx_hd_saver.c as it is
 * seen by workers that read the clock at other times.
 */


#include "tap.h"
#include "ngx_stand_in.h"
#include "../../ngx_http_healthdash_module/ngx_hd_saver.c"


ngx_pid_t             ngx_pid;
ngx_uint_t            ngx_exiting;
ngx_uint_t            ngx_process;
sig_atomic_t          ngx_quit;
sig_atomic_t          ngx_terminate;
ngx_rbtree_t          ngx_event_timer_rbtree;
volatile ngx_msec_t   ngx_current_msec;

static ngx_hd_zone_t       zone;
static ngx_hd_main_conf_t  conf = { .zone = &zone };
static ngx_log_t           silent;
static ngx_hd_saver_t      saver = { .main = &conf, .timer.log = &silent };
static int                 jobs;
static ngx_hd_job_t        writing;


/* nothing is written here: there is no memory for a job, and no timer ends */

void
ngx_log_error_core(ngx_uint_t level, ngx_log_t *log, ngx_err_t err,
    const char *fmt, ...)
{
}


void
ngx_rbtree_insert(ngx_rbtree_t *tree, ngx_rbtree_node_t *node)
{
}


void
ngx_rbtree_delete(ngx_rbtree_t *tree, ngx_rbtree_node_t *node)
{
}


uint32_t
ngx_murmur_hash2(u_char *data, size_t len)
{
    return 0;
}


ngx_hd_record_t *
ngx_hd_store_record(ngx_hd_main_conf_t *hmcf, ngx_hd_target_t *t)
{
    return NULL;
}


ngx_int_t
ngx_hd_thread_pin(void)
{
    return NGX_ERROR;
}


int
ngx_hd_thread_spawn(ngx_hd_thread_pt handler, void *data)
{
    return EAGAIN;
}


ngx_hd_job_t *
ngx_hd_job_create(const ngx_hd_state_file_t *file, ngx_uint_t n,
    ngx_log_t *log)
{
    jobs++;

    return NULL;
}


void
ngx_hd_job_free(ngx_hd_job_t *job)
{
}


void *
ngx_hd_job_thread(void *data)
{
    return NULL;
}


ngx_uint_t
ngx_hd_job_is_done(ngx_hd_job_t *job)
{
    return 1;
}


ngx_int_t
ngx_hd_job_wait(ngx_hd_job_t *job, ngx_msec_t msec)
{
    return NGX_OK;
}


void
ngx_hd_job_leave(ngx_hd_job_t *job)
{
}


void
ngx_hd_restore_overtaken(ngx_cycle_t *cycle, ngx_hd_main_conf_t *hmcf)
{
}


/* a worker, whose loop has gone on for some time since nginx read the clock */

static ngx_uint_t
claims(ngx_pid_t pid, ngx_msec_t ago)
{
    ngx_pid = pid;
    ngx_current_msec = ngx_hd_now_usec() / 1000 - ago;

    return ngx_hd_saver_claim(&saver);
}


/* whether a look so long after the last attempt makes another one */

static int
tries(ngx_msec_t after)
{
    jobs = 0;
    ngx_current_msec = saver.begun + after;

    ngx_hd_saver_look(&saver);

    return jobs;
}


/* a look so long after the job under way began: what is wrong then */

static ngx_uint_t
looks(ngx_int_t after)
{
    zone.saved.wrong = 0;
    saver.job = &writing;
    ngx_current_msec = saver.begun + after;

    ngx_hd_saver_look(&saver);

    saver.job = NULL;

    return zone.saved.wrong >> 32;
}


/* the job of worker 100 is done, as it sees when pid has the lease */

static void
ends(ngx_pid_t pid, ngx_hd_job_step_e step)
{
    zone.saved.saved = 2;
    zone.saved.sum = 2;
    zone.saved.wrong = (uint64_t) NGX_HD_JOB_RENAME << 32;
    zone.saved.lease = (uint64_t) pid << 32 | 1;

    ngx_pid = 100;
    writing.step = step;
    writing.head.wall = 1;
    writing.sum = 1;
    saver.job = &writing;

    ngx_hd_saver_end(&saver);
}


static ngx_pid_t
writer(void)
{
    return (ngx_pid_t) (zone.saved.lease >> 32);
}


/* a lease that ends so many msec from now */

static void
lease(ngx_pid_t pid, int32_t left)
{
    zone.saved.lease = (uint64_t) pid << 32
                       | (uint32_t) (ngx_hd_now_usec() / 1000 + left);
}


int
main(void)
{
    ok(claims(100, 0), "the first worker that looks writes");
    ok(!claims(101, 0), "the second one does not");
    ok(!claims(101, 40), "nor if its time is older than the lease");
    ok(!claims(102, 60000), "however old it is");
    is_num(writer(), 100, "the first one is the writer");

    ok(claims(100, 40), "and keeps the lease");
    ok(!claims(101, 0), "for its whole time");

    lease(100, -1);
    ok(claims(101, 0), "a lease that is over is taken");
    is_num(writer(), 101, "by whoever looks");

    lease(100, NGX_HD_SAVER_LEASE + 60000);
    ok(claims(101, 0), "as is one that no clock of this boot has given");

    ngx_hd_saver_release(&saver);
    is_num(zone.saved.lease, 0, "the writer lets go");

    lease(100, 1000);
    ngx_hd_saver_release(&saver);
    is_num(writer(), 100, "of its own lease alone");

    is_num(tries(0), 1, "what is new is to be written");
    is_num(tries(NGX_HD_SAVER_EVERY - 1), 0, "what failed waits");
    is_num(tries(NGX_HD_SAVER_EVERY), 1, "as long as what did not");
    is_num(tries(NGX_HD_SAVER_AGAIN - 1), 0, "what failed again waits longer");
    is_num(tries(NGX_HD_SAVER_AGAIN), 1, "but not for ever");

    is_num(looks(NGX_HD_SAVER_SLOW - 1), 0, "a slow file system is waited for");
    is_num(looks(NGX_HD_SAVER_SLOW), NGX_HD_JOB_SLOW, "until it is told");
    is_num(looks(-3), 0, "it is not slow when nginx's own time is older");

    ends(100, NGX_HD_JOB_NONE);
    is_num(zone.saved.saved, 1, "the writer has written");
    is_num(zone.saved.sum, 1, "this");
    is_num(zone.saved.wrong, 0, "and nothing is wrong any more");

    ends(101, NGX_HD_JOB_NONE);
    is_num(zone.saved.saved, 2, "one that was stopped meanwhile says nothing");
    is_num(zone.saved.sum, 2, "nor what it has written");
    ok(zone.saved.wrong != 0, "nor that all is well");

    ends(101, NGX_HD_JOB_WRITE);
    is_num(zone.saved.wrong >> 32, NGX_HD_JOB_RENAME, "nor what is wrong");

    return done();
}
