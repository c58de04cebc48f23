"""How addresses are written: one file for each family of chains, with the rules that its chains have in common.

Pure: no clock, no network, no AWS. The rules and where they come from: docs/decisions/0013-address-rules.md.
"""
