
/*
 * The records of the shared zone: claimed, published and read by the workers
 * without a lock.  Nothing is allocated here, and nothing in the zone is a
 * pointer.  Which record is whose was settled by the master, see ngx_hd_zone.c.
 */


#include <ngx_hd_clock.h>
#include <ngx_hd_store.h>
#include <ngx_hd_history.h>
#include <ngx_hd_pace.h>
#include <ngx_hd_probe.h>


#define NGX_HD_READ_TRIES     64
#define NGX_HD_LEASE_MAX      7260000  /* msec: twice a timeout of an hour,
                                          and a minute */

#define ngx_hd_epoch(seq)     ((uint32_t) ((seq) >> 32))
#define ngx_hd_count(seq)     ((uint32_t) (seq))
#define ngx_hd_until(word)    ((uint32_t) (word))
#define ngx_hd_slot(word)     ((ngx_uint_t) ((word) >> 48))


static ngx_uint_t ngx_hd_store_is_held(ngx_hd_main_conf_t *hmcf,
    ngx_hd_record_t *rec, uint64_t word);
static ngx_int_t ngx_hd_store_fence(ngx_hd_record_t *rec, uint32_t epoch);
static void ngx_hd_store_fill(ngx_hd_record_t *rec, const ngx_hd_data_t *data,
    ngx_hd_history_t *history);
static uint64_t ngx_hd_store_write_note(ngx_hd_note_t *note,
    const ngx_hd_data_t *data, uint64_t id);
static void ngx_hd_store_write(ngx_hd_copy_t *copy, const ngx_hd_data_t *data,
    uint64_t note, uint32_t count);
static void ngx_hd_store_set_back(ngx_hd_record_t *rec, uint64_t back);
static void ngx_hd_store_set_verdict(ngx_hd_record_t *rec, uint32_t epoch,
    const ngx_hd_data_t *data);
static ngx_int_t ngx_hd_store_copy(ngx_hd_record_t *rec, uint32_t count,
    ngx_hd_data_t *data, uint64_t *note);
static ngx_int_t ngx_hd_store_copy_note(ngx_hd_note_t *note, uint64_t id,
    ngx_hd_data_t *data);


void
ngx_hd_store_reset(ngx_hd_record_t *rec, ngx_hd_target_t *t)
{
    uint64_t       seq;
    ngx_hd_data_t  data;

    /* whoever still holds a lease of the record's former target is fenced */

    seq = ((rec->seq >> 32) + 1) << 32;

    ngx_memzero(&data, sizeof(ngx_hd_data_t));
    ngx_memzero(rec, sizeof(ngx_hd_record_t));
    ngx_memcpy(rec->id, t->id, NGX_HD_ID_LEN);

    ngx_hd_store_write(&rec->copy[0], &data,
                       ngx_hd_store_write_note(&rec->note, &data, seq), 0);
    rec->due = ngx_hd_store_first_due(t);
    rec->told.known = ngx_current_msec;

    ngx_hd_set(&rec->verdict, seq | NGX_HD_STATE_UNKNOWN);
    ngx_hd_set(&rec->seq, seq);
}


void
ngx_hd_store_renew(ngx_hd_record_t *rec, ngx_hd_lease_t *lease,
    const u_char *id)
{
    uint32_t       count;
    uint64_t       seq, next, word[NGX_HD_ID_LEN / sizeof(uint64_t)];
    ngx_hd_data_t  data;

    /* first it is nobody's: who reads it on looks at the identity again */

    ngx_memzero(word, NGX_HD_ID_LEN);
    ngx_hd_words_save(rec->id, word, NGX_HD_ID_LEN / sizeof(uint64_t));

    __atomic_thread_fence(__ATOMIC_RELEASE);

    ngx_memzero(&data, sizeof(ngx_hd_data_t));
    ngx_memzero(&rec->history, sizeof(ngx_hd_history_t));
    ngx_memzero(&rec->told, sizeof(ngx_hd_told_t));
    ngx_memzero(&rec->place, sizeof(ngx_hd_place_t));

    rec->told.known = ngx_current_msec;

    seq = ngx_hd_load(&rec->seq);
    count = ngx_hd_count(seq) + 1;
    next = (uint64_t) lease->epoch << 32 | count;

    ngx_hd_store_write(&rec->copy[count & 1], &data,
                       ngx_hd_store_write_note(&rec->note, &data, next), count);

    ngx_hd_set(&rec->seq, next);
    ngx_hd_store_set_verdict(rec, lease->epoch, &data);
    ngx_hd_set(&rec->cleared, 0);
    ngx_hd_set(&rec->back, 0);
    ngx_hd_set(&rec->recent, 0);
    ngx_hd_set(&rec->due, ngx_current_msec);

    __atomic_thread_fence(__ATOMIC_RELEASE);

    ngx_memcpy(word, id, NGX_HD_ID_LEN);
    ngx_hd_words_save(rec->id, word, NGX_HD_ID_LEN / sizeof(uint64_t));
}


void
ngx_hd_store_import(ngx_hd_record_t *rec, ngx_hd_record_t *old)
{
    ngx_hd_data_t  data;

    /*
     * Without the mutex, which the master must not wait for: a message that is
     * just being written is cleaned when it is shown, and the next replaces it.
     */

    rec->told = old->told;

    /* of facts that are spoilt the state is left, and who is down stays out */

    (void) ngx_hd_store_read(old, &data);

    ngx_hd_store_fill(rec, &data, &old->history);

    /*
     * A probe still under way there is waited for by its lease, and made up
     * for at once then: nobody will hear of its result.
     */

    rec->due = ngx_hd_load(&old->lease) ? ngx_current_msec
                                        : ngx_hd_load(&old->due);
    rec->recent = ngx_hd_load(&old->recent);
    rec->cleared = ngx_hd_load(&old->cleared);
    rec->holder = ngx_hd_load(&old->holder);
    rec->lease = ngx_hd_load(&old->lease);
}


/* the first facts of a record that was just made empty */

static void
ngx_hd_store_fill(ngx_hd_record_t *rec, const ngx_hd_data_t *data,
    ngx_hd_history_t *history)
{
    uint64_t  seq;

    seq = ((rec->seq >> 32) + 1) << 32 | 1;

    ngx_hd_history_copy(&rec->history, history);

    ngx_hd_store_write(&rec->copy[1], data,
                       ngx_hd_store_write_note(&rec->note, data, seq), 1);
    ngx_hd_set(&rec->seq, seq);
    ngx_hd_store_set_back(rec, data->back);
    ngx_hd_store_set_verdict(rec, ngx_hd_epoch(seq), data);
}


void
ngx_hd_store_restore(ngx_hd_record_t *rec, const ngx_hd_data_t *data,
    ngx_hd_history_t *history, const ngx_hd_told_t *told)
{
    rec->told = *told;

    ngx_hd_store_fill(rec, data, history);

    rec->cleared = data->recoveries & 0xffffff;
}


void
ngx_hd_store_forget(ngx_hd_record_t *rec, ngx_hd_data_t *data, uint64_t clock,
    ngx_msec_t validity)
{
    ngx_hd_history_pass(&rec->history, data, clock, validity);

    data->state = NGX_HD_STATE_UNKNOWN;
    data->state_reason = NGX_HD_R_NONE;
    data->state_len = 0;
    data->since = ngx_hd_wall();
    data->since_mono = ngx_current_msec;
}


void
ngx_hd_store_doubt(ngx_hd_record_t *rec, uint64_t clock, ngx_msec_t validity)
{
    ngx_hd_data_t  data;

    (void) ngx_hd_store_read(rec, &data);

    if ((data.state == NGX_HD_STATE_UP || data.state == NGX_HD_STATE_DEGRADED)
        && ngx_hd_since(data.last_mono, ngx_current_msec) > validity)
    {
        ngx_hd_store_forget(rec, &data, clock, validity);
        ngx_hd_store_fill(rec, &data, &rec->history);
    }
}


ngx_int_t
ngx_hd_store_copy_told(ngx_hd_record_t *rec, ngx_hd_told_t *told)
{
    ngx_uint_t     tries;
    ngx_hd_told_t  again;

    for (tries = 0; tries < NGX_HD_READ_TRIES; tries++) {
        ngx_hd_words_load(told, &rec->told,
                          sizeof(ngx_hd_told_t) / sizeof(ngx_hd_word_t));
        ngx_hd_words_load(&again, &rec->told,
                          sizeof(ngx_hd_told_t) / sizeof(ngx_hd_word_t));

        if (ngx_memcmp(told, &again, sizeof(ngx_hd_told_t)) == 0) {
            return NGX_OK;
        }
    }

    return NGX_AGAIN;
}


ngx_hd_record_t *
ngx_hd_store_record(ngx_hd_main_conf_t *hmcf, ngx_hd_target_t *t)
{
    ngx_hd_record_t  *rec;

    rec = &hmcf->zone->record[t->record];

    if (ngx_memcmp(rec->id, t->id, NGX_HD_ID_LEN) != 0) {
        return NULL;
    }

    return rec;
}


uint64_t
ngx_hd_store_first_due(ngx_hd_target_t *t)
{
    return ngx_current_msec
           + ngx_hd_pace_spread(t->index, ngx_min(t->check->interval,
                                                  NGX_HD_PACE_FIRST));
}


ngx_msec_t
ngx_hd_store_pause(ngx_hd_check_t *check)
{
    return check->type->told ? ngx_min(check->interval, NGX_HD_PACE_FIRST)
                             : check->interval;
}


ngx_msec_t
ngx_hd_store_patience(ngx_hd_check_t *check)
{
    return check->timeout + ngx_max(ngx_hd_store_pause(check) / 2, 1000);
}


ngx_msec_t
ngx_hd_store_trust(ngx_hd_check_t *check)
{
    return ngx_hd_store_patience(check) + ngx_hd_store_pause(check);
}


ngx_msec_t
ngx_hd_store_validity(ngx_hd_check_t *check)
{
    return check->interval + check->interval * check->jitter / 100
           + check->grace + ngx_hd_store_trust(check);
}


ngx_int_t
ngx_hd_store_claim(ngx_hd_main_conf_t *hmcf, ngx_hd_record_t *rec,
    ngx_msec_t msec, ngx_hd_lease_t *lease, uint64_t *until)
{
    uint32_t  end;
    uint64_t  word;

    if (ngx_hd_load(&hmcf->zone->generation) != hmcf->generation) {
        return NGX_DECLINED;
    }

    word = ngx_hd_load(&rec->lease);

    if (ngx_hd_store_is_held(hmcf, rec, word)) {
        *until = ngx_current_msec
                 + (uint32_t) (ngx_hd_until(word)
                               - (uint32_t) ngx_current_msec);
        return NGX_BUSY;
    }

    end = (uint32_t) (ngx_current_msec + msec);

    lease->epoch = ngx_hd_epoch(ngx_hd_load(&rec->seq)) + 1;
    lease->word = (uint64_t) ngx_worker << 48
                  | (uint64_t) (lease->epoch & 0xffff) << 32
                  | (end ? end : 1);

    lease->left = (word != 0);

    if (!ngx_hd_cas(&rec->lease, &word, lease->word)) {
        *until = ngx_current_msec + NGX_HD_TICK;
        return NGX_BUSY;
    }

    ngx_hd_set(&rec->holder,
               (hmcf->generation << 32) | (uint32_t) ngx_pid);

    if (ngx_hd_store_fence(rec, lease->epoch) != NGX_OK) {
        ngx_hd_store_release(rec, lease);
        *until = ngx_current_msec + NGX_HD_TICK;
        return NGX_BUSY;
    }

    return NGX_OK;
}


ngx_uint_t
ngx_hd_store_is_busy(ngx_hd_main_conf_t *hmcf, ngx_hd_record_t *rec)
{
    return ngx_hd_store_is_held(hmcf, rec, ngx_hd_load(&rec->lease));
}


/*
 * A lease is free when its time is 0 or over.  One in the name of a worker of
 * our own number and configuration is of a process that died: we are what was
 * started in its place.
 */

static ngx_uint_t
ngx_hd_store_is_held(ngx_hd_main_conf_t *hmcf, ngx_hd_record_t *rec,
    uint64_t word)
{
    int32_t   left;
    uint64_t  holder;

    left = (int32_t) (ngx_hd_until(word) - (uint32_t) ngx_current_msec);

    /* one that died weeks ago looks like one of the future */

    if (ngx_hd_until(word) == 0 || left <= 0 || left > NGX_HD_LEASE_MAX) {
        return 0;
    }

    holder = ngx_hd_load(&rec->holder);

    return ngx_hd_slot(word) != ngx_worker
           || (uint32_t) (holder >> 32) != (uint32_t) hmcf->generation
           || (uint32_t) holder == (uint32_t) ngx_pid;
}


/* moves the epoch: from here on no earlier holder can publish */

static ngx_int_t
ngx_hd_store_fence(ngx_hd_record_t *rec, uint32_t epoch)
{
    uint64_t  seq;

    seq = ngx_hd_load(&rec->seq);

    do {
        if ((int32_t) (epoch - ngx_hd_epoch(seq)) <= 0) {
            return NGX_DECLINED;
        }

    } while (!ngx_hd_cas(&rec->seq, &seq,
                         (uint64_t) epoch << 32 | ngx_hd_count(seq)));

    return NGX_OK;
}


void
ngx_hd_store_release(ngx_hd_record_t *rec, ngx_hd_lease_t *lease)
{
    uint64_t  word;

    word = lease->word;

    (void) ngx_hd_cas(&rec->lease, &word, 0);
}


ngx_int_t
ngx_hd_store_publish(ngx_hd_record_t *rec, ngx_hd_lease_t *lease,
    const ngx_hd_data_t *data)
{
    uint32_t  count;
    uint64_t  seq, next;

    seq = ngx_hd_load(&rec->seq);

    if (ngx_hd_load(&rec->lease) != lease->word
        || ngx_hd_epoch(seq) != lease->epoch)
    {
        return NGX_DECLINED;
    }

    count = ngx_hd_count(seq) + 1;
    next = (uint64_t) lease->epoch << 32 | count;

    ngx_hd_store_write(&rec->copy[count & 1], data,
                       ngx_hd_store_write_note(&rec->note, data, next), count);

    if (!ngx_hd_cas(&rec->seq, &seq, next)) {
        return NGX_DECLINED;
    }

    ngx_hd_store_set_back(rec, data->back);
    ngx_hd_store_set_verdict(rec, lease->epoch, data);

    return NGX_OK;
}


/*
 * Texts that rarely change are written when they do, under an id that no other
 * publication has: what a writer that was stopped stores later fits no facts.
 * Returns the id of the note that has them now.
 */

static uint64_t
ngx_hd_store_write_note(ngx_hd_note_t *note, const ngx_hd_data_t *data,
    uint64_t id)
{
    uint64_t              old;
    ngx_hd_data_t         last;
    const ngx_hd_word_t  *src, *was;

    src = (const ngx_hd_word_t *) data + NGX_HD_FACT_WORDS;
    was = (const ngx_hd_word_t *) &last + NGX_HD_FACT_WORDS;
    old = __atomic_load_n(&note->id, __ATOMIC_RELAXED);

    if (ngx_hd_store_copy_note(note, old, &last) == NGX_OK
        && ngx_memcmp(was, src, NGX_HD_NOTE_WORDS * sizeof(ngx_hd_word_t))
           == 0)
    {
        return old;
    }

    ngx_hd_words_save(note->word, src, NGX_HD_NOTE_WORDS);

    __atomic_store_n(&note->id, id, __ATOMIC_RELAXED);
    __atomic_store_n(&note->sum, ngx_hd_words_sum(src, NGX_HD_NOTE_WORDS, id),
                     __ATOMIC_RELAXED);

    return id;
}


static void
ngx_hd_store_write(ngx_hd_copy_t *copy, const ngx_hd_data_t *data,
    uint64_t note, uint32_t count)
{
    uint64_t              sum;
    const ngx_hd_word_t  *src;

    src = (const ngx_hd_word_t *) data;
    sum = ngx_hd_words_sum(src, NGX_HD_FACT_WORDS, count ^ note);

    ngx_hd_words_save(copy->fact, src, NGX_HD_FACT_WORDS);

    /* ordered before the swap of "seq", which is a release */

    __atomic_store_n(&copy->note, note, __ATOMIC_RELAXED);
    __atomic_store_n(&copy->sum, sum, __ATOMIC_RELAXED);
}


/* before the verdict: who sees that it is back has to see since when */

static void
ngx_hd_store_set_back(ngx_hd_record_t *rec, uint64_t back)
{
    uint64_t  old;

    old = ngx_hd_load(&rec->back);

    while (old < back && !ngx_hd_cas(&rec->back, &old, back)) {
        /* void */
    }
}


/*
 * A writer that was stopped just here must not bring an older verdict back, nor
 * give one to the next target of the record: every publication has an epoch of
 * its own, and so has every target.
 */

static void
ngx_hd_store_set_verdict(ngx_hd_record_t *rec, uint32_t epoch,
    const ngx_hd_data_t *data)
{
    uint64_t  old, verdict;

    verdict = (uint64_t) epoch << 32
              | (data->recoveries & 0xffffff) << 8
              | (data->state & 0xff);

    old = ngx_hd_load(&rec->verdict);

    do {
        if ((int32_t) (epoch - (uint32_t) (old >> 32)) <= 0) {
            return;
        }

    } while (!ngx_hd_cas(&rec->verdict, &old, verdict));
}


ngx_int_t
ngx_hd_store_read(ngx_hd_record_t *rec, ngx_hd_data_t *data)
{
    uint32_t    count;
    uint64_t    note;
    ngx_int_t   rc;
    ngx_uint_t  tries;

    tries = 0;

    do {
        count = ngx_hd_count(ngx_hd_load(&rec->seq));

        rc = ngx_hd_store_copy(rec, count, data, &note);

        if (rc == NGX_OK
            && ngx_hd_store_copy_note(&rec->note, note, data) == NGX_OK)
        {
            return NGX_OK;
        }

    } while (++tries < NGX_HD_READ_TRIES);

    /* spoilt by a former holder; the facts before are in the other copy */

    if (rc != NGX_OK) {
        rc = ngx_hd_store_copy(rec, count - 1, data, &note);
    }

    if (rc == NGX_OK) {

        if (ngx_hd_store_copy_note(&rec->note, note, data) != NGX_OK) {
            ngx_memzero((ngx_hd_word_t *) data + NGX_HD_FACT_WORDS,
                        NGX_HD_NOTE_WORDS * sizeof(ngx_hd_word_t));
            data->state_len = 0;
        }

        return NGX_OK;
    }

    ngx_memzero(data, sizeof(ngx_hd_data_t));
    data->state = ngx_hd_store_verdict(rec, &data->recoveries);

    return NGX_AGAIN;
}


/* the copy written with this count, if it is there and whole */

static ngx_int_t
ngx_hd_store_copy(ngx_hd_record_t *rec, uint32_t count, ngx_hd_data_t *data,
    uint64_t *note)
{
    uint64_t        sum;
    ngx_hd_copy_t  *copy;
    ngx_hd_word_t  *dst;

    copy = &rec->copy[count & 1];
    dst = (ngx_hd_word_t *) data;

    ngx_hd_words_load(dst, copy->fact, NGX_HD_FACT_WORDS);

    *note = __atomic_load_n(&copy->note, __ATOMIC_RELAXED);
    sum = __atomic_load_n(&copy->sum, __ATOMIC_RELAXED);

    return (sum == ngx_hd_words_sum(dst, NGX_HD_FACT_WORDS,
                                    count ^ *note))
           ? NGX_OK : NGX_DECLINED;
}


static ngx_int_t
ngx_hd_store_copy_note(ngx_hd_note_t *note, uint64_t id, ngx_hd_data_t *data)
{
    uint64_t        sum;
    ngx_hd_word_t  *dst;

    dst = (ngx_hd_word_t *) data + NGX_HD_FACT_WORDS;

    ngx_hd_words_load(dst, note->word, NGX_HD_NOTE_WORDS);

    sum = __atomic_load_n(&note->sum, __ATOMIC_RELAXED);

    return (sum == ngx_hd_words_sum(dst, NGX_HD_NOTE_WORDS, id))
           ? NGX_OK : NGX_DECLINED;
}


ngx_uint_t
ngx_hd_store_verdict(ngx_hd_record_t *rec, uint64_t *recoveries)
{
    uint64_t  verdict;

    verdict = ngx_hd_load(&rec->verdict);

    if (recoveries) {
        *recoveries = (verdict >> 8) & 0xffffff;
    }

    return verdict & 0xff;
}


ngx_uint_t
ngx_hd_store_clear_once(ngx_hd_record_t *rec, uint64_t recoveries)
{
    uint64_t  cleared;

    cleared = ngx_hd_load(&rec->cleared);

    return cleared != recoveries && ngx_hd_cas(&rec->cleared, &cleared,
                                               recoveries);
}


uint64_t
ngx_hd_store_changes(ngx_hd_upstream_t *u)
{
    return ngx_hd_load(&u->main->zone->changes[u->word]);
}


void
ngx_hd_store_changed(ngx_hd_upstream_t *u)
{
    (void) __atomic_add_fetch(&u->main->zone->changes[u->word], 1,
                              __ATOMIC_ACQ_REL);
}


uint64_t
ngx_hd_store_spread(u_char *id)
{
    uint64_t  n;

    ngx_memcpy(&n, id, sizeof(uint64_t));

    return n;
}
