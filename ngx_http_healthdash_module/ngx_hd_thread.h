
/*
 * healthdash: threads for what may hang in the kernel.  Nobody waits for one
 * for longer than it likes, and the kernel ends them with the process.
 */


#ifndef _NGX_HD_THREAD_H_INCLUDED_
#define _NGX_HD_THREAD_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#include <pthread.h>


typedef void *(*ngx_hd_thread_pt)(void *data);


/*
 * Keeps the module loaded until the process ends: a worker unloads its modules
 * and then goes on for a while, and neither a thread nor a library that calls
 * functions of ours must lose the code it runs.  To be called before the first
 * thread, or such a call.  NGX_ERROR: there must be none.
 */
ngx_int_t ngx_hd_thread_pin(void);

/*
 * Begins a detached thread of 256 kB that no signal is delivered to.  Returns 0
 * or an error number.
 */
int ngx_hd_thread_spawn(ngx_hd_thread_pt handler, void *data);


#endif /* _NGX_HD_THREAD_H_INCLUDED_ */
