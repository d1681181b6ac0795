
/*
 * healthdash: one writing of the state file, by a thread of its own.
 */


#ifndef _NGX_HD_JOB_H_INCLUDED_
#define _NGX_HD_JOB_H_INCLUDED_


#include <ngx_hd_archive.h>
#include <ngx_hd_conf.h>

#include <pthread.h>


/* what did not go well */

typedef enum {
    NGX_HD_JOB_NONE = 0,
    NGX_HD_JOB_LEFT,            /* somebody else writes, nobody wants it */
    NGX_HD_JOB_MEMORY,
    NGX_HD_JOB_THREAD,
    NGX_HD_JOB_SLOW,
    NGX_HD_JOB_ODD,             /* the file is no file */
    NGX_HD_JOB_OTHER,           /* a later nginx writes; err is its process */
    NGX_HD_JOB_FOLDER,
    NGX_HD_JOB_CREATE,
    NGX_HD_JOB_WRITE,
    NGX_HD_JOB_RENAME
} ngx_hd_job_step_e;


typedef struct {
    /* set by the worker before the thread begins */

    ngx_hd_zone_t          *zone;
    uint64_t                generation;
    uint64_t                instance;   /* of nginx */
    uint64_t                sum;        /* of the worker */
    ngx_pid_t               pid;        /* of the worker: the lease is its */
    ngx_pid_t               master;
    uint32_t               *record;     /* indexes in the zone */
    ngx_uint_t              nrecords;
    char                   *name;
    char                   *temp;
    char                   *folder;

    /* of the thread, until it is done */

    int                     fd;         /* of temp, or -1 */
    int                     dir;        /* of folder, or -1 */
    ngx_hd_archive_head_t   head;
    uint64_t                frames;     /* sum over sums */
    u_char                 *buf;
    size_t                  len;        /* in buf */
    ngx_hd_job_step_e       step;
    int                     err;        /* of the system, or 0 */

    /* both */

    pthread_mutex_t         mutex;      /* held while the zone is read */
    pthread_cond_t          cond;
    unsigned                ended:1;    /* mutex: step and err are set */
    unsigned                left:1;     /* mutex: it is the thread's, and the
                                           zone may be gone */
    uint32_t                done;       /* atomic: the job is the worker's */
} ngx_hd_job_t;


/*
 * A job for n records, in memory of no pool, since it may outlive all of them;
 * the caller sets what else it needs.  NULL: there is no memory.
 */
ngx_hd_job_t *ngx_hd_job_create(const ngx_hd_state_file_t *file, ngx_uint_t n,
    ngx_log_t *log);

/* Frees a job that no thread has, or one that is done. */
void ngx_hd_job_free(ngx_hd_job_t *job);

/* Does a job: what a thread runs. */
void *ngx_hd_job_thread(void *data);

/* 1 if the thread is done with it: step and err are set.  Never waits. */
ngx_uint_t ngx_hd_job_is_done(ngx_hd_job_t *job);

/* Waits until it is done, at most msec.  NGX_OK or NGX_AGAIN. */
ngx_int_t ngx_hd_job_wait(ngx_hd_job_t *job, ngx_msec_t msec);

/*
 * Leaves the job to its thread, which frees it: it reads the zone no more and
 * gives up what it has not put in its place yet.
 */
void ngx_hd_job_leave(ngx_hd_job_t *job);


#endif /* _NGX_HD_JOB_H_INCLUDED_ */
