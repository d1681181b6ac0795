
/*
 * Unit test of ngx_hd_unlock.c with processes that are alive: those that wait
 * for a lock inside of the lock, for a log that nobody reads, and those that
 * look at the same time.  This process is the master, and the lists are of what
 * its children share.
 */


#include "tap.h"
#include "ngx_stand_in.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>


/* a /proc that hides a process, and one of other processes than ours */

static pid_t        hidden;
static const char  *foreign;


static int
open_as_asked(const char *name, int flags)
{
    char  path[64];

    (void) snprintf(path, sizeof(path), "/proc/%d/", (int) hidden);

    if (hidden && strncmp(name, path, strlen(path)) == 0) {
        errno = ENOENT;
        return -1;
    }

    return open(name, flags);
}


static ssize_t
readlink_as_asked(const char *name, char *text, size_t size)
{
    if (foreign == NULL) {
        return readlink(name, text, size);
    }

    memcpy(text, foreign, strlen(foreign));

    return strlen(foreign);
}


#define open      open_as_asked
#define readlink  readlink_as_asked

#include "../../ngx_http_healthdash_module/ngx_hd_rr.c"
#include "../../ngx_http_healthdash_module/ngx_hd_unlock.c"

#undef open
#undef readlink


#define WRITER   ((ngx_atomic_uint_t) -1)
#define LOOKERS  6


/* what the unit needs of nginx beside the common stand-ins */

ngx_uint_t       ngx_process = NGX_PROCESS_MASTER;
ngx_int_t        ngx_last_process;
ngx_process_t    ngx_processes[NGX_MAX_PROCESSES];
volatile ngx_cycle_t  *ngx_cycle;

static ngx_cycle_t  cycle;
static ngx_log_t    log_of_all;

void ngx_time_update(void) { }

void ngx_log_error_core(ngx_uint_t level, ngx_log_t *log, ngx_err_t err,
    const char *fmt, ...) { }


/* what processes share */

typedef struct {
    ngx_http_upstream_rr_peers_t   main;
    ngx_http_upstream_rr_peers_t   backup;
    ngx_http_upstream_rr_peer_t    peer[2];
    ngx_slab_pool_t                pool;
    ngx_uint_t                     config;
    int                            ready;
    ngx_hd_zone_t                  zone;
} shared_t;


static shared_t                      *shared;
static ngx_hd_main_conf_t             hmcf;
static ngx_http_upstream_srv_conf_t   uscf;
static ngx_hd_upstream_t              upstream;


static void
setup(void)
{
    ngx_hd_upstream_t  **u;

    shared = mmap(NULL, sizeof(shared_t), PROT_READ|PROT_WRITE,
                  MAP_SHARED|MAP_ANONYMOUS, -1, 0);

    cycle.log = &log_of_all;
    cycle.pool = ngx_create_pool(1024, cycle.log);
    ngx_cycle = &cycle;

    hmcf.zone = &shared->zone;
    hmcf.upstreams = *ngx_array_create(cycle.pool, 1,
                                       sizeof(ngx_hd_upstream_t *));
    u = ngx_array_push(&hmcf.upstreams);
    *u = &upstream;

    upstream.main = &hmcf;
    upstream.uscf = &uscf;
    uscf.peer.data = &shared->main;

    (void) ngx_hd_unlock_init(&cycle, &hmcf);
}


static void
fresh(void)
{
    memset(shared, 0, offsetof(shared_t, zone));

    shared->main.shpool = &shared->pool;
    shared->main.peer = &shared->peer[0];
    shared->main.number = 1;
    shared->main.next = &shared->backup;

    shared->backup.shpool = &shared->pool;
    shared->backup.peer = &shared->peer[1];
    shared->backup.number = 1;

    ngx_last_process = 0;
}


static void
nap(void)
{
    (void) poll(NULL, 0, 5);
}


/* as nginx does it: some 100 usec between two calls of the system */

static void
lock(ngx_atomic_t *word)
{
    volatile ngx_uint_t  n;

    while (!ngx_atomic_cmp_set(word, 0, WRITER)) {

        for (n = 0; n < 50000; n++) { /* void */ }

        sched_yield();
    }
}


static void
unlock(ngx_atomic_t *word)
{
    if (*word == WRITER) {
        (void) ngx_atomic_cmp_set(word, WRITER, 0);

    } else {
        (void) ngx_atomic_fetch_add(word, -1);
    }
}


/* a worker that does this, once it is ready */

static pid_t
worker(void (*does)(void))
{
    pid_t  pid;

    shared->ready = 0;
    ngx_process = NGX_PROCESS_WORKER;
    pid = fork();

    if (pid == 0) {
        does();
        _exit(0);
    }

    ngx_process = NGX_PROCESS_MASTER;

    while (!__atomic_load_n(&shared->ready, __ATOMIC_ACQUIRE)) {
        nap();
    }

    ngx_processes[ngx_last_process].pid = pid;
    ngx_processes[ngx_last_process++].name = "worker process";

    return pid;
}


static void
ready(void)
{
    __atomic_store_n(&shared->ready, 1, __ATOMIC_RELEASE);
}


/* a successor: it looks, and that is all */

static pid_t
looker(void)
{
    pid_t  pid;

    pid = fork();

    if (pid == 0) {
        _exit(0);
    }

    ngx_processes[ngx_last_process].pid = pid;
    ngx_processes[ngx_last_process++].name = "worker process";

    return pid;
}


static void
end_of(pid_t pid)
{
    (void) waitpid(pid, NULL, 0);
}


/* how often a process has waited */

static long
waited(pid_t pid)
{
    char   name[64], line[256];
    long   n;
    FILE  *f;

    n = 0;
    (void) snprintf(name, sizeof(name), "/proc/%d/status", (int) pid);

    f = fopen(name, "r");

    while (f && fgets(line, sizeof(line), f)) {
        (void) sscanf(line, "voluntary_ctxt_switches: %ld", &n);
    }

    if (f) {
        (void) fclose(f);
    }

    return n;
}


/* it has looked for some seconds, or has ended */

static void
looked(pid_t pid)
{
    siginfo_t  si;

    do {
        nap();
        si.si_pid = 0;
        (void) waitid(P_PID, pid, &si, WEXITED|WNOHANG|WNOWAIT);
    } while (si.si_pid == 0 && waited(pid) < 2500);
}


static void
idle(void)
{
    ready();

    for ( ;; ) {
        nap();
    }
}


static void
test_dead(void)
{
    pid_t  pid;

    fresh();
    pid = worker(idle);

    shared->main.rwlock = WRITER;
    shared->backup.rwlock = 2;
    shared->peer[1].lock = WRITER;

    end_of(looker());

    is_num(shared->main.rwlock, 0, "a writer died");
    is_num(shared->backup.rwlock, 0, "two readers died");
    is_num(shared->peer[1].lock, 0, "one of them had a server, too");

    /* before it had come to that */

    fresh();
    shared->main.rwlock = WRITER;
    shared->main.number = 1;
    shared->main.single = 1;
    shared->main.peer = NULL;

    end_of(looker());

    is_num(shared->main.number, 0, "the last server was just gone");
    is_num(shared->main.single, 0, "nobody looks for it");

    kill(pid, SIGKILL);
    end_of(pid);
}


/* it has a result for a server that a dead one has locked */

static void
gives_back(void)
{
    (void) ngx_atomic_fetch_add(&shared->main.rwlock, 1);
    ready();

    lock(&shared->peer[0].lock);
    unlock(&shared->peer[0].lock);
    unlock(&shared->main.rwlock);
}


/* it has verdicts for both lists, and a dead one has locked the second */

static void
changes(void)
{
    lock(&shared->main.rwlock);
    ready();

    lock(&shared->backup.rwlock);
    shared->ready = (shared->main.rwlock == WRITER) ? 2 : 3;
    unlock(&shared->backup.rwlock);
    unlock(&shared->main.rwlock);
}


static void
test_waiting_inside(void)
{
    pid_t  pid;

    fresh();
    shared->main.rwlock = 1;
    shared->peer[0].lock = WRITER;

    pid = worker(gives_back);

    end_of(looker());
    end_of(pid);

    is_num(shared->peer[0].lock, 0, "a server's lock is free");
    is_num((intptr_t) shared->main.rwlock, 0,
           "and who waited for it in the list is no dead reader");

    fresh();
    shared->backup.rwlock = WRITER;

    pid = worker(changes);

    end_of(looker());
    end_of(pid);

    is_num(shared->ready, 2, "who waits for the second list keeps the first");
    is_num((intptr_t) shared->main.rwlock, 0, "the first list is free");
    is_num((intptr_t) shared->backup.rwlock, 0, "the second list is free");
}


static void
test_together(void)
{
    pid_t       pid[LOOKERS];
    ngx_uint_t  i, n;

    for (n = 0; n < 10; n++) {
        fresh();
        shared->main.rwlock = 1;

        for (i = 0; i < LOOKERS; i++) {
            pid[i] = looker();
        }

        for (i = 0; i < LOOKERS; i++) {
            end_of(pid[i]);
        }

        check(shared->main.rwlock == 0, "freed once, not %ld",
              1 - (long) shared->main.rwlock);
    }

    checked("all workers were killed at once");

    fresh();
    shared->main.rwlock = 1;
    shared->zone.unlocker = pid[0];

    end_of(looker());

    is_num(shared->main.rwlock, 0, "the one whose turn it was is dead");

    fresh();
    shared->main.rwlock = 1;
    shared->zone.unlocker = getpid();

    pid[0] = looker();
    looked(pid[0]);

    is_num(shared->main.rwlock, 1, "who is alive has its turn");

    ngx_hd_set(&shared->zone.unlocker, 0);
    end_of(pid[0]);

    is_num(shared->main.rwlock, 0, "then the next one looks");
}


static int  full[2];


/* the error log is a pipe that nobody reads */

static void
logs(void)
{
    (void) ngx_atomic_fetch_add(&shared->main.rwlock, 1);
    ready();

    (void) !write(full[1], "disabled", 8);
    unlock(&shared->main.rwlock);
}


static void
test_log(void)
{
    char   buf[65536];
    pid_t  pid, look;

    fresh();
    (void) !pipe(full);
    (void) fcntl(full[1], F_SETFL, O_NONBLOCK);

    while (write(full[1], buf, sizeof(buf)) > 0) { /* void */ }

    (void) fcntl(full[1], F_SETFL, 0);

    pid = worker(logs);
    look = looker();
    looked(look);

    is_num(shared->main.rwlock, 1, "who waits for its log keeps the lock");

    (void) !read(full[0], buf, sizeof(buf));
    end_of(pid);
    end_of(look);

    is_num((intptr_t) shared->main.rwlock, 0, "it frees it, and nobody else");
}


/* alive, but it does nothing */

static void
stopped(void)
{
    (void) ngx_atomic_fetch_add(&shared->main.rwlock, 1);
    ready();
    raise(SIGSTOP);
    unlock(&shared->main.rwlock);
}


static void
test_proc(void)
{
    char   self[32];
    pid_t  pid, look;

    fresh();
    pid = worker(stopped);

    hidden = pid;
    look = looker();
    hidden = 0;
    looked(look);

    is_num(shared->main.rwlock, 1, "who is hidden may have the lock");

    kill(pid, SIGCONT);
    end_of(pid);
    end_of(look);

    is_num((intptr_t) shared->main.rwlock, 0, "it frees it, and nobody else");

    /* nothing can be said */

    fresh();
    shared->main.rwlock = 1;

    (void) snprintf(self, sizeof(self), "%d", (int) getpid());
    foreign = self;
    end_of(looker());
    foreign = NULL;

    is_num(shared->main.rwlock, 1, "a /proc of other processes says nothing");
}


int
main(void)
{
    setup();

    test_dead();
    test_waiting_inside();
    test_together();
    test_log();
    test_proc();

    ngx_destroy_pool(cycle.pool);

    return done();
}
