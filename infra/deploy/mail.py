"""What SES lets the stage send mail as."""

from email.utils import parseaddr

from infra.deploy.target import CannotDeploy, Target


def parse(sender: str) -> tuple[str, str]:
    """Return a sender's address and its domain, one of which SES must have verified. Raises CannotDeploy."""
    address = parseaddr(sender)[1]
    domain = address.rpartition('@')[2]
    if not domain or domain == address:
        raise CannotDeploy(f'MAIL_FROM must be an email address, not {sender!r}')
    return address, domain


def is_verified(target: Target, *names: str) -> bool:
    """Whether SES has verified an address or domain among these."""
    return any(_is_verified(target, name) for name in names)


def how_to_verify(target: Target, address: str, domain: str) -> str:
    """Return what to say where neither is verified."""
    return (
        f'SES in {target.region} has verified neither {address} nor {domain}, so no mail will be sent. Begin with\n'
        f'    aws sesv2 create-email-identity --region {target.region} --email-identity {address}\n'
        '  and follow the link in the mail that comes'
    )


def _is_verified(target: Target, name: str) -> bool:
    client = target.client('sesv2')
    try:
        return bool(client.get_email_identity(EmailIdentity=name)['VerifiedForSendingStatus'])
    except client.exceptions.NotFoundException:
        return False
