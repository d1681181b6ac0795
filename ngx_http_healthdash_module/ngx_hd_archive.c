
/*
 * healthdash: the layout of the state file.  Records are in it as they are in
 * memory, for nothing in them is a pointer; what is read back is no more
 * trusted than any other input, for it goes to memory that all workers read.
 */


#include <ngx_hd_compat.h>
#include <ngx_hd_archive.h>
#include <ngx_hd_word.h>


#define NGX_HD_ARCHIVE_ORDER   0x01020304
#define NGX_HD_ARCHIVE_SLACK   3600000          /* msec: records are younger
                                                   than the head */
#define NGX_HD_ARCHIVE_LONG    3155760000000LL  /* msec: 100 years */


static uint64_t ngx_hd_archive_shape(void);
static uint64_t ngx_hd_archive_head_sum(const ngx_hd_archive_head_t *head);
static uint64_t ngx_hd_archive_sum(const ngx_hd_archive_head_t *head,
    const ngx_hd_archive_part_t *part, size_t size);
static ngx_uint_t ngx_hd_archive_is_part(const ngx_hd_archive_head_t *head,
    const ngx_hd_archive_part_t *part, size_t size, uint64_t number);
static ngx_uint_t ngx_hd_archive_is_sockaddr(const ngx_hd_place_t *place);
static ngx_uint_t ngx_hd_archive_is_data(const ngx_hd_archive_head_t *head,
    const ngx_hd_data_t *data);
static ngx_uint_t ngx_hd_archive_is_past(const ngx_hd_archive_head_t *head,
    uint64_t mono);


static const u_char  ngx_hd_archive_magic[8] = {
    'H', 'D', 's', 't', 'a', 't', 'e', '\n'
};


void
ngx_hd_archive_init(ngx_hd_archive_head_t *head)
{
    ngx_memzero(head, sizeof(ngx_hd_archive_head_t));
    ngx_memcpy(head->magic, ngx_hd_archive_magic, sizeof(head->magic));

    head->order = NGX_HD_ARCHIVE_ORDER;
    head->format = NGX_HD_ARCHIVE_FORMAT;
    head->shape = ngx_hd_archive_shape();
}


/* another build may lay it out in another way, or number its words anew */

static uint64_t
ngx_hd_archive_shape(void)
{
    static const uint64_t  shape[] = {
        NGX_HD_LAYOUT, NGX_HD_STATES, NGX_HD_REASONS, NGX_HD_EVENT_KINDS,
        NGX_HD_PHASES, NGX_HD_RESULTS, NGX_HD_MINUTES, NGX_HD_HOURS,
        NGX_HD_DAYS, NGX_HD_EVENTS, sizeof(ngx_hd_archive_head_t),
        sizeof(ngx_hd_archive_place_t), sizeof(ngx_hd_archive_frame_t),
        sizeof(ngx_hd_place_t), sizeof(ngx_hd_told_t),
        sizeof(ngx_hd_data_t), sizeof(ngx_hd_history_t),
        sizeof(ngx_hd_event_t), offsetof(ngx_hd_data_t, seen),
        offsetof(ngx_hd_data_t, cert), offsetof(ngx_hd_data_t, failed)
    };

    return ngx_hd_words_sum(shape, sizeof(shape) / sizeof(shape[0]), 0);
}


void
ngx_hd_archive_seal(ngx_hd_archive_head_t *head)
{
    head->sum = ngx_hd_archive_head_sum(head);
}


static uint64_t
ngx_hd_archive_head_sum(const ngx_hd_archive_head_t *head)
{
    return ngx_hd_words_sum(head, offsetof(ngx_hd_archive_head_t, sum)
                                  / sizeof(uint64_t), 0);
}


const char *
ngx_hd_archive_wrong(const ngx_hd_archive_head_t *head, size_t len)
{
    if (len == 0) {
        return "is empty";
    }

    if (ngx_memcmp(head->magic, ngx_hd_archive_magic,
                   ngx_min(len, sizeof(head->magic)))
        != 0)
    {
        return "is no state file";
    }

    if (len < sizeof(ngx_hd_archive_head_t)) {
        return "is cut off";
    }

    if (head->order != NGX_HD_ARCHIVE_ORDER) {
        return "was written on another kind of machine";
    }

    if (head->format != NGX_HD_ARCHIVE_FORMAT) {
        return "was written by another version of healthdash";
    }

    if (head->sum != ngx_hd_archive_head_sum(head)) {
        return "is damaged";
    }

    if (head->shape != ngx_hd_archive_shape()) {
        return "was written by another build of healthdash";
    }

    if (head->instance == 0 || head->wall <= 0
        || head->wall > NGX_HD_ARCHIVE_LONG
        || head->mono > NGX_HD_ARCHIVE_LONG
        || head->clock > NGX_HD_ARCHIVE_LONG
        || head->events > NGX_HD_EVENTS || head->events > head->event)
    {
        return "is damaged";
    }

    return NULL;
}


ngx_uint_t
ngx_hd_archive_is_later(const ngx_hd_archive_head_t *head, size_t len,
    uint64_t instance)
{
    return len == sizeof(ngx_hd_archive_head_t)
           && ngx_memcmp(head->magic, ngx_hd_archive_magic,
                         sizeof(head->magic))
              == 0
           && head->order == NGX_HD_ARCHIVE_ORDER
           && head->format == NGX_HD_ARCHIVE_FORMAT
           && head->sum == ngx_hd_archive_head_sum(head)
           && head->instance > instance;
}


void
ngx_hd_archive_seal_part(const ngx_hd_archive_head_t *head,
    ngx_hd_archive_part_t *part, size_t size)
{
    part->sum = ngx_hd_archive_sum(head, part, size);
}


/* the stamp: a part of another file is no part of this one */

static uint64_t
ngx_hd_archive_sum(const ngx_hd_archive_head_t *head,
    const ngx_hd_archive_part_t *part, size_t size)
{
    return ngx_hd_words_sum((const u_char *) part + sizeof(uint64_t),
                            size / sizeof(uint64_t) - 1,
                            head->instance ^ (uint64_t) head->wall << 16);
}


static ngx_uint_t
ngx_hd_archive_is_part(const ngx_hd_archive_head_t *head,
    const ngx_hd_archive_part_t *part, size_t size, uint64_t number)
{
    return part->number == number
           && part->sum == ngx_hd_archive_sum(head, part, size);
}


ngx_uint_t
ngx_hd_archive_is_place(const ngx_hd_archive_head_t *head,
    const ngx_hd_archive_place_t *place, uint64_t number)
{
    const ngx_hd_place_t  *p;

    p = &place->place;

    return ngx_hd_archive_is_part(head, &place->part,
                                  sizeof(ngx_hd_archive_place_t), number)
           && p->version
           && ngx_hd_archive_is_past(head, ngx_hd_gone_time(p->gone))
           && ngx_hd_archive_is_sockaddr(p);
}


static ngx_uint_t
ngx_hd_archive_is_sockaddr(const ngx_hd_place_t *place)
{
    const struct sockaddr  *sa;

    sa = (const struct sockaddr *) place->sockaddr;

    return (sa->sa_family == AF_INET
            && place->socklen == sizeof(struct sockaddr_in))
           || ngx_hd_is_inet6(sa, place->socklen);
}


ngx_uint_t
ngx_hd_archive_is_frame(const ngx_hd_archive_head_t *head,
    const ngx_hd_archive_frame_t *frame, uint64_t number)
{
    const ngx_hd_told_t  *told;

    told = &frame->told;

    return ngx_hd_archive_is_part(head, &frame->part,
                                  sizeof(ngx_hd_archive_frame_t), number)
           && told->status <= NGX_HD_INCONCLUSIVE
           && told->len <= NGX_HD_MESSAGE_LEN
           && ngx_hd_archive_is_past(head, told->known)
           && ngx_hd_archive_is_past(head, told->mono)
           && ngx_hd_archive_is_data(head, &frame->data);
}


static ngx_uint_t
ngx_hd_archive_is_data(const ngx_hd_archive_head_t *head,
    const ngx_hd_data_t *data)
{
    const ngx_hd_failed_t  *failed;

    failed = &data->failed;

    return data->state < NGX_HD_STATES
           && data->verdict <= NGX_HD_INCONCLUSIVE
           && data->reason < NGX_HD_REASONS
           && data->state_reason < NGX_HD_REASONS
           && data->len <= NGX_HD_DETAIL_LEN
           && data->state_len <= NGX_HD_DETAIL_LEN
           && data->cert.issuer_len <= NGX_HD_ISSUER_LEN
           && failed->reason < NGX_HD_REASONS
           && failed->len <= NGX_HD_DETAIL_LEN
           && failed->sample.line_len <= NGX_HD_LINE_LEN
           && failed->sample.len <= NGX_HD_SAMPLE_LEN
           && data->value - data->value == 0    /* neither NaN nor infinite */
           && data->seen <= head->clock + NGX_HD_ARCHIVE_SLACK
           && data->since >= 0 && data->since <= NGX_HD_ARCHIVE_LONG
           && data->last >= 0 && data->last <= NGX_HD_ARCHIVE_LONG
           && ngx_hd_archive_is_past(head, data->since_mono)
           && ngx_hd_archive_is_past(head, data->last_mono)
           && ngx_hd_archive_is_past(head, ngx_hd_back_time(data->back));
}


/*
 * What lies before the boot of the machine is below zero, that is, wraps; 0 is
 * no time at all.
 */

static ngx_uint_t
ngx_hd_archive_is_past(const ngx_hd_archive_head_t *head, uint64_t mono)
{
    return mono == 0
           || head->mono + NGX_HD_ARCHIVE_SLACK - mono < NGX_HD_ARCHIVE_LONG;
}


ngx_uint_t
ngx_hd_archive_is_event(const ngx_hd_archive_head_t *head,
    const ngx_hd_event_t *e)
{
    return e->number > 0
           && head->event - e->number < NGX_HD_EVENTS
           && e->kind < NGX_HD_EVENT_KINDS
           && e->from < NGX_HD_STATES
           && e->to < NGX_HD_STATES
           && e->reason < NGX_HD_REASONS
           && e->upstream_len <= NGX_HD_EVENT_UPSTREAM
           && e->name_len <= NGX_HD_EVENT_NAME
           && e->text_len <= NGX_HD_EVENT_TEXT
           && e->clock <= head->clock + NGX_HD_ARCHIVE_SLACK
           && e->time >= 0 && e->time <= NGX_HD_ARCHIVE_LONG
           && e->lasted <= NGX_HD_ARCHIVE_LONG;
}


uint64_t
ngx_hd_archive_add(uint64_t frames, uint64_t sum)
{
    return ngx_hd_words_sum(&sum, 1, frames);
}
