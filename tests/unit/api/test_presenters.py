from chalicelib.api import presenters


def test_the_short_form_of_a_currency_is_title_and_code():
    assert presenters.present_currency_ref('btc') == {'title': 'Bitcoin', 'code': 'btc'}
