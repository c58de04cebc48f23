"""Somebody who was in an account, with everything that they could have taken along."""

import base64

import pytest
from chalice.test import Client as ChaliceClient

from chalicelib.models import ApiKey, Client, Portfolio, ShareLink, User, transact
from tests.support.browser import Browser
from tests.support.oauth import GOOD, ask

NEW_PASSWORD = 'the new password'
OWN = {'grant_type': 'client_credentials', 'scope': 'admin'}
THIEFS = 'Basic ' + base64.b64encode(b'thiefs:known').decode()


class Thief:
    """Everything that somebody who was in the account could have taken along: how each is used, which says whether it opens."""

    def __init__(self, http: ChaliceClient, user: User) -> None:
        Client.register(client_id='thiefs', secret='known', owner_id=user.user_id, name='x', redirect_uris=['https://a.example/'], now=1)
        _, self.key = ApiKey.create(user.user_id, name='x', scopes=['read'], now=1)
        self.refresh_token = ask(http, GOOD).json_body['refresh_token']
        portfolio = Portfolio.draft(user.user_id, title='x', currencies=['btc'], now=1)
        portfolio.insert()
        link = {'name': 'x', 'shows_amounts': True, 'expires_at': 10**10, 'now': 1}
        self.share_token, writes = ShareLink.creation(user.user_id, portfolio.portfolio_id, **link)
        transact(*writes)
        self.browser = Browser(http)
        self.browser.log_in()
        self.http = http

    def opens(self) -> dict[str, bool]:
        refreshed = ask(self.http, {'grant_type': 'refresh_token', 'refresh_token': self.refresh_token})
        self.refresh_token = refreshed.json_body.get('refresh_token', self.refresh_token)
        return {
            'session': self.browser.get('/profile').status_code == 200,
            'consent': refreshed.status_code == 200,
            'key': self.http.http.get('/api/user', headers={'Authorization': f'Bearer {self.key}'}).status_code == 200,
            'own application': ask(self.http, OWN, THIEFS).status_code == 200,
            'shared portfolio': self.http.http.get(f'/s/{self.share_token}').status_code == 200,
            'remote': ask(self.http, GOOD | {'password': NEW_PASSWORD}).status_code == 200 or ask(self.http, GOOD).status_code == 200,
        }


NOTHING = dict.fromkeys(('session', 'consent', 'key', 'own application', 'shared portfolio', 'remote'), False)
EVERYTHING = dict.fromkeys(NOTHING, True)


def as_it_was(user: User) -> User:
    """Return a user as they were made, whatever became of them."""
    return User(**{name: getattr(user, name) for name in User.get_attributes() if name != 'kind'})


@pytest.fixture
def thief(http: ChaliceClient, user: User) -> Thief:
    """A thief, in a world with an application of somebody else's."""
    Client.register(client_id='test-app', secret='secret', owner_id='somebody else', name='x', redirect_uris=['https://b.example/'], now=1)
    thief = Thief(http, user)
    assert thief.opens() == EVERYTHING
    return thief
