
/*
 * healthdash: a value kept in a file of its own, such as a password: its first
 * line.  Called while the configuration is read, as the master's user; never
 * waits, and never says what it has read.
 */


#include <ngx_hd_file.h>


static ngx_uint_t ngx_hd_file_is_odd(ngx_fd_t fd);
static ssize_t ngx_hd_file_read(ngx_fd_t fd, u_char *buf, size_t size,
    ngx_err_t *err);


const char *
ngx_hd_file_line(ngx_pool_t *pool, ngx_str_t *name, ngx_str_t *line,
    ngx_err_t *err)
{
    u_char    *p, buf[NGX_HD_FILE_LINE + 2];
    size_t     len;
    ssize_t    n;
    ngx_fd_t   fd;

    *err = 0;

    /* a name may turn out to be a pipe, which must not block the start */

    fd = ngx_open_file(name->data, NGX_FILE_RDONLY|NGX_FILE_NONBLOCK,
                       NGX_FILE_OPEN, 0);

    if (fd == NGX_INVALID_FILE) {
        *err = ngx_errno;
        return "it cannot be opened";
    }

    if (ngx_hd_file_is_odd(fd)) {
        (void) ngx_close_file(fd);
        return "it is no regular file";
    }

    n = ngx_hd_file_read(fd, buf, sizeof(buf), err);

    (void) ngx_close_file(fd);

    if (n == -1) {
        return "it cannot be read";
    }

    p = ngx_strlchr(buf, buf + n, '\n');
    len = p ? (size_t) (p - buf) : (size_t) n;

    if (len && buf[len - 1] == '\r') {
        len--;
    }

    if (len == 0) {
        return "its first line is empty";
    }

    if (len > NGX_HD_FILE_LINE) {
        return "its first line is too long";
    }

    line->len = len;
    line->data = ngx_pnalloc(pool, len + 1);

    if (line->data == NULL) {
        return "no memory";
    }

    *ngx_cpymem(line->data, buf, len) = '\0';

    return NULL;
}


/* a pipe or a device; a folder is left to read(), which says it better */

static ngx_uint_t
ngx_hd_file_is_odd(ngx_fd_t fd)
{
    ngx_file_info_t  fi;

    return ngx_fd_info(fd, &fi) != NGX_FILE_ERROR
           && !ngx_is_file(&fi) && !ngx_is_dir(&fi);
}


static ssize_t
ngx_hd_file_read(ngx_fd_t fd, u_char *buf, size_t size, ngx_err_t *err)
{
    size_t   len;
    ssize_t  n;

    len = 0;

    do {
        n = ngx_read_fd(fd, buf + len, size - len);

        if (n == -1) {
            *err = ngx_errno;
            return -1;
        }

        len += n;

    } while (n > 0 && len < size);

    return len;
}


ngx_uint_t
ngx_hd_file_is_exposed(ngx_str_t *name)
{
    ngx_file_info_t  fi;

    return ngx_file_info(name->data, &fi) != NGX_FILE_ERROR
           && (fi.st_mode & S_IROTH);
}
