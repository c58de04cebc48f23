"""Forms with files, as RFC 7578 has them and as nobody should send them."""

import pytest

from chalicelib.http_io import multipart

KIND = 'multipart/form-data; boundary=x-1'


def form(*parts: str) -> bytes:
    return (''.join(f'--x-1\r\n{part}\r\n' for part in parts) + '--x-1--\r\n').encode()


def test_fields_and_files_are_told_by_name_in_their_order():
    body = form(
        'Content-Disposition: form-data; name="kind"\r\n\r\none',
        'Content-Type: text/csv\r\ncontent-disposition: form-data; filename="; name=k.csv"; name="file"\r\n\r\na,b\r\n\r\n--x\r\nc,d\r\n',
        'Content-Disposition: form-data; name="kind"\r\n\r\n',
        'Content-Disposition: form-data; name="größe"\r\n\r\n5',
    )

    assert multipart.parse(KIND, body, 4) == {'kind': [b'one', b''], 'file': [b'a,b\r\n\r\n--x\r\nc,d\r\n'], 'größe': [b'5']}
    assert multipart.parse('Multipart/Form-Data; charset=utf-8; Boundary="x-1"', b'before\r\n' + body + b'after', 4)['kind'] == [
        b'one',
        b'',
    ]
    with pytest.raises(ValueError, match='too many parts'):
        multipart.parse(KIND, body, 3)


@pytest.mark.parametrize(
    ('kind', 'body'),
    [
        ('multipart/form-data', b'x'),
        ('multipart/form-data; boundary=', form('Content-Disposition: form-data; name="a"\r\n\r\nb')),
        ('multipart/form-data; boundary=' + '(' * 5_000, b'x'),
        (KIND, b'{}'),
        (KIND, b''),
        (KIND, form('no header', 'Content-Type: text/plain\r\n\r\nx', 'Content-Disposition: form-data; name=bare\r\n\r\nx')),
    ],
)
def test_what_is_no_such_form_has_no_fields(kind: str, body: bytes):
    assert multipart.parse(kind, body, 100) == {}


@pytest.mark.parametrize(
    ('body', 'names'),
    [
        (''.join(f'--b{n}\r\nContent-Type: multipart/mixed; boundary=b{n + 1}\r\n\r\n' for n in range(4_000)), []),
        ('--b0\r\n' + 'Content-Type: message/rfc822\r\n\r\n' * 8_000, []),
        ('--b0\r\nContent-Disposition: form-data; ' + 'a=b; ' * 50_000 + 'name="x"\r\n\r\n\r\n--b0--', ['x']),
        ('--b0\r\nContent-Disposition: ' + '(' * 250_000, []),
        ('--b0\r\nContent-Disposition: form-data;' + ' ' * 250_000 + 'name="x"', ['x']),
    ],
)
def test_no_body_exhausts_it(body: str, names: list[str]):
    assert [*multipart.parse('multipart/form-data; boundary=b0', body.encode(), 100)] == names
