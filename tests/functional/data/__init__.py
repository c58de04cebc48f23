import pytest

pytest.register_assert_rewrite('tests.functional.data.world')
