"""A signal that comes while something is half started waits until it has."""

import signal
import threading

import pytest

from churn_io import interrupts


@pytest.fixture
def asked():
    """The numbers of the signals that a program's own handler was given so far."""
    seen = []
    before = signal.signal(signal.SIGTERM, lambda number, _frame: seen.append(number))
    yield seen
    signal.signal(signal.SIGTERM, before)


def test_a_signal_comes_at_the_blocks_end_to_the_handler_of_before(asked):
    with interrupts.held(*interrupts.ENDINGS):
        signal.raise_signal(signal.SIGTERM)
        assert asked == []
    assert asked == [signal.SIGTERM]
    signal.raise_signal(signal.SIGTERM)
    assert asked == [signal.SIGTERM] * 2


def test_ctrl_c_is_an_interrupt_behind_the_block():
    reached = []

    def press_and_go_on():
        with interrupts.held(signal.SIGINT):
            signal.raise_signal(signal.SIGINT)
            reached.append("the block's end")

    with pytest.raises(KeyboardInterrupt):
        press_and_go_on()
    assert reached == ["the block's end"]


def test_an_error_in_the_block_passes_and_the_handlers_are_back(asked):
    with pytest.raises(ValueError, match="of the block"), interrupts.held(*interrupts.ENDINGS):
        raise ValueError("of the block")
    signal.raise_signal(signal.SIGTERM)
    assert asked == [signal.SIGTERM]


def test_a_thread_holds_nothing():
    failed = []

    def hold():
        try:
            with interrupts.held(signal.SIGINT):
                pass
        except ValueError as error:  # Python's, where a thread sets a handler
            failed.append(error)

    thread = threading.Thread(target=hold)
    thread.start()
    thread.join()
    assert failed == []
