"""`python -m infra.fake_upstreams` serves the sample upstream on a port of its own."""

from infra.fake_upstreams import sample

sample.main()
