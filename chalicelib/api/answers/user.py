"""The user."""

from typing import Annotated, TypedDict

from msgspec import Meta

from chalicelib.api.answers.scalars import Instant


class User(TypedDict):
    """The user the token was issued for."""

    name: Annotated[str | None, Meta(description='The name that the user gave; null if none.', examples=['Test user'])]
    email: Annotated[str, Meta(description='The confirmed email address of the user.', examples=['test@openclerk.org'])]
    created_at: Annotated[Instant, Meta(description='When the user signed up.')]
