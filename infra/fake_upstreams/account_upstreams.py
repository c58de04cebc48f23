"""The upstreams of XRP, Stellar, Solana and Cardano in the sample: who answers a GET, and who a POST."""

from collections.abc import Callable, Mapping
from typing import Any

from infra.fake_upstreams import cardano, solana, stellar, xrp
from infra.fake_upstreams.answer import Answer

UPSTREAMS: dict[str, Callable[[list[str], dict[str, str]], Answer]] = {**stellar.UPSTREAMS, **cardano.UPSTREAMS}
POSTED: dict[str, Callable[[list[str], Mapping[str, str], Any], Answer]] = {
    **xrp.POSTED,
    **solana.POSTED,
    **cardano.POSTED,
}
