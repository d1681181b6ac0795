
/*
 * healthdash: how the zone lies in a file: a head, the addresses that DNS has
 * given, one frame for each target, then events.  Records are found by
 * identity, so their order means nothing.
 * Each part has a sum of its own: what is spoilt costs no other part.  Pure:
 * bytes in memory, no file, no clock.
 */


#ifndef _NGX_HD_ARCHIVE_H_INCLUDED_
#define _NGX_HD_ARCHIVE_H_INCLUDED_


#include <ngx_hd_history.h>


#define NGX_HD_ARCHIVE_FORMAT  2       /* count up with every change below */


typedef struct {
    u_char            magic[8];
    uint32_t          order;    /* of the bytes */
    uint32_t          format;
    uint64_t          shape;    /* of what is in the frames */
    uint64_t          instance; /* of nginx: a later one has a greater number */
    uint64_t          master;   /* its process */
    int64_t           wall;     /* wall clock, msec: the writing began */
    uint64_t          mono;     /* monotonic, msec: the same */
    uint64_t          clock;    /* history clock, msec: the same */
    uint64_t          places;   /* before the frames */
    uint64_t          targets;  /* frames */
    uint64_t          events;   /* events behind them */
    uint64_t          event;    /* number of the last event there was */
    uint64_t          frames;   /* sum over the sums of all that follows */
    uint64_t          sum;      /* over all before */
} ngx_hd_archive_head_t;


/* how each place and frame begins */

typedef struct {
    uint64_t          sum;      /* over all that follows, and the stamp */
    uint64_t          number;   /* of its kind, from 1 on */
} ngx_hd_archive_part_t;


typedef struct {
    ngx_hd_archive_part_t   part;
    ngx_hd_place_t          place;
} ngx_hd_archive_place_t;

_Static_assert(sizeof(ngx_hd_archive_place_t) % sizeof(uint64_t) == 0,
               "places are summed up word by word");


typedef struct {
    ngx_hd_archive_part_t   part;
    u_char                  id[NGX_HD_ID_LEN];
    ngx_hd_told_t           told;
    ngx_hd_data_t           data;
    ngx_hd_history_t        history;
} ngx_hd_archive_frame_t;

_Static_assert(sizeof(ngx_hd_archive_frame_t) % sizeof(uint64_t) == 0,
               "frames are summed up word by word");


/* Sets what is the same in all heads, and clears the rest. */
void ngx_hd_archive_init(ngx_hd_archive_head_t *head);

/* Sets the sum of head; nothing in it may change any more. */
void ngx_hd_archive_seal(ngx_hd_archive_head_t *head);

/*
 * What is wrong with the first len bytes of a file, if they are to be a head:
 * how a sentence goes on that begins with the file's name; NULL: nothing.
 */
const char *ngx_hd_archive_wrong(const ngx_hd_archive_head_t *head,
    size_t len);

/*
 * 1 if head, of which len bytes were read, is whole and of an nginx that was
 * started later than instance, whatever its build.
 */
ngx_uint_t ngx_hd_archive_is_later(const ngx_hd_archive_head_t *head,
    size_t len, uint64_t instance);

/* Sets the sum of a part of size bytes of the file with this head. */
void ngx_hd_archive_seal_part(const ngx_hd_archive_head_t *head,
    ngx_hd_archive_part_t *part, size_t size);

/*
 * 1 if this is the place or frame with the number, whole, of the file with this
 * head, and nothing in it is impossible.
 */
ngx_uint_t ngx_hd_archive_is_place(const ngx_hd_archive_head_t *head,
    const ngx_hd_archive_place_t *place, uint64_t number);
ngx_uint_t ngx_hd_archive_is_frame(const ngx_hd_archive_head_t *head,
    const ngx_hd_archive_frame_t *frame, uint64_t number);

/* The same for an event, whose own sum was checked; any of the last ones. */
ngx_uint_t ngx_hd_archive_is_event(const ngx_hd_archive_head_t *head,
    const ngx_hd_event_t *e);

/* The sum over the sums of all parts so far, with that of the next. */
uint64_t ngx_hd_archive_add(uint64_t frames, uint64_t sum);


#endif /* _NGX_HD_ARCHIVE_H_INCLUDED_ */
