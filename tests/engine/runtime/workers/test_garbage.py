import gc

from engine.runtime.gc_tuning import YOUNG_OBJECTS, gc_infrequent


def test_garbage_is_collected_seldom_inside_and_as_before_after_it() -> None:
    before = gc.get_threshold()
    with gc_infrequent():
        assert gc.get_threshold() == (YOUNG_OBJECTS, *before[1:])
    assert gc.get_threshold() == before


def test_a_program_that_collects_even_less_is_left_alone() -> None:
    before = gc.get_threshold()
    gc.set_threshold(YOUNG_OBJECTS * 2, *before[1:])
    try:
        with gc_infrequent():
            assert gc.get_threshold()[0] == YOUNG_OBJECTS * 2
    finally:
        gc.set_threshold(*before)
