/* renew.h - the log is written and synced once more before rows are added behind it.
 *
 * After a sync that failed, the kernel takes the pages for clean although the disk never
 * got them: they read back as if all were well, a second sync of them says so too, and a
 * power cut would take them and every row behind them away.  So whoever opens the trail
 * to write first writes its log (audit.db-wal) once more, as it reads, and syncs that
 * through a handle of its own.  The database file needs no such care: a checkpoint whose
 * sync failed does not count, and the next one writes all its pages again. */
#ifndef AUD_RENEW_H
#define AUD_RENEW_H

#include "files.h"

/* No log is fine. */
bool aud_renew_log(const struct aud_files *p, struct aud_message *msg);

#endif
