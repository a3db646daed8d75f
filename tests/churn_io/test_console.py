import pytest

from churn.errors import BadSetup
from churn_io.console import run


def test_an_error_that_looks_like_markup_is_one_plain_line(capsys):
    def program():
        raise BadSetup("logs[/tmp] and [bold]: not there")

    with pytest.raises(SystemExit) as left:
        run(program)
    assert left.value.code == 1
    assert capsys.readouterr().err == "error: logs[/tmp] and [bold]: not there\n"


def test_an_interrupt_is_exit_code_130():
    def program():
        raise KeyboardInterrupt

    with pytest.raises(SystemExit) as left:
        run(program)
    assert left.value.code == 130
