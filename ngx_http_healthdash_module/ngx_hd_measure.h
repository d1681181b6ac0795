
/*
 * healthdash: numbers about this machine.  These functions may wait for ever,
 * as a dead file server lets them: they are called in a thread of their own,
 * allocate nothing that outlives them, log nothing, and know of nothing but
 * their argument.
 */


#ifndef _NGX_HD_MEASURE_H_INCLUDED_
#define _NGX_HD_MEASURE_H_INCLUDED_


#include <ngx_hd.h>


typedef struct {
    /* asked */
    const char   *root;         /* in front of /proc and /sys: "", but tests */
    char         *path;         /* disk: null-terminated */
    ngx_pid_t    *pids;         /* files: nginx's processes, ours first */
    ngx_uint_t    npids;

    /* answered */
    ngx_err_t     err;          /* 0: value and text are set */
    const char   *what;         /* file that err is about, or NULL: path */
    double        value;
    size_t        len;          /* of text */
    u_char        text[NGX_HD_DETAIL_LEN];  /* a sentence with the value */
} ngx_hd_measure_t;


/* Space or inodes used, percent as df counts them: the fuller of both. */
void ngx_hd_measure_disk(ngx_hd_measure_t *m);

/* Memory that is not available, percent; or that of a cgroup, if fuller. */
void ngx_hd_measure_memory(ngx_hd_measure_t *m);

/* Load of the last minute for each processor that is online. */
void ngx_hd_measure_load(ngx_hd_measure_t *m);

/*
 * Descriptors open, percent: of the fullest of nginx's processes, or of all the
 * system has, if fuller.
 */
void ngx_hd_measure_files(ngx_hd_measure_t *m);


#endif /* _NGX_HD_MEASURE_H_INCLUDED_ */
