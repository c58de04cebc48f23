"""Which kinds of items an export carries: all but those named here, so that a kind added later is not forgotten."""

# Ephemeral, each with why a restored table is better off without it.
LEFT_OUT = {
    'session': 'people log in again',
    'session_pointer': 'points to a session',
    'known_browser': 'known again with the next log-in',
    'one_time_secret': 'shown in the session that made it only',
    'credentials': 'what people entrusted to us for their accounts at exchanges leaves us in no file: they send it again',
    'mailed': 'the link can be asked for again',
    'former_email': 'kept for links, which are left out',
    'invitation': 'another can be made',
    'log_in_step': 'lives for ten minutes',
    'code': 'lives for a minute',
    'refresh': 'one that was spent or revoked after the export would be good again; the consent it was made under is kept',
    'revoked_family': 'refuses tokens, of which none are kept',
    'attempts': 'counts the tries of minutes',
    'request-count': 'counts the requests of a minute',
    'bucket': 'says how upstreams do now',
    'job-run': 'says when jobs last ran',
    'chain-blocks': 'blocks are read anew, from the newest on',
    'moved-in-block': 'of blocks that were just read',
    'latest-rates': 'fetched anew within minutes',
    'wanted-currency': 'said again by whoever holds or reports it',
    'history': 'worked out anew',
    'chunk': 'part of a history',
    'derived_addresses': 'derived anew from the key of their HD wallet',
    'schema': "in the file's header",
}
