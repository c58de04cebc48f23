"""What SES lets the stage send mail as."""

from email.utils import parseaddr

from infra.deploy.target import CannotDeploy, Target


def identities(target: Target, sender: str) -> tuple[str, str]:
    """Return a sender's address and its domain, one of which SES must have verified; say so if it has not. Raises CannotDeploy."""
    address = parseaddr(sender)[1]
    domain = address.rpartition('@')[2]
    if not domain or domain == address:
        raise CannotDeploy(f'MAIL_FROM must be an e-mail address, not {sender!r}')
    if not any(_is_verified(target, name) for name in (address, domain)):
        print(
            f'  SES in {target.region} has verified neither {address} nor {domain}, so no mail will be sent. Begin with\n'
            f'    aws sesv2 create-email-identity --region {target.region} --email-identity {address}\n'
            '  and follow the link in the mail that comes'
        )
    return address, domain


def _is_verified(target: Target, name: str) -> bool:
    client = target.client('sesv2')
    try:
        return bool(client.get_email_identity(EmailIdentity=name)['VerifiedForSendingStatus'])
    except client.exceptions.NotFoundException:
        return False
