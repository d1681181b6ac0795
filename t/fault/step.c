
/*
 * Death at any instruction of the functions below: the processor stops after
 * each one, a signal comes at the one that was asked for.  What nginx's own lock
 * of a list of servers covers is counted apart.
 */


#include "fault.h"

#include <ngx_hd_beat.h>
#include <ngx_hd_event.h>
#include <ngx_hd_history.h>
#include <ngx_hd_store.h>
#include <ngx_hd_upstream.h>

#include <signal.h>
#include <string.h>


static volatile int64_t  hd_step_mode, hd_step_left, hd_step_count;
static volatile int64_t  hd_step_held;
static volatile int      hd_step_locked;


#if (__x86_64__)

#define hd_step_on()                                                          \
    __asm__ volatile ("pushfq; orq $0x100, (%%rsp); popfq" : : : "memory", "cc")
#define hd_step_off()                                                         \
    __asm__ volatile ("pushfq; andq $~0x100, (%%rsp); popfq" : : : "memory",  \
                      "cc")

#else

#define hd_step_on()   abort()
#define hd_step_off()

#endif


static void
hd_step_handler(int signo)
{
    int64_t  n;

    (void) signo;

    n = hd_step_locked ? ++hd_step_held : ++hd_step_count;

    if (n == hd_step_left
        && hd_step_mode == (hd_step_locked ? HD_FAULT_HELD : HD_FAULT_STEP))
    {
        kill(getpid(), (int) hd_fault->each);
    }
}


/* whether this call of the function is the one that was asked for */

static int
hd_step_begin(const char *name)
{
    int64_t           mode;
    struct sigaction  sa;

    if (hd_fault == NULL) {
        return 0;
    }

    mode = __atomic_load_n(&hd_fault->mode, __ATOMIC_ACQUIRE);

    if ((mode != HD_FAULT_STEP && mode != HD_FAULT_HELD)
        || strcmp(name, hd_fault->name) != 0
        || !__atomic_compare_exchange_n(&hd_fault->mode, &mode, HD_FAULT_OFF, 0,
                                        __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
    {
        return 0;
    }

    hd_step_mode = mode;
    hd_step_left = hd_fault->left;
    hd_step_count = 0;
    hd_step_held = 0;

    memset(&sa, 0, sizeof(struct sigaction));
    sa.sa_handler = hd_step_handler;
    sigaction(SIGTRAP, &sa, NULL);

    (void) __atomic_add_fetch(&hd_fault->fired, 1, __ATOMIC_ACQ_REL);

    return 1;
}


/* the call was shorter than what was asked for */

static void
hd_step_end(void)
{
    hd_fault->steps = hd_step_count;
    hd_fault->locked = hd_step_held;
    (void) __atomic_add_fetch(&hd_fault->survived, 1, __ATOMIC_ACQ_REL);
}


#define HD_STEP(name, takes, passes)                                          \
    void hd_fault_##name takes;                                               \
                                                                              \
    void                                                                      \
    hd_fault_##name takes                                                     \
    {                                                                         \
        if (!hd_step_begin(#name)) {                                          \
            name passes;                                                      \
            return;                                                           \
        }                                                                     \
                                                                              \
        hd_step_on();                                                         \
        name passes;                                                          \
        hd_step_off();                                                        \
        hd_step_end();                                                        \
    }

#define HD_STEP_VALUE(name, type, takes, passes)                              \
    type hd_fault_##name takes;                                               \
                                                                              \
    type                                                                      \
    hd_fault_##name takes                                                     \
    {                                                                         \
        type  rc;                                                             \
                                                                              \
        if (!hd_step_begin(#name)) {                                          \
            return name passes;                                               \
        }                                                                     \
                                                                              \
        hd_step_on();                                                         \
        rc = name passes;                                                     \
        hd_step_off();                                                        \
        hd_step_end();                                                        \
                                                                              \
        return rc;                                                            \
    }


HD_STEP_VALUE(ngx_hd_store_claim, ngx_int_t, (ngx_hd_main_conf_t *hmcf,
              ngx_hd_record_t *rec, ngx_msec_t msec, ngx_hd_lease_t *lease,
              uint64_t *until), (hmcf, rec, msec, lease, until))
HD_STEP_VALUE(ngx_hd_store_publish, ngx_int_t, (ngx_hd_record_t *rec,
              ngx_hd_lease_t *lease, const ngx_hd_data_t *data),
              (rec, lease, data))
HD_STEP(ngx_hd_store_release, (ngx_hd_record_t *rec, ngx_hd_lease_t *lease),
        (rec, lease))
HD_STEP(ngx_hd_store_changed, (ngx_hd_upstream_t *u), (u))
HD_STEP(ngx_hd_history_pass, (ngx_hd_history_t *h, ngx_hd_data_t *data,
        uint64_t clock, uint64_t validity), (h, data, clock, validity))
HD_STEP(ngx_hd_history_keep, (ngx_hd_history_t *h, const ngx_hd_data_t *data,
        const ngx_hd_result_t *result), (h, data, result))
HD_STEP_VALUE(ngx_hd_event_add, uint64_t, (ngx_hd_zone_t *zone,
              ngx_hd_event_t *e, uint64_t mono, int64_t wall),
              (zone, e, mono, wall))
HD_STEP_VALUE(ngx_hd_beat_tell, ngx_int_t, (ngx_hd_target_t *t,
              ngx_hd_verdict_e status, const ngx_str_t *message),
              (t, status, message))
HD_STEP(ngx_hd_upstream_sync, (ngx_hd_upstream_t *u), (u))
HD_STEP_VALUE(ngx_hd_upstream_serves, ngx_uint_t, (ngx_hd_upstream_t *u,
              ngx_hd_target_t *t), (u, t))


/* nginx's lock of a list of servers */

void hd_fault_ngx_rwlock_wlock(ngx_atomic_t *lock);
void hd_fault_ngx_rwlock_rlock(ngx_atomic_t *lock);
void hd_fault_ngx_rwlock_unlock(ngx_atomic_t *lock);


void
hd_fault_ngx_rwlock_wlock(ngx_atomic_t *lock)
{
    hd_step_locked++;
    ngx_rwlock_wlock(lock);
}


void
hd_fault_ngx_rwlock_rlock(ngx_atomic_t *lock)
{
    hd_step_locked++;
    ngx_rwlock_rlock(lock);
}


void
hd_fault_ngx_rwlock_unlock(ngx_atomic_t *lock)
{
    ngx_rwlock_unlock(lock);
    hd_step_locked--;
}
