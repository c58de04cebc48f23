"""People who use the API and the pages while AWS and upstreams fail, and who remember what they were told.

Whoever gets 503, 409 or no answer asks again, as the documentation says; every other unexpected answer is a failure.
"""

import itertools
import json
import random
import re
from collections import Counter
from collections.abc import Callable
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from chalice.test import Client as ChaliceClient
from chalice.test import HTTPResponse

from infra.fake_upstreams.kraken_account import SAMPLE
from tests.support.api import PASSWORD
from tests.support.browser import FORM, Browser
from tests.support.hd_wallets import XPUB
from tests.support.ledgers import LEGACY, SEGWIT, TAPROOT
from tests.support.oauth import ask

Json = dict[str, Any]

AGAIN = (503, 409)
MOST_TRIES = 60
BITCOIN = (SEGWIT, LEGACY, TAPROOT, 'bc1qp7lwd7dhgkgpqyccs9fjpqcdcjdeqpnnzhsdte', 'bc1qjfyvsnzt7kv86q0sjhz9fpa2d3pd86gpjugu7v')
REDIRECT = 'https://app.example/callback'
KINDS = ('addresses', 'accounts', 'offsets')


class Failed(AssertionError):
    """Somebody was told what they must never be told."""


class Person:
    """A user with an application of theirs; `portfolios` are what they were told that they have: children by kind and id."""

    def __init__(self, http: ChaliceClient, chance: random.Random, email: str, user_id: str, answers: Counter[int]) -> None:
        self.http = http
        self.chance = chance
        self.email = email
        self.user_id = user_id
        self.answers = answers
        self.portfolios: dict[int, dict[str, dict[int, Json]]] = {}
        self.titles: dict[int, str] = {}
        self.browser = Browser(http)
        self.refresh_token = ''
        self.access_token = ''
        self._numbers = itertools.count(1)

    def act(self) -> None:
        """Do one thing of those that people do."""
        acts: list[Callable[[], None]] = [
            self.create_portfolio, self.add_child, self.add_child, self.add_child, self.rename, self.rename_if_unchanged,
            self.move_address, self.delete_child, self.delete_portfolio, self.look, self.look, self.refresh, self.authorize, self.visit,
        ]  # fmt: skip
        self.chance.choice(acts)()

    # The API

    def send(self, method: str, path: str, body: Json | None = None, **headers: str) -> HTTPResponse:
        """Send a request again and again until the answer is neither busy nor a conflict."""
        for _ in range(MOST_TRIES):
            sent = {'Authorization': f'Bearer {self.access_token}', 'Content-Type': 'application/json'} | headers
            answer = self.http.http.request(method, path, headers=sent, body=json.dumps(body).encode() if body is not None else b'')
            self.answers[answer.status_code] += 1
            if answer.status_code == 503 and 'Retry-After' not in answer.headers:
                raise Failed(f'{method} {path}: 503 does not say when to try again')
            if answer.status_code == 401:  # it expired
                self.refresh()
                continue
            if answer.status_code not in AGAIN or answer.json_body['code'] == 'not_ready':
                return answer
        raise Failed(f'{method} {path}: {answer.status_code} {MOST_TRIES} times')

    def expect(self, answer: HTTPResponse, *statuses: int) -> Json:
        if answer.status_code not in statuses:
            raise Failed(f'{answer.status_code}, not {statuses}: {answer.body[:300]!r}')
        found: Json = answer.json_body
        return found

    def create(self, path: str, body: Json) -> Json:
        key = f'{self.email}-{next(self._numbers)}'
        created = self.expect(self.send('POST', path, body, **{'Idempotency-Key': key}), 201, 422)
        return created.get('result', {}) if created['success'] else {}

    def create_portfolio(self) -> None:
        title = f'Portfolio {next(self._numbers)}'
        portfolio = self.create('/api/portfolios', {'title': title, 'currencies': ['btc', 'usd']})['id']
        if portfolio in self.portfolios:
            raise Failed(f'portfolio {portfolio} was created twice')
        self.portfolios[portfolio] = {kind: {} for kind in KINDS}
        self.titles[portfolio] = title

    def add_child(self) -> None:
        portfolio = self._any_portfolio()
        if portfolio is None:
            return
        kind = self.chance.choice((*KINDS, 'addresses', 'addresses'))
        body: Json = {'title': f'Child {next(self._numbers)}'}
        if kind == 'addresses':
            body |= {'currency': 'btc', 'address': self.chance.choice((*BITCOIN, *BITCOIN, XPUB))}
        elif kind == 'accounts':
            body |= {'wallet': 'kraken', 'credentials': {'key': SAMPLE.key, 'secret': SAMPLE.secret}}
        else:
            body |= {'balances': [{'currency': 'btc', 'balance': str(self.chance.randrange(1, 99))}]}
        created = self.create(f'/api/portfolios/{portfolio}/{kind}', body)
        if created:  # else the portfolio has this address already
            if created['id'] in self.portfolios[portfolio][kind]:
                raise Failed(f'{kind} {created["id"]} was created twice')
            self.portfolios[portfolio][kind][created['id']] = body

    def rename(self) -> None:
        path = self._any_path()
        if path is not None:
            self.expect(self.send('PATCH', path, {'title': self._retitle(path)}), 200)

    def rename_if_unchanged(self) -> None:
        """Nobody else changes what is this person's: a change that is refused by its version was carried out before it was."""
        path = self._any_path()
        if path is None:
            return
        etag = self.send('GET', path).headers['ETag']
        title = self._retitle(path)
        before = self.answers[503] + self.answers[409]
        answer = self.send('PATCH', path, {'title': title}, **{'If-Match': etag})
        if answer.status_code == 412 and self.answers[503] + self.answers[409] == before:
            raise Failed(f'PATCH {path}: 412 for what nobody else changed')
        self.expect(answer, 200, 412)
        if self.send('GET', path).json_body['result']['title'] != title:
            raise Failed(f'PATCH {path}: the change is lost')

    def move_address(self) -> None:
        portfolio = self._any_portfolio()
        held = self.portfolios[portfolio]['addresses'] if portfolio is not None else {}
        movable = [number for number, body in held.items() if body['address'] != XPUB]
        if not movable:
            return
        number, to = self.chance.choice(movable), self.chance.choice(BITCOIN)
        if to in (body['address'] for body in held.values()):
            return
        self.expect(self.send('PATCH', f'/api/portfolios/{portfolio}/addresses/{number}', {'address': to}), 200)
        held[number] = held[number] | {'address': to}

    def delete_child(self) -> None:
        portfolio = self._any_portfolio()
        children = [(kind, number) for kind in KINDS for number in self.portfolios[portfolio][kind]] if portfolio is not None else []
        if children:
            kind, number = self.chance.choice(children)
            self.expect(self.send('DELETE', f'/api/portfolios/{portfolio}/{kind}/{number}'), 200, 404)
            del self.portfolios[portfolio][kind][number]

    def delete_portfolio(self) -> None:
        if len(self.portfolios) > 2:
            portfolio = self.chance.choice([*self.portfolios])
            self.expect(self.send('DELETE', f'/api/portfolios/{portfolio}'), 200, 404)
            del self.portfolios[portfolio]

    def look(self) -> None:
        portfolio = self._any_portfolio()
        below = ('', '/balances', '/converted', '/balances/history', '/converted/history', '/addresses', '/accounts', '/offsets')
        if portfolio is not None:
            self.expect(self.send('GET', f'/api/portfolios/{portfolio}{self.chance.choice(below)}'), 200, 503)
        self.expect(self.send('GET', self.chance.choice(('/api/user', '/api/portfolios', '/api/status', '/api/sources'))), 200)

    def _any_portfolio(self) -> int | None:
        return self.chance.choice([*self.portfolios]) if self.portfolios else None

    def _any_path(self) -> str | None:
        portfolio = self._any_portfolio()
        if portfolio is None:
            return None
        children = [f'/{kind}/{number}' for kind in KINDS for number in self.portfolios[portfolio][kind]]
        return f'/api/portfolios/{portfolio}{self.chance.choice(["", *children])}'

    def _retitle(self, path: str) -> str:
        title = f'Title {next(self._numbers)}'
        _, _, _, portfolio, *child = path.split('/')
        if child:
            self.portfolios[int(portfolio)][child[0]][int(child[1])]['title'] = title
        else:
            self.titles[int(portfolio)] = title
        return title

    # OAuth2 and pages

    def token(self, form: dict[str, str]) -> Json:
        for _ in range(MOST_TRIES):
            answer = ask(self.http, form)
            self.answers[answer.status_code] += 1
            if answer.status_code == 200:
                found: Json = answer.json_body
                return found
            if answer.status_code != 503:
                raise Failed(f'{form["grant_type"]}: {answer.status_code} {answer.body!r}')
        raise Failed(f'{form["grant_type"]}: busy {MOST_TRIES} times')

    def log_in(self) -> None:
        self._keep(self.token({'grant_type': 'password', 'username': self.email, 'password': PASSWORD, 'scope': 'admin'}))

    def refresh(self) -> None:
        self._keep(self.token({'grant_type': 'refresh_token', 'refresh_token': self.refresh_token}))

    def _keep(self, token: Json) -> None:
        self.access_token, self.refresh_token = token['access_token'], token['refresh_token']

    def authorize(self) -> None:
        """Go through the pages of an authorization; a code whose answer was busy may be spent, which is no failure."""
        request = {'response_type': 'code', 'client_id': 'test-app', 'redirect_uri': REDIRECT, 'scope': 'admin', 'state': 'x'}
        asked = urlencode(request | {'prompt': 'consent'})  # which logging in by the application gave already
        if not self.visit():
            return
        self.browser.get(f'/oauth/authorize?{asked}')
        if self._page() != 200 or 'name="decision"' not in self.browser.page:
            return
        hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', self.browser.page))
        fields = [(name, unescape(value)) for name, value in hidden.items()] + [('granted', 'admin'), ('decision', 'allow')]
        self.browser.request('POST', '/oauth/authorize', urlencode(fields).encode(), **{'Content-Type': FORM})
        if self._page() != 303 or 'code=' not in self.browser.location:
            return
        code = parse_qs(urlsplit(self.browser.location).query)['code'][0]
        answer = ask(self.http, {'grant_type': 'authorization_code', 'code': code, 'redirect_uri': REDIRECT})
        self.answers[answer.status_code] += 1
        if answer.status_code == 200:
            self._keep(answer.json_body)
        elif answer.status_code != 503:
            raise Failed(f'authorization_code: {answer.status_code} {answer.body!r}')

    def visit(self) -> bool:
        """Log in to the pages; say whether that went well."""
        self.browser.cookie = ''
        self.browser.get('/login')
        if self._page() != 200:
            return False
        csrf = re.findall(r'name="csrf" value="([^"]+)"', self.browser.page)[0]
        fields = urlencode({'csrf': csrf, 'email': self.email, 'password': PASSWORD}).encode()
        self.browser.request('POST', '/login', fields, **{'Content-Type': FORM})
        return self._page() == 303

    def _page(self) -> int:
        status = self.browser.status
        self.answers[status] += 1
        if status not in (200, 303, 503):
            raise Failed(f'a page: {status} {self.browser.text[:300]}')
        return status
