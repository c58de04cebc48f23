"""The durations of this wing: how long rates are cached, and when a currency's tracking is renewed.

How long a currency stays tracked is stored with it: models.TRACKED_SECONDS.
"""

CACHE_SECONDS = 60  # for which a process keeps the latest rates
REREAD_SECONDS = 2  # the same, where they lack a currency that is needed
RENEW_SECONDS = 86_400  # between two renewals of a tracked currency by one process
CLOSE_WITHIN_SECONDS = 3_600  # of a day, in which a rate counts as that day's close
