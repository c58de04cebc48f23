"""What an API key looks like and may be allowed. Pure."""

PREFIX = 'cfk_'  # tells an API key from an access token, and secret scanners what they found

SCOPES = ('info', 'read')  # reading only: whoever is to change things asks the user through OAuth2
