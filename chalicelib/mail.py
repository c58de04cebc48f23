"""Outgoing mail, plain text through SES. Messages are never logged: they may contain a link that logs a user in."""

import sys
from functools import lru_cache
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.config import settings
from chalicelib.errors import NotSent
from chalicelib.mail_templates import IF_NOT_YOU, MailTemplate
from chalicelib.texts import translate, with_values

# Separators of lines and paragraphs: names may contain them, and some mail programs break lines there.
_WITHOUT_SEPARATORS = str.maketrans(dict.fromkeys('\u2028\u2029', ' '))


def send(to: str, template: MailTemplate, **values: str) -> None:
    """Send a mail through SES in the language of the request, with `values` in the text of its template.

    Without MAIL_FROM a local server prints it to standard error.

    Raises ValueError if `to` or the subject contains control characters (header injection), and NotSent if SES does not take it or
    MAIL_FROM is not set on AWS.
    """
    paragraphs = [template.text, IF_NOT_YOU] if template.warns else [template.text]
    subject, text = translate(template.subject), '\n\n'.join(translate(with_values(paragraph, **values)) for paragraph in paragraphs)
    text = text.translate(_WITHOUT_SEPARATORS)
    if any(ord(character) < 32 or ord(character) == 127 for character in to + subject):
        raise ValueError('control characters in the headers of a mail')
    sender = settings().mail_from
    if sender:
        content = {'Simple': {'Subject': _utf8(subject), 'Body': {'Text': _utf8(text)}}}
        try:
            _ses().send_email(FromEmailAddress=sender, Destination={'ToAddresses': [to]}, Content=content)
        except (BotoCoreError, ClientError) as error:
            raise NotSent(type(error).__name__) from error
    elif settings().local:
        print(f'--- mail to {to}\nSubject: {subject}\n\n{text}\n--- end of mail', file=sys.stderr, flush=True)
    else:
        raise NotSent('MAIL_FROM is not set: sign-ups need a sender for their mail')


def _utf8(text: str) -> dict[str, str]:
    return {'Data': text, 'Charset': 'UTF-8'}


@lru_cache(1)
def _ses() -> Any:
    import boto3  # 100 ms of cold start that only requests which send mail should pay

    return boto3.client('sesv2')
