"""Refusals name the key, the value and what is allowed."""

from typing import Literal

import pytest

from hone.core.errors import UsageError, require_one_of


def test_a_value_that_is_not_among_the_choices_is_refused_with_all_of_them() -> None:
    require_one_of("place", "loss", Literal["loss", "reward"])
    with pytest.raises(UsageError, match="place = 'nowhere' is not possible; allowed: loss or rew"):
        require_one_of("place", "nowhere", Literal["loss", "reward"])
