"""What a check is, how it is run, and the report of all of them. Knows nothing of models and windows."""

from __future__ import annotations

import html
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, NoReturn, TypeVar
from unittest import SkipTest

from workbench.errors import InvalidType, PluginError, WorkbenchError

PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"


class CheckError(PluginError):
    """A check that failed; its message says what was found and what to mend."""


class CheckSkipped(SkipTest):
    """A check that does not apply here, and why. pytest counts it as skipped, as it does every ``SkipTest``."""


@dataclass(frozen=True)
class CheckResult:
    """What became of one check.

    Args:
        check: its name.
        outcome: ``"passed"``, ``"failed"`` or ``"skipped"``.
        message: what was found and what to mend, or why it was skipped; empty if it passed.
    """

    check: str
    outcome: str
    message: str = ""


class Subject:
    """What is checked. It keeps the results, so that a check that others need runs once.

    Args:
        name: how it is called in reports and in the ids of tests.
    """

    def __init__(self, name: str) -> None:
        self.results: dict[str, CheckResult] = {}
        self.__name__ = name  # what pytest makes the id of a test from


S = TypeVar("S", bound=Subject)


class Check(Generic[S]):
    """One check: call it with a subject, and it raises unless all is well.

    Args:
        function: returns, or raises `CheckError` or `CheckSkipped`. Anything else that it raises comes from the
            subject's own code and is a failure too. Its name is the check's, its docstring says what is promised.
        needs: checks that must not have failed, or this one would only repeat their news.
    """

    def __init__(self, function: Callable[[S], None], *, needs: Sequence[Check[S]] = ()) -> None:
        self._function = function
        self._needs = tuple(needs)
        self.name = function.__name__.removeprefix("check_")
        self.promise = " ".join((function.__doc__ or "").split())
        self.__name__ = self.name  # what pytest makes the id of a test from

    def __repr__(self) -> str:
        """Name it."""
        return f"<check {self.name}>"

    def __call__(self, subject: S) -> None:
        """Check, and raise what was found.

        Raises:
            CheckError: the subject does not keep its promise.
            CheckSkipped: the check does not apply, or one that it needs failed.
        """
        result = self.judge(subject)
        if result.outcome == FAILED:
            raise CheckError(f"{subject.__name__}, {self.name}: {result.message}")
        if result.outcome == SKIPPED:
            raise CheckSkipped(result.message)

    def judge(self, subject: S) -> CheckResult:
        """Check, and put into words what was found; a subject is judged once."""
        if self.name not in subject.results:
            subject.results[self.name] = CheckResult(self.name, *self._decide(subject))
        return subject.results[self.name]

    def _decide(self, subject: S) -> tuple[str, str]:
        for other in self._list_needed():
            if other.judge(subject).outcome == FAILED:
                return SKIPPED, f"{other.name} failed; mend that first"
        try:
            self._function(subject)
        except CheckSkipped as reason:
            return SKIPPED, str(reason)
        except CheckError as fault:
            return FAILED, str(fault)
        except WorkbenchError as error:  # says in our own words what is wrong
            return FAILED, make_line(error)
        except Exception as error:  # the author's code may raise anything
            return FAILED, f"it raised {describe_error(error)}{locate_error(error)}"
        return PASSED, ""

    def _list_needed(self) -> Iterator[Check[S]]:
        for other in self._needs:
            yield from other._list_needed()
            yield other


def needing(*needs: Check[Any]) -> Callable[[Callable[[S], None]], Check[S]]:
    """Make a check of a function, ``@needing(check_loads)``; ``@needing()`` for one that needs no other."""

    def make(function: Callable[[S], None]) -> Check[S]:
        return Check(function, needs=needs)

    return make


def fail(message: str) -> NoReturn:
    """End a check: the subject is at fault."""
    raise CheckError(message)


def skip(reason: str) -> NoReturn:
    """End a check: it does not apply here."""
    raise CheckSkipped(reason)


def require_card(card: object, kind: type) -> None:
    """Raise `InvalidType` unless that is a card; the name of something registered is an easy mistake."""
    if not isinstance(card, kind):
        hint = (
            f": find_{kind.__name__.removesuffix('Card').lower()}({card!r}).card gives it"
            if isinstance(card, str)
            else ""
        )
        raise InvalidType(f"expected a {kind.__name__}, got {type(card).__name__}{hint}")


def describe_error(error: BaseException) -> str:
    """Type and message of what somebody's code raised, in one line of bearable length."""
    reason = make_line(error)
    return f"{type(error).__name__}: {reason[:300]}" if reason else type(error).__name__


def locate_error(error: BaseException) -> str:
    """Where in somebody's own file it was raised: ``" (network.py, line 12)"``, or nothing."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        path = Path(frame.filename)
        if path.is_file() and not {"torch", "workbench", "beartype", "jaxtyping"} & set(path.parts[:-1]):
            return f" ({path.name}, line {frame.lineno})"
    return ""


def make_line(text: object) -> str:
    """Text with its line ends and runs of blanks made single blanks."""
    return " ".join(str(text).split())


@dataclass(frozen=True, repr=False)
class Report:
    """What all checks of one subject found; shows as a table, and is true if none failed.

    Args:
        kind: ``"model"`` or ``"window"``.
        subject: the name on its card.
        results: one a check, in the order in which they were made.
    """

    kind: str
    subject: str
    results: tuple[CheckResult, ...]

    @property
    def passed(self) -> bool:
        """Whether no check failed."""
        return not self.failures

    @property
    def failures(self) -> tuple[CheckResult, ...]:
        """The checks that failed."""
        return tuple(result for result in self.results if result.outcome == FAILED)

    @property
    def summary(self) -> str:
        """How many passed, failed and were skipped, in one line."""
        outcomes = [result.outcome for result in self.results]
        counts = ", ".join(f"{outcomes.count(outcome)} {outcome}" for outcome in (PASSED, FAILED, SKIPPED))
        return f"{self.kind} {self.subject}: {counts}"

    def __bool__(self) -> bool:
        """Whether no check failed, so that ``assert check_model(card)`` means what it says."""
        return self.passed

    def __repr__(self) -> str:
        """Draw the table as text."""
        width = max((len(result.check) for result in self.results), default=0)
        lines = [f"{one.check:<{width}}  {one.outcome:<7}  {one.message}".rstrip() for one in self.results]
        return "\n".join([*lines, self.summary])

    def _repr_html_(self) -> str:
        """Draw the table as HTML; what comes from plugins is escaped."""
        rows = "".join(
            f"<tr><td>{one.check}</td><td>{one.outcome}</td>"
            f'<td style="text-align:left">{html.escape(one.message)}</td></tr>'
            for one in self.results
        )
        head = "<tr><th>check</th><th>outcome</th><th>what to mend, or why it was skipped</th></tr>"
        return f"<table><thead>{head}</thead><tbody>{rows}</tbody></table><p>{html.escape(self.summary)}</p>"


def run_checks(pairs: Sequence[tuple[S, Check[S]]], *, kind: str) -> Report:
    """Run pairs of one subject and its checks."""
    results = tuple(check.judge(subject) for subject, check in pairs)
    return Report(kind, pairs[0][0].__name__, results)
