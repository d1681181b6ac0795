
/*
 * healthdash: nginx's lock of a list of servers that a dead worker has left.
 * nginx frees the mutex of a zone for a worker that dies, but not this lock:
 * all that want it then wait for ever, whether it died in nginx's code or in
 * ours.  The process that follows it looks before anything else that it does.
 */


#ifndef _NGX_HD_UNLOCK_H_INCLUDED_
#define _NGX_HD_UNLOCK_H_INCLUDED_


#include <ngx_hd_conf.h>


/*
 * From now on each process that the master starts looks first at the lists of
 * hmcf's upstreams: where the lock is free, as ever, that is one word of each.
 * To be called for each configuration that comes into force; hmcf may be NULL.
 * NGX_OK, or NGX_ERROR if there is no memory.  Master.
 */
ngx_int_t ngx_hd_unlock_init(ngx_cycle_t *cycle, ngx_hd_main_conf_t *hmcf);


#endif /* _NGX_HD_UNLOCK_H_INCLUDED_ */
