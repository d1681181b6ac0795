
/*
 * healthdash: the queue of a worker, and its turns.  Urgent targets, which
 * change their state or are not known yet, go before the others, but one turn
 * of four is for those, so that nobody starves.  A target whose address is busy
 * waits beside it and holds up nobody else.  Called by the scheduler.
 */


#include <ngx_hd_queue.h>
#include <ngx_hd_index.h>
#include <ngx_hd_pace.h>
#include <ngx_hd_probe.h>
#include <ngx_md5.h>


#define NGX_HD_QUEUE_URGENT    3       /* turns of four */
#define NGX_HD_QUEUE_FLOOR     280     /* probes a second of all workers that
                                          may begin, however few are due */


typedef struct {
    u_char  md5[NGX_HD_ID_LEN];
} ngx_hd_queue_key_t;


static ngx_int_t ngx_hd_queue_addresses(ngx_hd_queue_t *q, ngx_pool_t *pool);
static void ngx_hd_queue_use(ngx_hd_address_t *address, const u_char *key);
static ngx_uint_t ngx_hd_queue_find(ngx_hd_queue_t *q,
    const ngx_hd_target_t *t);
static ngx_uint_t ngx_hd_queue_key(u_char *key, const ngx_hd_target_t *t);
static void ngx_hd_queue_timer_handler(ngx_event_t *ev);
static ngx_uint_t ngx_hd_queue_is_turn(ngx_hd_queue_t *q);
static ngx_uint_t ngx_hd_queue_is_empty(const ngx_hd_queue_t *q);
static ngx_hd_wait_t *ngx_hd_queue_next(ngx_hd_queue_t *q);
static ngx_queue_t *ngx_hd_queue_choose(ngx_hd_queue_t *q);
static ngx_uint_t ngx_hd_queue_has_room(const ngx_hd_queue_t *q,
    const ngx_hd_wait_t *wait);


ngx_int_t
ngx_hd_queue_init(ngx_hd_queue_t *q, ngx_hd_main_conf_t *hmcf,
    ngx_cycle_t *cycle, ngx_hd_queue_pt handler)
{
    q->main = hmcf;
    q->handler = handler;
    q->fd = (ngx_socket_t) -1;

    q->timer.handler = ngx_hd_queue_timer_handler;
    q->timer.data = q;
    q->timer.log = cycle->log;
    q->timer.cancelable = 1;

    ngx_queue_init(&q->urgent);
    ngx_queue_init(&q->calm);

    q->most = hmcf->inflight;
    q->most_address = hmcf->per_address;

    /* the least is one probe of any kind */

    q->most_connections = ngx_max(cycle->connection_n / 4,
                                  NGX_HD_PROBE_CONNECTIONS);

    return ngx_hd_queue_addresses(q, cycle->pool);
}


static ngx_int_t
ngx_hd_queue_addresses(ngx_hd_queue_t *q, ngx_pool_t *pool)
{
    ngx_uint_t            i, n, number;
    ngx_hd_index_t        index;
    ngx_hd_target_t     **t;
    ngx_hd_queue_key_t   *key;

    t = q->main->targets.elts;
    n = q->main->targets.nelts;

    q->address = ngx_pcalloc(pool, ngx_max(n, 1) * sizeof(ngx_uint_t));
    q->addresses = ngx_pcalloc(pool, (n + 1) * sizeof(ngx_hd_address_t));
    key = ngx_palloc(pool, ngx_max(n, 1) * sizeof(ngx_hd_queue_key_t));

    if (q->address == NULL || q->addresses == NULL || key == NULL
        || ngx_hd_index_init(&index, n, pool) != NGX_OK)
    {
        return NGX_ERROR;
    }

    for (number = 0, i = 0; i < n; i++) {

        if (t[i]->spare || !ngx_hd_queue_key(key[i].md5, t[i])) {
            continue;
        }

        q->address[i] = ngx_hd_index_find(&index, key[i].md5);

        if (q->address[i] == 0) {
            q->address[i] = ++number;
            ngx_hd_index_add(&index, key[i].md5, number);
            ngx_hd_queue_use(&q->addresses[number], key[i].md5);
        }

        q->addresses[q->address[i]].targets++;
    }

    return NGX_OK;
}


static void
ngx_hd_queue_use(ngx_hd_address_t *address, const u_char *key)
{
    ngx_memcpy(address->key, key, NGX_HD_ID_LEN);
    ngx_queue_init(&address->waiting);
}


/* of a spare target: there is one for each, in the worst case */

static ngx_uint_t
ngx_hd_queue_find(ngx_hd_queue_t *q, const ngx_hd_target_t *t)
{
    u_char      key[NGX_HD_ID_LEN];
    ngx_uint_t  i, number;

    if (t->absent || !ngx_hd_queue_key(key, t)) {
        return 0;
    }

    number = 0;

    for (i = q->main->targets.nelts; i; i--) {

        if (q->addresses[i].targets == 0) {
            number = i;

        } else if (ngx_memcmp(q->addresses[i].key, key, NGX_HD_ID_LEN) == 0) {
            number = i;
            break;
        }
    }

    if (q->addresses[number].targets == 0) {
        ngx_hd_queue_use(&q->addresses[number], key);
    }

    q->addresses[number].targets++;

    return number;
}


/* whom a probe of t bothers; 0: nobody but this machine */

static ngx_uint_t
ngx_hd_queue_key(u_char *key, const ngx_hd_target_t *t)
{
    ngx_md5_t  md5;

    if (t->check->type->form == NGX_HD_URL_NAME) {
        return 0;
    }

    ngx_md5_init(&md5);

    if (t->sockaddr) {
        ngx_md5_update(&md5, t->sockaddr, t->socklen);

    } else {
        ngx_md5_update(&md5, t->host.data, t->host.len);
        ngx_md5_update(&md5, &t->port, sizeof(in_port_t));
    }

    ngx_md5_final(key, &md5);

    return 1;
}


void
ngx_hd_queue_join(ngx_hd_queue_t *q, ngx_hd_wait_t *wait, ngx_hd_target_t *t)
{
    ngx_uint_t  number;

    number = t->spare ? ngx_hd_queue_find(q, t) : q->address[t->index];

    wait->spare = t->spare;
    wait->address = number ? &q->addresses[number] : NULL;
    wait->connections = t->check->type->told
                        ? 0 : ngx_max(t->check->type->connections, 1);
}


void
ngx_hd_queue_part(ngx_hd_queue_t *q, ngx_hd_wait_t *wait)
{
    if (wait->queued) {
        ngx_queue_remove(&wait->link);
        wait->queued = 0;
    }

    if (wait->spare && wait->address) {
        wait->address->targets--;
        wait->address = NULL;
    }
}


void
ngx_hd_queue_put(ngx_hd_queue_t *q, ngx_hd_wait_t *wait)
{
    wait->queued = 1;

    ngx_queue_insert_tail(wait->urgent ? &q->urgent : &q->calm, &wait->link);
}


void
ngx_hd_queue_end(ngx_hd_queue_t *q)
{
    if (q->timer.timer_set) {
        ngx_del_timer(&q->timer);
    }
}


void
ngx_hd_queue_set_rate(ngx_hd_queue_t *q, uint64_t need)
{
    ngx_uint_t  least;

    least = NGX_HD_QUEUE_FLOOR / ngx_min(q->main->workers, 8);

    q->rate = ngx_max(need * 13 / 10000000, least);
}


static void
ngx_hd_queue_timer_handler(ngx_event_t *ev)
{
    ngx_hd_queue_pump(ev->data);
}


void
ngx_hd_queue_pump(ngx_hd_queue_t *q)
{
    ngx_hd_wait_t  *wait;

    while (!ngx_hd_queue_is_empty(q) && ngx_hd_queue_is_turn(q)) {
        wait = ngx_hd_queue_next(q);

        if (wait == NULL) {
            return;
        }

        q->handler(wait);
    }
}


/*
 * A worker takes one turn and keeps it until a probe begins.  Its own are a
 * third more than its targets need, so that what comes due at once, as after a
 * time in which it was stopped, spreads, and is made up for all the same; with
 * the few that may be made up for at once that is less than twice the mean in
 * any 100 msec.
 */

static ngx_uint_t
ngx_hd_queue_is_turn(ngx_hd_queue_t *q)
{
    uint64_t  turn, now;

    now = (uint64_t) ngx_current_msec * 1000;

    if (q->turn == 0) {
        q->turn = ngx_hd_pace_take(&q->own, q->rate, ngx_current_msec);

        if (q->main->rate) {
            turn = ngx_hd_pace_take(&q->main->zone->pace.turn, q->main->rate,
                                    ngx_current_msec);
            q->turn = ngx_max(q->turn, turn);
        }
    }

    if (q->turn <= now) {
        return 1;
    }

    if (!q->timer.timer_set) {
        ngx_add_timer(&q->timer, (q->turn - now + 999) / 1000);
    }

    return 0;
}


/* nobody waits, but for an address */

static ngx_uint_t
ngx_hd_queue_is_empty(const ngx_hd_queue_t *q)
{
    return ngx_queue_empty(&q->urgent) && ngx_queue_empty(&q->calm);
}


/* NULL: nobody, or no more probes may be under way */

static ngx_hd_wait_t *
ngx_hd_queue_next(ngx_hd_queue_t *q)
{
    ngx_queue_t    *from;
    ngx_hd_wait_t  *wait;

    for ( ;; ) {
        from = ngx_hd_queue_choose(q);

        if (from == NULL) {
            return NULL;
        }

        wait = ngx_queue_data(ngx_queue_head(from), ngx_hd_wait_t, link);

        if (!ngx_hd_queue_has_room(q, wait)) {
            return NULL;
        }

        ngx_queue_remove(&wait->link);

        if (wait->address == NULL
            || wait->address->running < q->most_address)
        {
            wait->queued = 0;
            q->turns = wait->urgent ? q->turns + 1 : 0;
            return wait;
        }

        ngx_queue_insert_tail(&wait->address->waiting, &wait->link);
    }
}


static ngx_queue_t *
ngx_hd_queue_choose(ngx_hd_queue_t *q)
{
    if (ngx_queue_empty(&q->calm)) {
        return ngx_queue_empty(&q->urgent) ? NULL : &q->urgent;
    }

    if (ngx_queue_empty(&q->urgent) || q->turns >= NGX_HD_QUEUE_URGENT) {
        return &q->calm;
    }

    return &q->urgent;
}


static ngx_uint_t
ngx_hd_queue_has_room(const ngx_hd_queue_t *q, const ngx_hd_wait_t *wait)
{
    return q->running < q->most
           && q->connections + wait->connections <= q->most_connections;
}


void
ngx_hd_queue_enter(ngx_hd_queue_t *q, ngx_hd_wait_t *wait)
{
    q->turn = wait->connections ? 0 : q->turn;
    q->running++;
    q->connections += wait->connections;

    if (wait->address) {
        wait->address->running++;
    }
}


void
ngx_hd_queue_leave(ngx_hd_queue_t *q, ngx_hd_wait_t *wait)
{
    ngx_queue_t    *next;
    ngx_hd_wait_t  *other;

    q->running--;
    q->connections -= wait->connections;

    if (wait->address == NULL) {
        return;
    }

    wait->address->running--;

    if (ngx_queue_empty(&wait->address->waiting)) {
        return;
    }

    /* who has waited for this goes before those who came later */

    next = ngx_queue_head(&wait->address->waiting);
    other = ngx_queue_data(next, ngx_hd_wait_t, link);

    ngx_queue_remove(next);
    ngx_queue_insert_head(other->urgent ? &q->urgent : &q->calm, next);
}
