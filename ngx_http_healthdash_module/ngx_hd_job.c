
/*
 * healthdash: the state file as a thread writes it: to a new file beside it,
 * which takes its name once all is on the disk.  A reader finds the old one or
 * the new one.  The thread reads the zone as any process may, a record at a
 * time, and touches nothing else of nginx; nobody waits for it.
 *
 * A thread whose worker was stopped may come back late: it gives up if the
 * lease, or the file that it has made, is no longer its own.
 */


#include <ngx_hd_clock.h>
#include <ngx_hd_event.h>
#include <ngx_hd_job.h>
#include <ngx_hd_place.h>
#include <ngx_hd_store.h>

#include <fcntl.h>
#include <signal.h>


#define NGX_HD_JOB_BUF         65536   /* bytes written at once */
#define NGX_HD_JOB_ALIVE       600000  /* msec: a later nginx that has not
                                          written for longer is not waited for,
                                          its number may be another process's */


/*
 * What of a record goes into a part; NGX_DECLINED: nothing; NGX_ERROR: there is
 * to be no file, the job says why.
 */

typedef ngx_int_t (*ngx_hd_job_copy_pt)(ngx_hd_job_t *job, void *part,
    ngx_hd_record_t *rec);


static size_t ngx_hd_job_add_name(char **to, char *p, const ngx_str_t *name);
static void ngx_hd_job_part(ngx_hd_job_t *job);
static void ngx_hd_job_do(ngx_hd_job_t *job);
static ngx_int_t ngx_hd_job_look(ngx_hd_job_t *job);
static ngx_int_t ngx_hd_job_peek(ngx_hd_job_t *job, int fd);
static ngx_int_t ngx_hd_job_create_temp(ngx_hd_job_t *job);
static ngx_int_t ngx_hd_job_begin(ngx_hd_job_t *job);
static ngx_int_t ngx_hd_job_enter(ngx_hd_job_t *job);
static ngx_int_t ngx_hd_job_parts(ngx_hd_job_t *job, size_t size,
    ngx_hd_job_copy_pt copy, uint64_t *n);
static ngx_int_t ngx_hd_job_copy_place(ngx_hd_job_t *job, void *part,
    ngx_hd_record_t *rec);
static ngx_int_t ngx_hd_job_copy_frame(ngx_hd_job_t *job, void *part,
    ngx_hd_record_t *rec);
static ngx_int_t ngx_hd_job_events(ngx_hd_job_t *job);
static ngx_int_t ngx_hd_job_room(ngx_hd_job_t *job, size_t size);
static ngx_int_t ngx_hd_job_write(ngx_hd_job_t *job, const u_char *p,
    size_t size);
static ngx_int_t ngx_hd_job_head(ngx_hd_job_t *job);
static ngx_int_t ngx_hd_job_place(ngx_hd_job_t *job);
static ngx_uint_t ngx_hd_job_is_ours(ngx_hd_job_t *job);
static ngx_uint_t ngx_hd_job_has_temp(ngx_hd_job_t *job);
static ngx_int_t ngx_hd_job_fail(ngx_hd_job_t *job, ngx_hd_job_step_e step,
    int err);


ngx_hd_job_t *
ngx_hd_job_create(const ngx_hd_state_file_t *file, ngx_uint_t n,
    ngx_log_t *log)
{
    char                *p;
    size_t               size;
    ngx_hd_job_t        *job;
    pthread_condattr_t   attr;

    size = sizeof(ngx_hd_job_t) + NGX_HD_JOB_BUF + n * sizeof(uint32_t)
           + file->name.len + file->temp.len + file->folder.len + 3;

    job = ngx_alloc(size, log);
    if (job == NULL) {
        return NULL;
    }

    ngx_memzero(job, sizeof(ngx_hd_job_t));

    job->fd = -1;
    job->dir = -1;
    job->buf = (u_char *) (job + 1);
    job->record = (uint32_t *) (job->buf + NGX_HD_JOB_BUF);
    job->nrecords = n;

    p = (char *) (job->record + n);
    p += ngx_hd_job_add_name(&job->name, p, &file->name);
    p += ngx_hd_job_add_name(&job->temp, p, &file->temp);
    (void) ngx_hd_job_add_name(&job->folder, p, &file->folder);

    (void) pthread_condattr_init(&attr);
    (void) pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void) pthread_cond_init(&job->cond, &attr);
    (void) pthread_condattr_destroy(&attr);
    (void) pthread_mutex_init(&job->mutex, NULL);

    return job;
}


static size_t
ngx_hd_job_add_name(char **to, char *p, const ngx_str_t *name)
{
    *to = p;

    ngx_memcpy(p, name->data, name->len);
    p[name->len] = '\0';

    return name->len + 1;
}


void
ngx_hd_job_free(ngx_hd_job_t *job)
{
    (void) pthread_cond_destroy(&job->cond);
    (void) pthread_mutex_destroy(&job->mutex);

    ngx_free(job);
}


ngx_uint_t
ngx_hd_job_is_done(ngx_hd_job_t *job)
{
    return ngx_hd_load(&job->done);
}


ngx_int_t
ngx_hd_job_wait(ngx_hd_job_t *job, ngx_msec_t msec)
{
    int              rc;
    ngx_uint_t       ended;
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    ts.tv_sec += msec / 1000;
    ts.tv_nsec += msec % 1000 * 1000000;

    if (ts.tv_nsec >= 1000000000) {
        ts.tv_nsec -= 1000000000;
        ts.tv_sec++;
    }

    (void) pthread_mutex_lock(&job->mutex);

    for (rc = 0; rc == 0 && !job->ended; /* void */ ) {
        rc = pthread_cond_timedwait(&job->cond, &job->mutex, &ts);
    }

    ended = job->ended;

    (void) pthread_mutex_unlock(&job->mutex);

    if (!ended) {
        return NGX_AGAIN;
    }

    ngx_hd_job_part(job);

    return NGX_OK;
}


/* the thread has ended its work and is about to let go */

static void
ngx_hd_job_part(ngx_hd_job_t *job)
{
    while (!ngx_hd_load(&job->done)) {
        ngx_sched_yield();
    }
}


void
ngx_hd_job_leave(ngx_hd_job_t *job)
{
    ngx_uint_t  ended;

    (void) pthread_mutex_lock(&job->mutex);

    job->left = 1;
    ended = job->ended;

    (void) pthread_mutex_unlock(&job->mutex);

    if (ended) {
        ngx_hd_job_part(job);
        ngx_hd_job_free(job);
    }
}


void *
ngx_hd_job_thread(void *data)
{
    ngx_uint_t     left;
    ngx_hd_job_t  *job;

    job = data;

    ngx_hd_job_do(job);

    (void) pthread_mutex_lock(&job->mutex);

    job->ended = 1;
    left = job->left;

    (void) pthread_cond_signal(&job->cond);
    (void) pthread_mutex_unlock(&job->mutex);

    if (left) {
        ngx_hd_job_free(job);

    } else {
        /* the worker may free it now */
        ngx_hd_set(&job->done, 1);
    }

    return NULL;
}


static void
ngx_hd_job_do(ngx_hd_job_t *job)
{
    ngx_int_t  rc;

    rc = ngx_hd_job_look(job);

    if (rc == NGX_OK) {
        rc = ngx_hd_job_create_temp(job);
    }

    if (rc == NGX_OK) {

        if (ngx_hd_job_begin(job) != NGX_OK
            || ngx_hd_job_parts(job, sizeof(ngx_hd_archive_place_t),
                                ngx_hd_job_copy_place, &job->head.places)
               != NGX_OK
            || ngx_hd_job_parts(job, sizeof(ngx_hd_archive_frame_t),
                                ngx_hd_job_copy_frame, &job->head.targets)
               != NGX_OK
            || ngx_hd_job_events(job) != NGX_OK
            || ngx_hd_job_head(job) != NGX_OK
            || ngx_hd_job_place(job) != NGX_OK)
        {
            rc = NGX_ERROR;
        }
    }

    if (rc != NGX_OK && job->fd != -1 && ngx_hd_job_has_temp(job)) {
        (void) unlink(job->temp);
    }

    if (job->fd != -1) {
        (void) close(job->fd);
    }

    if (job->dir != -1) {
        (void) close(job->dir);
    }
}


/* whose the file is now; what is no file is no business of ours */

static ngx_int_t
ngx_hd_job_look(ngx_hd_job_t *job)
{
    int          fd;
    ngx_int_t    rc;
    struct stat  st;

    if (lstat(job->name, &st) == -1) {
        return (errno == ENOENT) ? NGX_OK
                                 : ngx_hd_job_fail(job, NGX_HD_JOB_FOLDER,
                                                   errno);
    }

    if (!S_ISREG(st.st_mode)) {
        return ngx_hd_job_fail(job, NGX_HD_JOB_ODD, 0);
    }

    fd = open(job->name, O_RDONLY|O_NONBLOCK|O_NOFOLLOW|O_CLOEXEC);

    /* one that cannot be read is replaced */

    if (fd == -1) {
        return NGX_OK;
    }

    rc = ngx_hd_job_peek(job, fd);

    (void) close(fd);

    return rc;
}


/* an nginx that was started later knows more, as long as it is there */

static ngx_int_t
ngx_hd_job_peek(ngx_hd_job_t *job, int fd)
{
    ssize_t                n;
    ngx_hd_archive_head_t  head;

    n = read(fd, &head, sizeof(ngx_hd_archive_head_t));

    if (n <= 0
        || !ngx_hd_archive_is_later(&head, n, job->instance)
        || (int64_t) ngx_hd_clock_usec(CLOCK_REALTIME) / 1000 - head.wall
           > NGX_HD_JOB_ALIVE
        || (kill((pid_t) head.master, 0) == -1 && errno == ESRCH))
    {
        return NGX_OK;
    }

    return ngx_hd_job_fail(job, NGX_HD_JOB_OTHER, (int) head.master);
}


static ngx_int_t
ngx_hd_job_create_temp(ngx_hd_job_t *job)
{
    ngx_uint_t  gone;

    job->dir = open(job->folder, O_RDONLY|O_DIRECTORY|O_CLOEXEC);

    if (job->dir == -1) {
        return ngx_hd_job_fail(job, NGX_HD_JOB_FOLDER, errno);
    }

    /* left behind by one that was killed, or of one that will give up */

    gone = (unlink(job->temp) == 0 || errno == ENOENT);

    job->fd = open(job->temp, O_WRONLY|O_CREAT|O_EXCL|O_NOFOLLOW|O_CLOEXEC,
                   0600);

    if (job->fd != -1) {
        return NGX_OK;
    }

    /* another writer was as quick: it will see that the lease is not its own */

    return (gone && errno == EEXIST)
           ? ngx_hd_job_fail(job, NGX_HD_JOB_LEFT, 0)
           : ngx_hd_job_fail(job, NGX_HD_JOB_CREATE, errno);
}


/* a head that says nothing keeps the place of the true one */

static ngx_int_t
ngx_hd_job_begin(ngx_hd_job_t *job)
{
    ngx_hd_archive_head_t  *head;

    head = &job->head;

    ngx_hd_archive_init(head);

    head->wall = (int64_t) ngx_hd_clock_usec(CLOCK_REALTIME) / 1000;
    head->mono = ngx_hd_now_usec() / 1000;
    head->master = job->master;
    head->instance = job->instance;

    if (ngx_hd_job_enter(job) != NGX_OK) {
        return NGX_ERROR;
    }

    head->clock = head->mono + job->zone->clock;
    head->event = ngx_hd_event_last(job->zone);

    (void) pthread_mutex_unlock(&job->mutex);

    job->len = sizeof(ngx_hd_archive_head_t);

    ngx_memzero(job->buf, job->len);

    return NGX_OK;
}


/*
 * The zone is there as long as the worker has not left the job.  NGX_OK: the
 * mutex is held, and the worker waits for it.
 */

static ngx_int_t
ngx_hd_job_enter(ngx_hd_job_t *job)
{
    (void) pthread_mutex_lock(&job->mutex);

    if (!job->left) {
        return NGX_OK;
    }

    (void) pthread_mutex_unlock(&job->mutex);

    return ngx_hd_job_fail(job, NGX_HD_JOB_LEFT, 0);
}


/* one of each record that has one; counts them in n */

static ngx_int_t
ngx_hd_job_parts(ngx_hd_job_t *job, size_t size, ngx_hd_job_copy_pt copy,
    uint64_t *n)
{
    ngx_int_t               rc;
    ngx_uint_t              i;
    ngx_hd_archive_part_t  *part;

    for (i = 0; i < job->nrecords; i++) {

        if (ngx_hd_job_room(job, size) != NGX_OK
            || ngx_hd_job_enter(job) != NGX_OK)
        {
            return NGX_ERROR;
        }

        part = (ngx_hd_archive_part_t *) (job->buf + job->len);

        rc = copy(job, part, &job->zone->record[job->record[i]]);

        (void) pthread_mutex_unlock(&job->mutex);

        if (rc == NGX_DECLINED) {
            continue;
        }

        if (rc != NGX_OK) {
            return NGX_ERROR;
        }

        part->number = ++*n;

        ngx_hd_archive_seal_part(&job->head, part, size);

        job->frames = ngx_hd_archive_add(job->frames, part->sum);
        job->len += size;
    }

    return NGX_OK;
}


/* which of them are there, and for how long others have been gone */

static ngx_int_t
ngx_hd_job_copy_place(ngx_hd_job_t *job, void *part, ngx_hd_record_t *rec)
{
    ngx_hd_archive_place_t  *place = part;

    return ngx_hd_place_read(&rec->place, &place->place);
}


/*
 * NGX_DECLINED: it cannot be read now, or is of another target.  Of facts that
 * are spoilt the state is left, and who is down has to stay out.
 */

static ngx_int_t
ngx_hd_job_copy_frame(ngx_hd_job_t *job, void *part, ngx_hd_record_t *rec)
{
    ngx_hd_archive_frame_t  *frame = part;

    ngx_memcpy(frame->id, rec->id, NGX_HD_ID_LEN);

    (void) ngx_hd_store_read(rec, &frame->data);

    if (ngx_hd_store_copy_told(rec, &frame->told) != NGX_OK) {
        return NGX_DECLINED;
    }

    ngx_hd_history_copy(&frame->history, &rec->history);

    /* a reload takes one record after the other: what is left has gaps */

    if (ngx_hd_load(&rec->generation) > job->generation) {
        return ngx_hd_job_fail(job, NGX_HD_JOB_LEFT, 0);
    }

    if (ngx_hd_load(&rec->generation) != job->generation
        || ngx_memcmp(frame->id, rec->id, NGX_HD_ID_LEN) != 0)
    {
        return NGX_DECLINED;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_hd_job_events(ngx_hd_job_t *job)
{
    uint64_t         i, last;
    ngx_int_t        rc;
    ngx_hd_event_t  *e;

    last = job->head.event;

    for (i = last - ngx_min(last, NGX_HD_EVENTS) + 1; i <= last; i++) {

        if (ngx_hd_job_room(job, sizeof(ngx_hd_event_t)) != NGX_OK
            || ngx_hd_job_enter(job) != NGX_OK)
        {
            return NGX_ERROR;
        }

        e = (ngx_hd_event_t *) (job->buf + job->len);

        rc = ngx_hd_event_read(job->zone, i, e);

        (void) pthread_mutex_unlock(&job->mutex);

        if (rc != NGX_OK) {
            continue;
        }

        job->head.events++;
        job->frames = ngx_hd_archive_add(job->frames, e->sum);
        job->len += sizeof(ngx_hd_event_t);
    }

    return NGX_OK;
}


/* makes room in the buffer for size bytes */

static ngx_int_t
ngx_hd_job_room(ngx_hd_job_t *job, size_t size)
{
    size_t  len;

    len = job->len;

    if (len + size <= NGX_HD_JOB_BUF) {
        return NGX_OK;
    }

    job->len = 0;

    return ngx_hd_job_write(job, job->buf, len);
}


static ngx_int_t
ngx_hd_job_write(ngx_hd_job_t *job, const u_char *p, size_t size)
{
    ssize_t  n;

    while (size) {
        n = write(job->fd, p, size);

        if (n == -1 && errno == EINTR) {
            continue;
        }

        if (n <= 0) {
            return ngx_hd_job_fail(job, NGX_HD_JOB_WRITE, n ? errno : ENOSPC);
        }

        p += n;
        size -= n;
    }

    return NGX_OK;
}


/* now that it is known what is in the file */

static ngx_int_t
ngx_hd_job_head(ngx_hd_job_t *job)
{
    if (ngx_hd_job_write(job, job->buf, job->len) != NGX_OK) {
        return NGX_ERROR;
    }

    job->head.frames = job->frames;

    ngx_hd_archive_seal(&job->head);

    if (lseek(job->fd, 0, SEEK_SET) == -1) {
        return ngx_hd_job_fail(job, NGX_HD_JOB_WRITE, errno);
    }

    return ngx_hd_job_write(job, (u_char *) &job->head,
                            sizeof(ngx_hd_archive_head_t));
}


/* what is on the disk takes the name, and then that is on the disk, too */

static ngx_int_t
ngx_hd_job_place(ngx_hd_job_t *job)
{
    if (fsync(job->fd) == -1) {
        return ngx_hd_job_fail(job, NGX_HD_JOB_WRITE, errno);
    }

    if (ngx_hd_job_look(job) != NGX_OK) {
        return NGX_ERROR;
    }

    /* last, so that there is the least time in which it could be stopped */

    if (!ngx_hd_job_is_ours(job) || !ngx_hd_job_has_temp(job)) {
        return ngx_hd_job_fail(job, NGX_HD_JOB_LEFT, 0);
    }

    if (rename(job->temp, job->name) == -1) {
        return ngx_hd_job_fail(job, NGX_HD_JOB_RENAME, errno);
    }

    /* some file systems know no such thing, and there is no more to be done */

    (void) fsync(job->dir);

    return NGX_OK;
}


/* 1 if the worker still is the one to write */

static ngx_uint_t
ngx_hd_job_is_ours(ngx_hd_job_t *job)
{
    uint64_t    lease;
    ngx_uint_t  ours;

    if (ngx_hd_job_enter(job) != NGX_OK) {
        return 0;
    }

    lease = ngx_hd_load(&job->zone->saved.lease);

    ours = lease >> 32 == (uint32_t) job->pid
           && ngx_hd_load(&job->zone->generation) == job->generation;

    (void) pthread_mutex_unlock(&job->mutex);

    return ours;
}


/* 1 if the file beside it is the one that this job has made */

static ngx_uint_t
ngx_hd_job_has_temp(ngx_hd_job_t *job)
{
    struct stat  ours, there;

    return fstat(job->fd, &ours) == 0
           && lstat(job->temp, &there) == 0
           && ours.st_dev == there.st_dev
           && ours.st_ino == there.st_ino;
}


static ngx_int_t
ngx_hd_job_fail(ngx_hd_job_t *job, ngx_hd_job_step_e step, int err)
{
    job->step = step;
    job->err = err;

    return NGX_ERROR;
}
