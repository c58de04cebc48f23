"""The durations of this wing: how long rates are cached, and when a currency's tracking is renewed.

How long a currency stays tracked is stored with it: models.TRACKED_SECONDS.
"""

CACHE_SECONDS = 60  # for which a process keeps the latest rates
REREAD_SECONDS = 2  # the same, where they lack a currency that is needed
FIRST_RETRY_SECONDS, MOST_RETRIES = 30, 3  # of rates that did not come; doubled each time, then the schedule asks for them
PENDING_SECONDS = 3_600  # for which a rate that did not come counts as about to come
RENEW_SECONDS = 86_400  # between two renewals of a tracked currency by one process
CLOSE_WITHIN_SECONDS = 3_600  # of a day, in which a rate counts as that day's close
