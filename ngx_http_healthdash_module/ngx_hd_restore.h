
/*
 * healthdash: a fresh zone filled from the state file, when nginx is started.
 */


#ifndef _NGX_HD_RESTORE_H_INCLUDED_
#define _NGX_HD_RESTORE_H_INCLUDED_


#include <ngx_hd_conf.h>


/*
 * Judges the folder of the state file once it is known as whom the workers run,
 * and says it at [emerg] if it is missing or they surely cannot write there.
 * Changes nothing.  NGX_OK, also without healthdash_state_file, or NGX_ERROR.
 */
ngx_int_t ngx_hd_restore_check(ngx_hd_main_conf_t *hmcf, ngx_log_t *log);

/* the file as it is read */

typedef struct ngx_hd_restore_s  ngx_hd_restore_t;


/*
 * Opens the state file for the fresh zone of hmcf, whose targets have no record
 * yet; sets the zone's clock so that the history goes on, and gives spare
 * servers the addresses that DNS had given, as gone until it gives them again.
 * A file that is of no use is set aside and said in one line of the log; it is
 * never an error.  NULL: there is nothing to restore, as in "nginx -t".
 * Master; pool is for a moment.
 */
ngx_hd_restore_t *ngx_hd_restore_begin(ngx_cycle_t *cycle,
    ngx_hd_main_conf_t *hmcf, ngx_pool_t *pool);

/*
 * Then, when every target has its empty record: fills them with what the file
 * knows of these targets, and the zone with its events; sets
 * hmcf->state_file.restored and .age.  What was not known while nginx was away
 * counts as not known.  Closes the file; r is of no use any more.
 */
void ngx_hd_restore_end(ngx_hd_restore_t *r, ngx_pool_t *pool);

/*
 * In a worker that begins: if the file was written by an nginx that was started
 * later than this one, which has workers again after it had none for a while,
 * takes over who is down by it and was not when we looked last.
 */
void ngx_hd_restore_overtaken(ngx_cycle_t *cycle, ngx_hd_main_conf_t *hmcf);


#endif /* _NGX_HD_RESTORE_H_INCLUDED_ */
