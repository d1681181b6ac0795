
/*
 * healthdash: nginx's lock of a list of servers that a dead worker has left.
 *
 * The lock does not say who holds it, so that is concluded.  Whoever is alive
 * and holds it lets it go after some microseconds of running.  If it was never
 * free in many looks, while each other process of this nginx was seen to wait
 * for events or has run for longer than that, its holder is none of them.  A
 * process that was stopped, or waits for the disk, is waited for.
 */


#include <ngx_hd_compat.h>
#include <ngx_hd_rr.h>
#include <ngx_hd_unlock.h>
#include <ngx_hd_word.h>

#include <pthread.h>


#define NGX_HD_UNLOCK_LOOKS     100     /* a msec or more apart, at a time */
#define NGX_HD_UNLOCK_TIMES     200     /* after that it is left alone */
#define NGX_HD_UNLOCK_WAITS     2       /* a worker wakes twice a second */
#define NGX_HD_UNLOCK_TICKS     100     /* of the clock of processor time, of
                                           some 10 msec */
#define NGX_HD_UNLOCK_TURNS     300     /* of its processor, taken away */

/* as in ngx_rwlock.c; any other value is how many readers hold it */

#define NGX_HD_UNLOCK_WRITER    ((ngx_atomic_uint_t) -1)

#define NGX_HD_UNLOCK_UNKNOWN   ((uint64_t) -1)


/* another process of this nginx */

typedef struct {
    ngx_pid_t   pid;
    ngx_uint_t  works;          /* 1: it may wait inside of the lock */
    uint64_t    ticks;          /* seen to run: for how long it had, */
    uint64_t    turns;          /* and how often it had lost its processor */
    uint64_t    waits;          /* seen to wait: how often it had */
} ngx_hd_sibling_t;


static void ngx_hd_unlock_forget(void *data);
static void ngx_hd_unlock_look(void);
static void ngx_hd_unlock_upstream(ngx_hd_upstream_t *u);
static ngx_uint_t ngx_hd_unlock_is_free(ngx_hd_upstream_t *u);
static ngx_uint_t ngx_hd_unlock_claim(ngx_hd_upstream_t *u);
static ngx_uint_t ngx_hd_unlock_lists(ngx_http_upstream_rr_peers_t *peers);
static ngx_int_t ngx_hd_unlock_list(ngx_http_upstream_rr_peers_t *peers);
static ngx_int_t ngx_hd_unlock_servers(ngx_http_upstream_rr_peers_t *peers);
static ngx_int_t ngx_hd_unlock_dead(ngx_atomic_t *lock,
    ngx_atomic_uint_t *dead);
static ngx_atomic_uint_t ngx_hd_unlock_held(ngx_atomic_t *lock);
static ngx_uint_t ngx_hd_unlock_siblings(ngx_hd_sibling_t *sibling);
static ngx_uint_t ngx_hd_unlock_suspects(ngx_hd_sibling_t *sibling,
    ngx_uint_t n);
static ngx_uint_t ngx_hd_unlock_is_suspect(ngx_hd_sibling_t *sibling);
static ngx_uint_t ngx_hd_unlock_is_running(ngx_hd_sibling_t *sibling,
    uint64_t ticks);
static ngx_uint_t ngx_hd_unlock_is_waiting(ngx_hd_sibling_t *sibling);
static ngx_uint_t ngx_hd_unlock_is_known(void);
static ngx_int_t ngx_hd_unlock_process(ngx_pid_t pid, u_char *state,
    uint64_t *ticks);
static ngx_int_t ngx_hd_unlock_switches(ngx_pid_t pid, char *line,
    uint64_t *n);
static ngx_int_t ngx_hd_unlock_read(ngx_pid_t pid, char *what, char *text,
    size_t size);


static ngx_hd_main_conf_t  *ngx_hd_unlock_conf;
static ngx_uint_t           ngx_hd_unlock_is_set;


ngx_int_t
ngx_hd_unlock_init(ngx_cycle_t *cycle, ngx_hd_main_conf_t *hmcf)
{
    ngx_pool_cleanup_t  *cln;

    cln = ngx_pool_cleanup_add(cycle->pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_hd_unlock_forget;
    cln->data = hmcf;

    ngx_hd_unlock_conf = hmcf;

    /*
     * Not at the beginning of a worker, where modules before this one have
     * their turn: one of nginx's takes the lock.
     */

    if (!ngx_hd_unlock_is_set) {

        if (pthread_atfork(NULL, NULL, ngx_hd_unlock_look) != 0) {
            return NGX_ERROR;
        }

        ngx_hd_unlock_is_set = 1;
    }

    return NGX_OK;
}


/* a configuration goes, and nothing has come for it */

static void
ngx_hd_unlock_forget(void *data)
{
    if (ngx_hd_unlock_conf == data) {
        ngx_hd_unlock_conf = NULL;
    }
}


/* in a process that has just begun: it still takes itself for the master */

static void
ngx_hd_unlock_look(void)
{
    ngx_uint_t           i;
    ngx_hd_upstream_t  **u;

    if (ngx_process != NGX_PROCESS_MASTER || ngx_hd_unlock_conf == NULL) {
        return;
    }

    u = ngx_hd_unlock_conf->upstreams.elts;

    for (i = 0; i < ngx_hd_unlock_conf->upstreams.nelts; i++) {

        if (!ngx_hd_unlock_is_free(u[i])) {
            ngx_hd_unlock_upstream(u[i]);
        }
    }
}


static void
ngx_hd_unlock_upstream(ngx_hd_upstream_t *u)
{
    if (!ngx_hd_unlock_claim(u)) {
        return;
    }

    if (ngx_hd_unlock_lists(u->uscf->peer.data)) {
        ngx_time_update();
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "healthdash: servers of upstream \"%V\" were locked "
                      "by a worker that died, they are free again",
                      &u->uscf->host);
    }

    ngx_hd_set(&u->main->zone->unlocker, 0);
}


static ngx_uint_t
ngx_hd_unlock_is_free(ngx_hd_upstream_t *u)
{
    ngx_atomic_t                  *lock;
    ngx_http_upstream_rr_peers_t  *peers;

    for (peers = u->uscf->peer.data; peers; peers = peers->next) {
        lock = ngx_hd_peers_lock(peers);

        if (lock && *lock) {
            return 0;
        }
    }

    return 1;
}


/*
 * What one of several that begin at the same time has freed, another one must
 * not free again: they look one after the other.  1: it is our turn; 0: there
 * is nothing to look at any more, or it has taken too long.
 */

static ngx_uint_t
ngx_hd_unlock_claim(ngx_hd_upstream_t *u)
{
    uint64_t    pid;
    ngx_uint_t  i;

    for (i = 0; i < NGX_HD_UNLOCK_TIMES * NGX_HD_UNLOCK_LOOKS; i++) {

        if (ngx_hd_unlock_is_free(u)) {
            return 0;
        }

        pid = ngx_hd_load(&u->main->zone->unlocker);

        if ((pid == 0 || (kill((ngx_pid_t) pid, 0) == -1 && errno == ESRCH))
            && ngx_hd_cas(&u->main->zone->unlocker, &pid, getpid()))
        {
            return 1;
        }

        ngx_msleep(1);
    }

    return 0;
}


/*
 * Who waits for a lock of the dead one runs, whatever else it holds meanwhile:
 * so what is waited for inside of another lock is freed before that is judged.
 * The lock of the second list is taken by us inside of that of the first.
 */

static ngx_uint_t
ngx_hd_unlock_lists(ngx_http_upstream_rr_peers_t *peers)
{
    ngx_int_t  rc;

    rc = NGX_OK;

    if (peers->next) {
        rc = ngx_hd_unlock_list(peers->next);
        if (rc == NGX_AGAIN) {
            return 0;
        }
    }

    return ngx_hd_unlock_list(peers) == NGX_DONE || rc == NGX_DONE;
}


/*
 * NGX_DONE: a dead one had it, and now it is free; NGX_OK: none has it;
 * NGX_AGAIN: that cannot be known.
 */

static ngx_int_t
ngx_hd_unlock_list(ngx_http_upstream_rr_peers_t *peers)
{
    ngx_int_t           rc;
    ngx_atomic_t       *lock;
    ngx_atomic_uint_t   dead;

    lock = ngx_hd_peers_lock(peers);

    if (lock == NULL) {
        return NGX_OK;
    }

    rc = ngx_hd_unlock_dead(lock, &dead);

    if (rc != NGX_DONE) {
        return rc;
    }

    rc = ngx_hd_unlock_servers(peers);

    if (rc == NGX_DONE) {
        /* who waited for a server was counted as a reader of the list */
        rc = ngx_hd_unlock_dead(lock, &dead);

        if (rc == NGX_OK) {
            return NGX_DONE;
        }
    }

    if (rc == NGX_AGAIN) {
        return NGX_AGAIN;
    }

    if (dead == NGX_HD_UNLOCK_WRITER) {
        ngx_hd_rr_recount(peers);
        (void) ngx_atomic_cmp_set(lock, NGX_HD_UNLOCK_WRITER, 0);

    } else {
        (void) ngx_atomic_fetch_add(lock, -(ngx_atomic_int_t) dead);
    }

    return NGX_DONE;
}


/* the same for the lock of each; the list, which is locked, stays as it is */

static ngx_int_t
ngx_hd_unlock_servers(ngx_http_upstream_rr_peers_t *peers)
{
    ngx_int_t                     rc, freed;
    ngx_atomic_uint_t             dead;
    ngx_http_upstream_rr_peer_t  *peer;

    freed = NGX_OK;

    for (peer = peers->peer; peer; peer = peer->next) {
        rc = ngx_hd_unlock_dead(ngx_hd_peer_lock(peer), &dead);

        if (rc == NGX_AGAIN) {
            return NGX_AGAIN;
        }

        if (rc == NGX_DONE) {
            (void) ngx_atomic_cmp_set(ngx_hd_peer_lock(peer),
                                      NGX_HD_UNLOCK_WRITER, 0);
            freed = NGX_DONE;
        }
    }

    return freed;
}


/*
 * NGX_DONE: so many readers, or NGX_HD_UNLOCK_WRITER, died with it; NGX_OK:
 * none did; NGX_AGAIN: that cannot be known.
 */

static ngx_int_t
ngx_hd_unlock_dead(ngx_atomic_t *lock, ngx_atomic_uint_t *dead)
{
    ngx_uint_t         i, n, sure;
    ngx_atomic_uint_t  now;
    ngx_hd_sibling_t   sibling[NGX_MAX_PROCESSES];

    *dead = ngx_hd_unlock_held(lock);

    if (*dead == 0) {
        return NGX_OK;
    }

    if (!ngx_hd_unlock_is_known()) {
        return NGX_AGAIN;
    }

    /*
     * Once all others are out of the question it is looked at again: this one
     * may have been kept waiting since the last look, in which somebody held it
     * who has let it go since.
     */

    n = ngx_hd_unlock_siblings(sibling);

    for (i = 0; i < NGX_HD_UNLOCK_TIMES; i++) {
        sure = (n == 0);
        now = ngx_hd_unlock_held(lock);

        if (now == 0
            || (now == NGX_HD_UNLOCK_WRITER)
               != (*dead == NGX_HD_UNLOCK_WRITER))
        {
            return NGX_OK;
        }

        *dead = ngx_min(*dead, now);

        if (sure) {
            return NGX_DONE;
        }

        n = ngx_hd_unlock_suspects(sibling, n);
    }

    return NGX_AGAIN;
}


/* by whom in all of some looks: the fewest readers, or a writer; 0: nobody */

static ngx_atomic_uint_t
ngx_hd_unlock_held(ngx_atomic_t *lock)
{
    ngx_uint_t         i;
    ngx_atomic_uint_t  held, now;

    held = *lock;

    for (i = 0; i < NGX_HD_UNLOCK_LOOKS; i++) {
        now = *lock;

        if (now == 0
            || (now == NGX_HD_UNLOCK_WRITER) != (held == NGX_HD_UNLOCK_WRITER))
        {
            return 0;
        }

        held = ngx_min(held, now);
        ngx_msleep(1);
    }

    return held;
}


/* all others that may hold it; returns how many */

static ngx_uint_t
ngx_hd_unlock_siblings(ngx_hd_sibling_t *sibling)
{
    ngx_int_t   i;
    ngx_uint_t  n;

    for (n = 0, i = 0; i < ngx_last_process; i++) {

        if (ngx_processes[i].pid != NGX_INVALID_PID) {
            sibling[n].pid = ngx_processes[i].pid;
            sibling[n].works = ngx_strcmp(ngx_processes[i].name,
                                          "worker process")
                               == 0
                               && !ngx_processes[i].exiting;
            sibling[n].waits = NGX_HD_UNLOCK_UNKNOWN;
            sibling[n++].ticks = NGX_HD_UNLOCK_UNKNOWN;
        }
    }

    return ngx_hd_unlock_suspects(sibling, n);
}


/* leaves those that may hold it still; returns how many */

static ngx_uint_t
ngx_hd_unlock_suspects(ngx_hd_sibling_t *sibling, ngx_uint_t n)
{
    ngx_uint_t  i, k;

    for (k = 0, i = 0; i < n; i++) {

        if (ngx_hd_unlock_is_suspect(&sibling[i])) {
            sibling[k++] = sibling[i];
        }
    }

    return k;
}


static ngx_uint_t
ngx_hd_unlock_is_suspect(ngx_hd_sibling_t *sibling)
{
    u_char     state;
    uint64_t   ticks;
    ngx_int_t  rc;

    rc = ngx_hd_unlock_process(sibling->pid, &state, &ticks);

    /* it is gone, or about to be */

    if (rc == NGX_DECLINED || (rc == NGX_OK && ngx_strchr("ZX", state))) {
        return 0;
    }

    if (rc == NGX_OK && state == 'S') {
        return sibling->works && ngx_hd_unlock_is_waiting(sibling);
    }

    return rc != NGX_OK || state != 'R'
           || ngx_hd_unlock_is_running(sibling, ticks);
}


/*
 * Who spins for a lock gives its processor away again and again, and beside
 * others it hardly runs at all.  Who holds one is only interrupted, each time
 * after some msec.  A hash over all servers made anew, under the lock, may take
 * some 100 msec.
 */

static ngx_uint_t
ngx_hd_unlock_is_running(ngx_hd_sibling_t *sibling, uint64_t ticks)
{
    uint64_t  turns;

    if (ngx_hd_unlock_switches(sibling->pid, "\nnonvoluntary_ctxt_switches:",
                               &turns)
        != NGX_OK)
    {
        return 1;
    }

    if (sibling->ticks == NGX_HD_UNLOCK_UNKNOWN) {
        sibling->ticks = ticks;
        sibling->turns = turns;
    }

    return ticks < sibling->ticks + NGX_HD_UNLOCK_TICKS
           && turns < sibling->turns + NGX_HD_UNLOCK_TURNS;
}


/*
 * nginx writes to its log under the lock, and waits there, once, if that is a
 * pipe that nobody reads.  One that waits again and again is in its event loop.
 * What is no worker, or is about to end, may sleep for long.
 */

static ngx_uint_t
ngx_hd_unlock_is_waiting(ngx_hd_sibling_t *sibling)
{
    uint64_t  waits;

    if (ngx_hd_unlock_switches(sibling->pid, "\nvoluntary_ctxt_switches:",
                               &waits)
        != NGX_OK)
    {
        return 1;
    }

    if (sibling->waits == NGX_HD_UNLOCK_UNKNOWN) {
        sibling->waits = waits;
    }

    return waits < sibling->waits + NGX_HD_UNLOCK_WAITS;
}


/* whether there is a /proc, and it is that of our processes */

static ngx_uint_t
ngx_hd_unlock_is_known(void)
{
    char     self[NGX_INT64_LEN];
    ssize_t  n;

    n = readlink("/proc/self", self, sizeof(self));

    return n > 0 && ngx_atoi((u_char *) self, n) == (ngx_int_t) getpid();
}


/*
 * What Linux says of the first thread of a process: its state, a letter, and
 * for how long it has run.  NGX_DECLINED: there is no such process; NGX_ERROR:
 * nothing is said.
 */

static ngx_int_t
ngx_hd_unlock_process(ngx_pid_t pid, u_char *state, uint64_t *ticks)
{
    char       *p;
    char        text[512];
    unsigned    user, system;
    ngx_int_t   rc;

    rc = ngx_hd_unlock_read(pid, "stat", text, sizeof(text));
    if (rc != NGX_OK) {
        return rc;
    }

    /* the second field is a name in parentheses, the 14th and 15th are times */

    p = strrchr(text, ')');

    if (p == NULL
        || sscanf(p, ") %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %u %u",
                  state, &user, &system)
           != 3)
    {
        return NGX_ERROR;
    }

    *ticks = (uint64_t) user + system;

    return NGX_OK;
}


/* how often it has gone from its processor, as the line of that name says */

static ngx_int_t
ngx_hd_unlock_switches(ngx_pid_t pid, char *line, uint64_t *n)
{
    char            *p;
    char             text[4096];
    ngx_int_t        rc;
    unsigned long    number;

    rc = ngx_hd_unlock_read(pid, "status", text, sizeof(text));
    if (rc != NGX_OK) {
        return rc;
    }

    p = strstr(text, line);

    if (p == NULL || sscanf(p + ngx_strlen(line), "%lu", &number) != 1) {
        return NGX_ERROR;
    }

    *n = number;

    return NGX_OK;
}


/* a file of /proc; the same */

static ngx_int_t
ngx_hd_unlock_read(ngx_pid_t pid, char *what, char *text, size_t size)
{
    int      fd;
    u_char   name[64];
    ssize_t  n;

    (void) ngx_snprintf(name, sizeof(name), "/proc/%P/task/%P/%s%Z", pid, pid,
                        what);

    fd = open((char *) name, O_RDONLY|O_CLOEXEC);
    if (fd == -1) {
        /* /proc may hide a process of another user */
        return (kill(pid, 0) == -1 && errno == ESRCH) ? NGX_DECLINED
                                                      : NGX_ERROR;
    }

    n = read(fd, text, size - 1);
    (void) close(fd);

    text[ngx_max(n, 0)] = '\0';

    return NGX_OK;
}
