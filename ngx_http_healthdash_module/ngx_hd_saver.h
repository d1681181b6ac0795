
/*
 * healthdash: the zone written to the state file, by one worker of all, in a
 * thread.
 */


#ifndef _NGX_HD_SAVER_H_INCLUDED_
#define _NGX_HD_SAVER_H_INCLUDED_


#include <ngx_hd_conf.h>


/* bytes of a sentence that is to hold any of ngx_hd_saver_wrong() */

#define NGX_HD_SAVER_TEXT      160


/*
 * From now on this worker takes its part in writing the state file, if there
 * is to be one: what has changed is in the file 5 s later.
 */
ngx_int_t ngx_hd_saver_init_worker(ngx_cycle_t *cycle,
    ngx_hd_main_conf_t *hmcf);

/*
 * Ends it.  Where no newer configuration goes on, what has changed is written
 * for a last time; waits for that, but no longer than 2 s, or half a second if
 * the worker was told to end at once.  The zone is not touched afterwards.
 */
void ngx_hd_saver_exit_worker(ngx_hd_main_conf_t *hmcf);

/*
 * Writes why the state file is not written, a word of ngx_hd_saved_t, to p of
 * at least NGX_HD_SAVER_TEXT bytes, without a name; returns the end: p, if
 * nothing is wrong.
 */
u_char *ngx_hd_saver_wrong(u_char *p, uint64_t wrong);


#endif /* _NGX_HD_SAVER_H_INCLUDED_ */
