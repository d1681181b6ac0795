
/*
 * healthdash: threads.  nginx's thread pools will not do: a worker that exits
 * waits for their threads, and spins while one is stuck.
 */


#include <ngx_hd_thread.h>

#include <dlfcn.h>
#include <signal.h>


#define NGX_HD_THREAD_STACK    262144  /* bytes */


ngx_int_t
ngx_hd_thread_pin(void)
{
    void     *handle;
    Dl_info   ours, nginx;

    if (dladdr((void *) (uintptr_t) ngx_hd_thread_pin, &ours) == 0
        || dladdr((void *) &ngx_cycle, &nginx) == 0)
    {
        return NGX_ERROR;
    }

    if (ours.dli_fbase == nginx.dli_fbase) {
        return NGX_OK;
    }

    handle = dlopen(ours.dli_fname, RTLD_NOW|RTLD_NOLOAD|RTLD_NODELETE);
    if (handle == NULL) {
        return NGX_ERROR;
    }

    (void) dlclose(handle);

    return NGX_OK;
}


int
ngx_hd_thread_spawn(ngx_hd_thread_pt handler, void *data)
{
    int             err;
    sigset_t        all, old;
    pthread_t       tid;
    pthread_attr_t  attr;

    err = pthread_attr_init(&attr);
    if (err) {
        return err;
    }

    (void) pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    (void) pthread_attr_setstacksize(&attr, NGX_HD_THREAD_STACK);

    /* signals are for nginx: a thread begins with the mask of its maker */

    (void) sigfillset(&all);
    (void) pthread_sigmask(SIG_SETMASK, &all, &old);

    err = pthread_create(&tid, &attr, handler, data);

    (void) pthread_sigmask(SIG_SETMASK, &old, NULL);
    (void) pthread_attr_destroy(&attr);

    return err;
}
