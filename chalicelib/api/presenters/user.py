"""How a user is presented."""

from chalicelib.api import answers
from chalicelib.formats import format_instant
from chalicelib.models import User


def present_user(user: User) -> answers.User:
    return {'name': user.name, 'email': user.email, 'created_at': format_instant(user.created_at)}
