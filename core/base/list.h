/* list.h - doubly linked lists whose links lie in their items.
 *
 * An item is found from its link by CG_CONTAINER, so it may be in as many lists as it has
 * links.  A zeroed list is empty; a list may be copied to another place and goes on
 * there.  Whoever walks while items leave reads a link's `next` before.  The lists own
 * nothing.
 */
#ifndef CG_BASE_LIST_H
#define CG_BASE_LIST_H

#include <stddef.h>

struct cg_link {
  struct cg_link *prev, *next; /* NULL at the ends */
};

struct cg_list {
  struct cg_link *first, *last; /* both NULL: empty */
};

/* At the end.  The link must be in no list. */
static inline void cg_list_add(struct cg_list *list, struct cg_link *link) {
  *link = (struct cg_link){.prev = list->last};
  *(list->last ? &list->last->next : &list->first) = link;
  list->last = link;
}

/* The link must be in this list. */
static inline void cg_list_remove(struct cg_list *list, struct cg_link *link) {
  *(link->prev ? &link->prev->next : &list->first) = link->next;
  *(link->next ? &link->next->prev : &list->last) = link->prev;
}

#endif
