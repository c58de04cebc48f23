"""What tells of many addresses of a chain at once which of them moved, without reading each.

The bulk sources of each chain, in fail-over order. A chain without any has every address read by itself.
"""

from dataclasses import replace

from chalicelib.providers.explorers import EXPLORERS
from chalicelib.providers.explorers.evm_chains import EVM_EXPLORERS
from chalicelib.providers.explorers.json_rpc import JsonRpc
from chalicelib.providers.explorers.koios import Koios
from chalicelib.providers.movements.bulk_source import BulkSource, Subject
from chalicelib.providers.movements.evm import EvmBulkSource
from chalicelib.providers.movements.koios import KoiosBulkSource
from chalicelib.providers.upstream import Endpoint

_INTERVAL_MS = 500


def _apart(endpoint: Endpoint) -> Endpoint:
    """Return an endpoint of the same server with troubles of its own.

    A server that takes long requests ill is still asked the short ones that readings need.
    """
    return Endpoint(f'{endpoint.key}_bulk', endpoint.url, _INTERVAL_MS, server=endpoint.server or endpoint.key)


BULK_SOURCES: dict[str, tuple[BulkSource, ...]] = {
    **{
        chain: tuple(EvmBulkSource(replace(node, endpoint=_apart(node.endpoint))) for node in explorers if isinstance(node, JsonRpc))
        for chain, explorers in EVM_EXPLORERS.items()
    },
    'ada': tuple(KoiosBulkSource(explorer) for explorer in EXPLORERS['ada'] if isinstance(explorer, Koios)),
}


def bulk_sources_of(currency: str) -> list[BulkSource]:
    """Return the bulk sources of a chain, the best first, without those that lack a server or a required API key here."""
    return [source for source in BULK_SOURCES.get(currency, ()) if source.endpoint.is_available]


__all__ = ['BULK_SOURCES', 'BulkSource', 'Subject', 'bulk_sources_of']
