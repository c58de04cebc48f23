"""The prefix and the possible scopes of API keys. Pure."""

PREFIX = 'cfk_'  # distinguishes API keys from access tokens, also for secret scanners

SCOPES = ('info', 'read')  # read-only: applications that change data need the user's consent through OAuth2
