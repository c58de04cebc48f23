"""When each job last ran to its end."""

from chalicelib.models.attributes import IntegerAttribute
from chalicelib.models.item import Item


class JobRun(Item, discriminator='job-run'):
    """pk=JOBS  sk=<name of the job>

    note: one update   last: query
    """

    ran_at = IntegerAttribute()

    @classmethod
    def note(cls, job: str, now: int) -> None:
        """Store that a job ran."""
        cls('JOBS', job).update([cls.kind.set(cls), cls.ran_at.set(now)])

    @classmethod
    def last(cls) -> dict[str, int]:
        """Return when jobs last ran, by name; one that never did is not in it."""
        return {run.sk: run.ran_at for run in cls.query('JOBS')}
