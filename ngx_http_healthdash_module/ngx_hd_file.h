
#ifndef _NGX_HD_FILE_H_INCLUDED_
#define _NGX_HD_FILE_H_INCLUDED_


#include <ngx_hd.h>


#define NGX_HD_FILE_LINE       4096    /* longest first line, bytes */


/*
 * Reads the first line of the file called name (null-terminated) into line,
 * from pool, null-terminated, without its end.  Returns NULL, or what is wrong,
 * with the error of the system in err if it was that.
 */
const char *ngx_hd_file_line(ngx_pool_t *pool, ngx_str_t *name,
    ngx_str_t *line, ngx_err_t *err);

/* 1 if everyone on this machine can read the file called name. */
ngx_uint_t ngx_hd_file_is_exposed(ngx_str_t *name);


#endif /* _NGX_HD_FILE_H_INCLUDED_ */
