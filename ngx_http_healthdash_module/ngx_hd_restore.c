
/*
 * healthdash: the state file read back.  The master does it, often as root, in
 * a folder of the workers' user, so a file is judged by what was opened, never
 * followed if it is a link, and moved only if it is a regular file.
 */


#include <ngx_hd_archive.h>
#include <ngx_hd_clock.h>
#include <ngx_hd_event.h>
#include <ngx_hd_index.h>
#include <ngx_hd_place.h>
#include <ngx_hd_restore.h>
#include <ngx_hd_store.h>

#include <fcntl.h>


#define NGX_HD_RESTORE_TRUST   3600000         /* msec: states are of use */
#define NGX_HD_RESTORE_KEEP    7776000000LL    /* msec: 90 days, as history */
#define NGX_HD_RESTORE_LEASE   1000            /* msec, for one record */
#define NGX_HD_RESTORE_TEXT    128             /* bytes of a sentence */


struct ngx_hd_restore_s {
    ngx_hd_main_conf_t      *main;
    ngx_log_t               *log;
    ngx_fd_t                 fd;
    ngx_hd_index_t           targets;   /* index + 1 by identity */
    ngx_hd_archive_head_t    head;
    ngx_hd_archive_frame_t  *frame;
    uint64_t                 away;      /* msec: nginx was not there */
    uint64_t                 shift;     /* msec: from the monotonic clock of
                                           then to that of now, modulo 2^64 */
    uint64_t                 clock;     /* history clock, msec: now */
    uint64_t                 frames;    /* sum over sums */
    ngx_uint_t               restored;  /* targets of the configuration */
    ngx_uint_t               present;   /* how many there are */
    ngx_uint_t               awaited;   /* targets restored of servers that DNS
                                           may give again */
    ngx_uint_t               bad;       /* places, frames and events */
    unsigned                 cut:1;     /* the file is shorter than it says */
    unsigned                 regular:1; /* it may be moved */
};


/* what is done with r->frame, which is t's */

typedef void (*ngx_hd_restore_target_pt)(ngx_hd_restore_t *r,
    ngx_hd_target_t *t);


static ngx_uint_t ngx_hd_restore_is_closed(const ngx_core_conf_t *core,
    const ngx_file_info_t *fi);
static ngx_uint_t ngx_hd_restore_present(ngx_hd_main_conf_t *hmcf);
static const char *ngx_hd_restore_open(ngx_hd_restore_t *r, ngx_err_t *err);
static const char *ngx_hd_restore_judge(ngx_hd_restore_t *r,
    const ngx_file_info_t *fi);
static const char *ngx_hd_restore_head(ngx_hd_restore_t *r);
static const char *ngx_hd_restore_clocks(ngx_hd_restore_t *r);
static size_t ngx_hd_restore_read(ngx_hd_restore_t *r, void *buf,
    size_t size);
static void ngx_hd_restore_places(ngx_hd_restore_t *r);
static void ngx_hd_restore_place(ngx_hd_restore_t *r, ngx_hd_place_t *place);
static ngx_int_t ngx_hd_restore_index(ngx_hd_restore_t *r, ngx_pool_t *pool);
static void ngx_hd_restore_age(ngx_hd_restore_t *r, int64_t away);
static void ngx_hd_restore_targets(ngx_hd_restore_t *r,
    ngx_hd_restore_target_pt handler);
static void ngx_hd_restore_target(ngx_hd_restore_t *r, ngx_hd_target_t *t);
static void ngx_hd_restore_times(ngx_hd_restore_t *r, ngx_hd_data_t *data);
static void ngx_hd_restore_forget(ngx_hd_data_t *data, ngx_hd_told_t *told);
static ngx_uint_t ngx_hd_restore_is_later(ngx_hd_restore_t *r);
static void ngx_hd_restore_take(ngx_hd_restore_t *r, ngx_hd_target_t *t);
static void ngx_hd_restore_turn(ngx_hd_data_t *data,
    const ngx_hd_data_t *known);
static void ngx_hd_restore_events(ngx_hd_restore_t *r);
static void ngx_hd_restore_tell(ngx_hd_restore_t *r);
static u_char *ngx_hd_restore_known(ngx_hd_restore_t *r, u_char *p);
static void ngx_hd_restore_set_aside(ngx_hd_restore_t *r, const char *wrong,
    ngx_err_t err);
static void ngx_hd_restore_close(ngx_hd_restore_t *r);


ngx_int_t
ngx_hd_restore_check(ngx_hd_main_conf_t *hmcf, ngx_log_t *log)
{
    u_char               *p, why[NGX_MAX_ERROR_STR / 4];
    ngx_file_info_t       fi;
    ngx_hd_state_file_t  *file;

    file = &hmcf->state_file;

    if (file->name.len == 0) {
        return NGX_OK;
    }

    p = why;

    if (ngx_file_info(file->folder.data, &fi) == NGX_FILE_ERROR) {
        p = ngx_sprintf(why, "cannot be used");
        p = ngx_log_errno(p, why + sizeof(why), ngx_errno);

    } else if (!ngx_is_dir(&fi)) {
        p = ngx_sprintf(why, "is no folder");

    } else if (ngx_hd_restore_is_closed(file->core, &fi)) {
        p = ngx_sprintf(why, "is not writable for the worker processes");
    }

    if (p == why) {
        return NGX_OK;
    }

    ngx_log_error(NGX_LOG_EMERG, log, 0,
                  "healthdash_state_file: the folder \"%V\" %*s, expected one "
                  "as made by \"install -d -m 700%s%s %V\" in %s:%ui",
                  &file->folder, (size_t) (p - why), why,
                  file->core->username ? " -o " : "",
                  file->core->username ? file->core->username : "",
                  &file->folder, file->file_name, file->line);

    return NGX_ERROR;
}


/*
 * 1 if the workers surely cannot write there.  A folder that its group may
 * write to is given the benefit of the doubt: who is in the group is not asked,
 * and an access list shows in the same bits.
 */

static ngx_uint_t
ngx_hd_restore_is_closed(const ngx_core_conf_t *core,
    const ngx_file_info_t *fi)
{
    ngx_uid_t  user;

    user = geteuid() ? geteuid() : core->user;

    if (user == 0 || (fi->st_mode & (S_IWGRP|S_IWOTH))) {
        return 0;
    }

    return fi->st_uid != user || !(fi->st_mode & S_IWUSR);
}


ngx_hd_restore_t *
ngx_hd_restore_begin(ngx_cycle_t *cycle, ngx_hd_main_conf_t *hmcf,
    ngx_pool_t *pool)
{
    ngx_err_t          err;
    const char        *wrong;
    ngx_hd_restore_t  *r;

    if (hmcf->state_file.name.len == 0 || ngx_test_config || pool == NULL) {
        return NULL;
    }

    r = ngx_pcalloc(pool, sizeof(ngx_hd_restore_t));
    if (r == NULL) {
        return NULL;
    }

    r->main = hmcf;
    r->log = cycle->log;
    r->present = ngx_hd_restore_present(hmcf);

    wrong = ngx_hd_restore_open(r, &err);

    if (wrong == NULL) {
        wrong = ngx_hd_restore_head(r);
        err = 0;
    }

    if (wrong) {

        if (err != NGX_ENOENT) {
            ngx_hd_restore_set_aside(r, wrong, err);
        }

        ngx_hd_restore_close(r);
        return NULL;
    }

    ngx_hd_restore_places(r);

    return r;
}


void
ngx_hd_restore_end(ngx_hd_restore_t *r, ngx_pool_t *pool)
{
    if (ngx_hd_restore_index(r, pool) == NGX_OK) {
        ngx_hd_restore_targets(r, ngx_hd_restore_target);
        ngx_hd_restore_events(r);
        ngx_hd_restore_tell(r);
    }

    ngx_hd_restore_close(r);
}


static ngx_uint_t
ngx_hd_restore_present(ngx_hd_main_conf_t *hmcf)
{
    ngx_uint_t         i, n;
    ngx_hd_target_t  **t;

    t = hmcf->targets.elts;

    for (n = 0, i = 0; i < hmcf->targets.nelts; i++) {
        n += !t[i]->absent;
    }

    return n;
}


/* returns what is wrong; a pipe must not block the start */

static const char *
ngx_hd_restore_open(ngx_hd_restore_t *r, ngx_err_t *err)
{
    u_char           *name;
    ngx_file_info_t   fi;

    name = r->main->state_file.name.data;

    r->regular = ngx_link_info(name, &fi) != NGX_FILE_ERROR
                 && ngx_is_file(&fi);

    r->fd = open((const char *) name,
                 O_RDONLY|O_NONBLOCK|O_NOFOLLOW|O_NOCTTY|O_CLOEXEC);

    if (r->fd == NGX_INVALID_FILE) {
        *err = ngx_errno;
        return (*err == NGX_ELOOP) ? "is a symbolic link" : "cannot be opened";
    }

    *err = 0;

    if (ngx_fd_info(r->fd, &fi) == NGX_FILE_ERROR) {
        *err = ngx_errno;
        return "cannot be judged";
    }

    return ngx_hd_restore_judge(r, &fi);
}


static const char *
ngx_hd_restore_judge(ngx_hd_restore_t *r, const ngx_file_info_t *fi)
{
    if (ngx_is_dir(fi)) {
        return "is a folder, expected the name of a file in it";
    }

    if (!ngx_is_file(fi)) {
        r->regular = 0;
        return "is no regular file";
    }

    if (fi->st_uid != 0 && fi->st_uid != geteuid()
        && fi->st_uid != r->main->state_file.core->user)
    {
        return "belongs to another user";
    }

    if (fi->st_mode & S_IWOTH) {
        return "can be written by everyone";
    }

    return NULL;
}


static const char *
ngx_hd_restore_head(ngx_hd_restore_t *r)
{
    size_t       len;
    const char  *wrong;

    len = ngx_hd_restore_read(r, &r->head, sizeof(ngx_hd_archive_head_t));

    wrong = ngx_hd_archive_wrong(&r->head, len);

    return wrong ? wrong : ngx_hd_restore_clocks(r);
}


/*
 * The monotonic clock may have begun anew, so the time that nginx was away is
 * told by the wall clock; if that was set back, it is none.
 */

static const char *
ngx_hd_restore_clocks(ngx_hd_restore_t *r)
{
    int64_t         away;
    ngx_hd_zone_t  *zone;

    zone = r->main->zone;

    if (zone->saved.instance <= r->head.instance) {
        zone->saved.instance = r->head.instance + 1;
    }

    away = zone->clock + (int64_t) ngx_current_msec - r->head.wall;

    if (away > NGX_HD_RESTORE_KEEP) {
        return "is older than 90 days";
    }

    ngx_hd_restore_age(r, away);
    r->clock = r->head.clock + r->away;

    zone->clock = (int64_t) (r->clock - ngx_current_msec);
    zone->saved.restored = r->head.wall;

    return NULL;
}


static void
ngx_hd_restore_age(ngx_hd_restore_t *r, int64_t away)
{
    r->away = ngx_max(away, 0);
    r->shift = ngx_current_msec - r->away - r->head.mono;
}


/* returns how much there was */

static size_t
ngx_hd_restore_read(ngx_hd_restore_t *r, void *buf, size_t size)
{
    size_t   len;
    ssize_t  n;

    for (len = 0; len < size; len += n) {
        n = read(r->fd, (u_char *) buf + len, size - len);

        if (n <= 0) {
            r->cut = 1;
            break;
        }
    }

    return len;
}


static void
ngx_hd_restore_places(ngx_hd_restore_t *r)
{
    uint64_t                i;
    ngx_hd_archive_place_t  place;

    for (i = 1; i <= r->head.places && !r->cut; i++) {

        if (ngx_hd_restore_read(r, &place, sizeof(ngx_hd_archive_place_t))
            != sizeof(ngx_hd_archive_place_t))
        {
            return;
        }

        r->frames = ngx_hd_archive_add(r->frames, place.part.sum);

        if (ngx_hd_archive_is_place(&r->head, &place, i)) {
            ngx_hd_restore_place(r, &place.place);

        } else {
            r->bad++;
        }
    }
}


/*
 * What was there then may be there still, only nginx does not know yet: it is
 * gone from now on.  Time counts for what DNS had taken away before.
 */

static void
ngx_hd_restore_place(ngx_hd_restore_t *r, ngx_hd_place_t *place)
{
    uint64_t  time;

    if (place->gone == 0) {
        place->gone = ngx_hd_gone(ngx_current_msec, 1);

    } else {
        time = ngx_hd_gone_time(place->gone) + r->shift;
        time += (time == 0);

        place->gone = ngx_hd_gone(time, ngx_hd_gone_awaited(place->gone));
    }

    if (ngx_hd_place_age(place->gone) <= NGX_HD_RESTORE_KEEP) {
        ngx_hd_place_offer(r->main, place);
    }
}


static ngx_int_t
ngx_hd_restore_index(ngx_hd_restore_t *r, ngx_pool_t *pool)
{
    ngx_uint_t         i, n;
    ngx_hd_target_t  **t;

    t = r->main->targets.elts;
    n = r->main->targets.nelts;

    r->frame = pool ? ngx_palloc(pool, sizeof(ngx_hd_archive_frame_t)) : NULL;

    if (r->frame == NULL
        || ngx_hd_index_init(&r->targets, n, pool) != NGX_OK)
    {
        return NGX_ERROR;
    }

    for (i = 0; i < n; i++) {

        /* a spare server without an address has none of its own */

        if (!t[i]->absent || t[i]->name.len) {
            ngx_hd_index_add(&r->targets, t[i]->id, i + 1);
        }
    }

    return NGX_OK;
}


static void
ngx_hd_restore_targets(ngx_hd_restore_t *r, ngx_hd_restore_target_pt handler)
{
    uint64_t           i;
    ngx_uint_t         n;
    ngx_hd_target_t  **t;

    t = r->main->targets.elts;

    for (i = 1; i <= r->head.targets && !r->cut; i++) {

        if (ngx_hd_restore_read(r, r->frame, sizeof(ngx_hd_archive_frame_t))
            != sizeof(ngx_hd_archive_frame_t))
        {
            return;
        }

        r->frames = ngx_hd_archive_add(r->frames, r->frame->part.sum);

        if (!ngx_hd_archive_is_frame(&r->head, r->frame, i)) {
            r->bad++;
            continue;
        }

        n = ngx_hd_index_find(&r->targets, r->frame->id);

        if (n) {
            handler(r, t[n - 1]);
        }
    }
}


static void
ngx_hd_restore_target(ngx_hd_restore_t *r, ngx_hd_target_t *t)
{
    ngx_hd_data_t           *data;
    ngx_hd_told_t           *told;
    ngx_hd_record_t         *rec;
    ngx_hd_archive_frame_t  *f;

    f = r->frame;
    data = &f->data;
    told = &f->told;

    rec = ngx_hd_store_record(r->main, t);
    if (rec == NULL) {
        return;
    }

    if (t->absent) {
        r->awaited++;

    } else {
        r->restored++;
    }

    /* known until it was saved, and then nobody was there to know */

    if (data->seen) {
        ngx_hd_history_pass(&f->history, data, r->head.clock,
                            ngx_hd_store_validity(t->check));
        ngx_hd_history_pass(&f->history, data, r->clock, 0);
    }

    ngx_hd_restore_times(r, data);

    /* who could not call in was not silent; 0 stands for never */

    if (told->mono) {
        told->mono += ngx_current_msec - r->head.mono;
        told->mono += (told->mono == 0);
    }

    told->known += ngx_current_msec - r->head.mono;

    if (r->away > NGX_HD_RESTORE_TRUST) {
        ngx_hd_restore_forget(data, told);
    }

    ngx_hd_store_restore(rec, data, &f->history, told);
}


/* as the monotonic clock of now would have shown them: perhaps below zero */

static void
ngx_hd_restore_times(ngx_hd_restore_t *r, ngx_hd_data_t *data)
{
    uint64_t  back, shift;

    shift = r->shift;

    if (data->since_mono) {
        data->since_mono += shift;
        data->since_mono += (data->since_mono == 0);
    }

    if (data->last_mono) {
        data->last_mono += shift;
        data->last_mono += (data->last_mono == 0);
    }

    /* a slow start that began before the machine did is over */

    back = ngx_hd_back_time(data->back) + shift;
    data->back = (data->back && (int64_t) back > 0)
                 ? ngx_hd_back(back, ngx_hd_back_served(data->back)) : 0;

    data->flap_start += shift;

    if (data->hold_until) {
        data->hold_until += shift;

        /* it is over, but was there */

        if ((int64_t) data->hold_until <= 0) {
            data->hold_until = 1;
        }
    }

    /* by no process that is there: the next probe is the first one again */

    data->pid = 0;
    data->slot = 0;
}


/* what is too old to be true counts as before the first result */

static void
ngx_hd_restore_forget(ngx_hd_data_t *data, ngx_hd_told_t *told)
{
    data->state = NGX_HD_STATE_UNKNOWN;
    data->state_reason = 0;
    data->state_len = 0;
    data->since = 0;
    data->since_mono = 0;
    data->fails = 0;
    data->passes = 0;
    data->clean = 0;
    data->flaps = 0;
    data->holds = 0;
    data->hold_until = 0;

    ngx_memzero(told, sizeof(ngx_hd_told_t));

    told->known = ngx_current_msec;
}


void
ngx_hd_restore_overtaken(ngx_cycle_t *cycle, ngx_hd_main_conf_t *hmcf)
{
    ngx_err_t          err;
    ngx_pool_t        *pool;
    ngx_hd_restore_t  *r;

    pool = hmcf->state_file.name.len
           ? ngx_create_pool(NGX_DEFAULT_POOL_SIZE, cycle->log) : NULL;

    r = pool ? ngx_pcalloc(pool, sizeof(ngx_hd_restore_t)) : NULL;

    if (r) {
        r->main = hmcf;
        r->log = cycle->log;

        if (ngx_hd_restore_open(r, &err) == NULL
            && ngx_hd_restore_is_later(r)
            && ngx_hd_restore_index(r, pool) == NGX_OK)
        {
            ngx_hd_restore_targets(r, ngx_hd_restore_take);
        }

        if (r->restored) {
            ngx_log_error(NGX_LOG_NOTICE, r->log, 0,
                          "healthdash: %ui target%s down, as a later nginx "
                          "wrote to state file \"%V\"", r->restored,
                          r->restored == 1 ? "" : "s", &hmcf->state_file.name);
        }

        ngx_hd_restore_close(r);
    }

    if (pool) {
        ngx_destroy_pool(pool);
    }
}


/* what is of no use is left to those who write the file, or begin with it */

static ngx_uint_t
ngx_hd_restore_is_later(ngx_hd_restore_t *r)
{
    size_t  len;

    len = ngx_hd_restore_read(r, &r->head, sizeof(ngx_hd_archive_head_t));

    if (ngx_hd_archive_wrong(&r->head, len)
        || r->head.instance <= r->main->zone->saved.instance)
    {
        return 0;
    }

    ngx_hd_restore_age(r, ngx_hd_wall() - r->head.wall);

    return r->away <= NGX_HD_RESTORE_TRUST
           && lseek(r->fd, (off_t) (r->head.places
                                    * sizeof(ngx_hd_archive_place_t)),
                    SEEK_CUR)
              != -1;
}


/* who is down by a probe that is later than the last one of ours */

static void
ngx_hd_restore_take(ngx_hd_restore_t *r, ngx_hd_target_t *t)
{
    uint64_t          until;
    ngx_int_t         rc;
    ngx_hd_data_t     data, *known;
    ngx_hd_lease_t    lease;
    ngx_hd_record_t  *rec;

    known = &r->frame->data;
    rec = ngx_hd_store_record(r->main, t);

    if (rec == NULL || known->state != NGX_HD_STATE_DOWN
        || ngx_hd_store_claim(r->main, rec, NGX_HD_RESTORE_LEASE, &lease,
                              &until)
           != NGX_OK)
    {
        return;
    }

    rc = NGX_DECLINED;

    (void) ngx_hd_store_read(rec, &data);

    if (data.state != NGX_HD_STATE_DOWN && data.last < known->last) {
        ngx_hd_history_pass(&rec->history, &data,
                            ngx_current_msec + r->main->zone->clock,
                            ngx_hd_store_validity(t->check));
        ngx_hd_restore_times(r, known);
        ngx_hd_restore_turn(&data, known);

        rc = ngx_hd_store_publish(rec, &lease, &data);
    }

    if (rc == NGX_OK && t->upstream) {
        ngx_hd_store_changed(t->upstream);
    }

    r->restored += (rc == NGX_OK);

    ngx_hd_store_release(rec, &lease);
}


/* counts and history are those of this nginx */

static void
ngx_hd_restore_turn(ngx_hd_data_t *data, const ngx_hd_data_t *known)
{
    data->state = known->state;
    data->since = known->since;
    data->since_mono = known->since_mono;
    data->fails = known->fails;
    data->passes = known->passes;
    data->clean = known->clean;
    data->state_reason = known->state_reason;
    data->state_len = known->state_len;

    ngx_memcpy(data->state_detail, known->state_detail, known->state_len);
}


static void
ngx_hd_restore_events(ngx_hd_restore_t *r)
{
    uint64_t        i;
    ngx_hd_event_t  e;

    ngx_hd_event_go_on(r->main->zone, r->head.event);

    for (i = 0; i < r->head.events && !r->cut; i++) {

        if (ngx_hd_restore_read(r, &e, sizeof(ngx_hd_event_t))
            != sizeof(ngx_hd_event_t))
        {
            return;
        }

        r->frames = ngx_hd_archive_add(r->frames, e.sum);

        if (ngx_hd_event_is_whole(&e)
            && ngx_hd_archive_is_event(&r->head, &e))
        {
            ngx_hd_event_restore(r->main->zone, &e);

        } else {
            r->bad++;
        }
    }
}


static void
ngx_hd_restore_tell(ngx_hd_restore_t *r)
{
    u_char               *p, text[NGX_HD_RESTORE_TEXT], more;
    const char           *wrong;
    ngx_hd_state_file_t  *file;

    file = &r->main->state_file;

    file->restored = r->restored + r->awaited;
    file->age = r->away;

    wrong = r->cut ? "is cut off"
            : (r->bad || r->frames != r->head.frames
               || read(r->fd, &more, 1) != 0) ? "is damaged" : NULL;

    if (wrong) {
        ngx_hd_restore_set_aside(r, wrong, 0);
        return;
    }

    p = ngx_hd_restore_known(r, text);

    ngx_log_error(NGX_LOG_NOTICE, r->log, 0,
                  "healthdash: state file \"%V\" is %uLs old, %*s%s",
                  &file->name, r->away / 1000, (size_t) (p - text), text,
                  r->away > NGX_HD_RESTORE_TRUST
                  ? ", but not how they are now" : "");
}


static u_char *
ngx_hd_restore_known(ngx_hd_restore_t *r, u_char *p)
{
    u_char  *last;

    last = p + NGX_HD_RESTORE_TEXT;

    p = ngx_slprintf(p, last, "%ui of %ui targets are known from it",
                     r->restored, r->present);

    if (r->awaited) {
        p = ngx_slprintf(p, last, ", and %ui of servers by DNS", r->awaited);
    }

    return p;
}


/* never a folder or a device that was named by mistake */

static void
ngx_hd_restore_set_aside(ngx_hd_restore_t *r, const char *wrong,
    ngx_err_t err)
{
    u_char               *p, text[NGX_HD_RESTORE_TEXT];
    ngx_uint_t            moved;
    ngx_hd_state_file_t  *file;

    file = &r->main->state_file;

    moved = r->regular
            && ngx_rename_file(file->name.data, file->bad.data)
               != NGX_FILE_ERROR;

    p = ngx_hd_restore_known(r, text);

    ngx_log_error(NGX_LOG_WARN, r->log, err,
                  "healthdash: state file \"%V\" %s, %*s; it %s%s%s",
                  &file->name, wrong, (size_t) (p - text), text,
                  moved ? "is kept as \"" : "is left as it is",
                  moved ? file->bad.data : (u_char *) "", moved ? "\"" : "");
}


static void
ngx_hd_restore_close(ngx_hd_restore_t *r)
{
    if (r->fd != NGX_INVALID_FILE && ngx_close_file(r->fd) == NGX_FILE_ERROR) {
        ngx_log_error(NGX_LOG_ALERT, r->log, ngx_errno,
                      ngx_close_file_n " \"%V\" failed",
                      &r->main->state_file.name);
    }
}
