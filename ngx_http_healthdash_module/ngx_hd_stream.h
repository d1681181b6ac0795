
#ifndef _NGX_HD_STREAM_H_INCLUDED_
#define _NGX_HD_STREAM_H_INCLUDED_


#include <ngx_hd_probe.h>


/*
 * start and release of every stream type: name resolution through nginx's
 * resolver where the target has no address, connect (the next address of a
 * name when one cannot be connected to), TLS, then the dialogue in type->data.
 */
ngx_int_t ngx_hd_stream_start(ngx_hd_run_t *run);
void ngx_hd_stream_release(ngx_hd_run_t *run);

/*
 * fits of types over UDP: an answer finds its way back to an address only, not
 * to a socket without a name.
 */
const char *ngx_hd_stream_fits_udp(ngx_hd_target_t *target);

/* Closes the kept connection of a target, if any: at exit, or when stale. */
void ngx_hd_stream_drop_kept(ngx_hd_target_t *target);


#endif /* _NGX_HD_STREAM_H_INCLUDED_ */
