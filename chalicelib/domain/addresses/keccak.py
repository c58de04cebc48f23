"""Keccak-256, which hashlib lacks: its sha3_256 is the later standard, with different padding."""

_RATE = 136  # bytes absorbed per round
_LANES = 25
_WORD = (1 << 64) - 1


def keccak256(message: bytes) -> bytes:
    """Return the Keccak-256 digest that Ethereum uses: the SHA-3 submission, before NIST changed the padding."""
    padded = bytearray(message + bytes(_RATE - len(message) % _RATE))
    padded[len(message)] ^= 0x01
    padded[-1] ^= 0x80
    state = [0] * _LANES
    for start in range(0, len(padded), _RATE):
        for lane in range(_RATE // 8):
            state[lane] ^= int.from_bytes(padded[start + 8 * lane : start + 8 * lane + 8], 'little')
        state = _permute(state)
    return b''.join(lane.to_bytes(8, 'little') for lane in state[:4])


def _permute(state: list[int]) -> list[int]:
    """Apply Keccak-f[1600]; lane (x, y) of the specification is at index x + 5y."""
    register = 1
    for _ in range(24):
        state = _mix_rows(_rotate_and_move(_mix_columns(state)))
        for bit in range(7):
            if register & 1:
                state[0] ^= 1 << ((1 << bit) - 1)
            register = (register << 1) ^ (0x171 if register & 0x80 else 0)
    return state


def _mix_columns(state: list[int]) -> list[int]:
    parity = [state[x] ^ state[x + 5] ^ state[x + 10] ^ state[x + 15] ^ state[x + 20] for x in range(5)]
    return [lane ^ parity[(i + 4) % 5] ^ _rotate(parity[(i + 1) % 5], 1) for i, lane in enumerate(state)]


def _rotate_and_move(state: list[int]) -> list[int]:
    moved = [state[0]] * _LANES
    x, y = 1, 0
    for step in range(24):
        target = y + 5 * ((2 * x + 3 * y) % 5)
        moved[target] = _rotate(state[x + 5 * y], (step + 1) * (step + 2) // 2 % 64)
        x, y = y, (2 * x + 3 * y) % 5
    return moved


def _mix_rows(state: list[int]) -> list[int]:
    return [state[5 * y + x] ^ (~state[5 * y + (x + 1) % 5] & _WORD & state[5 * y + (x + 2) % 5]) for y in range(5) for x in range(5)]


def _rotate(lane: int, by: int) -> int:
    return (lane << by | lane >> (64 - by)) & _WORD
