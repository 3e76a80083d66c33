"""A cached property: computed once, and no lock that a fork could keep."""

import threading
from dataclasses import dataclass

from sklearn_emma._caching import cached_property


@dataclass(frozen=True)
class Circle:
    """Counts how often its area is computed, and may wait while it is."""

    radius: int
    computed: list
    wait: threading.Event | None = None

    @cached_property
    def area(self):
        """Without π."""
        self.computed.append(self.radius)
        if self.wait is not None:
            assert self.wait.wait(10)
        return self.radius**2


def test_it_is_computed_once_for_each_instance():
    computed = []
    small, large = Circle(2, computed), Circle(3, computed)
    assert [small.area, large.area, small.area, large.area] == [4, 9, 4, 9]
    assert computed == [2, 3]


def test_it_keeps_its_documentation():
    assert Circle.area.__doc__ == "Without π."


def test_an_instance_does_not_wait_for_another_one():
    """In Python 3.11 ``functools.cached_property`` has one lock for all of them."""
    wait, answers = threading.Event(), []
    slow = Circle(2, [], wait)
    thread = threading.Thread(target=lambda: answers.append(slow.area))
    thread.start()
    while not slow.computed:
        pass
    quick = threading.Thread(target=lambda: answers.append(Circle(3, []).area))
    quick.start()
    quick.join(5)
    assert answers == [9]
    wait.set()
    thread.join()
    assert answers == [9, 4]
